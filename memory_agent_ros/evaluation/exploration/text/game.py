"""A text game as a player sees it, and a memory of what followed which commands."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Scene:
    """What is seen before a command.

    Attributes:
        goal: what is to be done.
        lines: what is around and what is carried, a line each.
        answer: what the game said to the last command; empty at the start.
        commands: what can be done now; none once it is over.
        score: 0 to 1.
        done: the game is won, lost or otherwise over.
    """

    goal: str
    lines: tuple[str, ...]
    answer: str
    commands: tuple[str, ...]
    score: float
    done: bool


class TextGame(Protocol):
    """One game at a time; the same commands in the same task always lead to the same scene."""

    def start(self, task: int) -> Scene:
        """Begin a task anew."""
        ...

    def act(self, command: str) -> Scene:
        """Do something."""
        ...

    def restore(self, task: int, commands: Sequence[str]) -> None:
        """Begin a task and do all commands, without looking at what comes of them."""
        ...


class SceneCache:
    """Scenes by task and commands so far; those not asked for longest go first.

    Args:
        most: scenes kept.

    Attributes:
        hits, misses: how often a scene was known.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._scenes: OrderedDict[tuple[int, tuple[str, ...]], Scene] = OrderedDict()
        self.hits = self.misses = 0

    def get(self, task: int, commands: tuple[str, ...]) -> Scene | None:
        """The scene after the commands, None if it is not known."""
        scene = self._scenes.get((task, commands))
        if scene is None:
            self.misses += 1
        else:
            self.hits += 1
            self._scenes.move_to_end((task, commands))
        return scene

    def put(self, task: int, commands: tuple[str, ...], scene: Scene) -> Scene:
        """Keep a scene."""
        self._scenes[task, commands] = scene
        if len(self._scenes) > self._most:
            self._scenes.popitem(last=False)
        return scene


class ReplayedGame:
    """A game that is only played where its scenes are not known yet.

    Slow simulators gain from it: rollouts of one task begin alike, and a good policy takes the same way again and
    again. Where a known way ends, the game is brought there by its commands, which then are not looked at.

    Args:
        game: what is played.
        cache: may be shared by games of the same tasks.
    """

    def __init__(self, game: TextGame, cache: SceneCache) -> None:
        self._game, self._cache = game, cache
        self._task = 0
        self._commands: tuple[str, ...] = ()
        self._up_to_date = False

    def start(self, task: int) -> Scene:
        """Begin a task anew."""
        self._task, self._commands = task, ()
        scene = self._cache.get(task, ())
        self._up_to_date = scene is None
        return self._cache.put(task, (), self._game.start(task)) if scene is None else scene

    def act(self, command: str) -> Scene:
        """Do something."""
        before, self._commands = self._commands, (*self._commands, command)
        scene = self._cache.get(self._task, self._commands)
        if scene is not None:
            self._up_to_date = False
            return scene
        if not self._up_to_date:
            self._game.restore(self._task, before)
            self._up_to_date = True
        return self._cache.put(self._task, self._commands, self._game.act(command))

    def restore(self, task: int, commands: Sequence[str]) -> None:
        """Begin a task and do all commands, without looking at what comes of them."""
        self._task, self._commands, self._up_to_date = task, tuple(commands), False
