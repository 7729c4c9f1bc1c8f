"""TextWorld (Cote et al., arXiv 1806.11532): generated games of rooms, doors, containers and things.

The game is to take one named thing among others somewhere in a house (TextWorld's *treasure hunter*); taking the wrong
one loses. Rules, commands and scores are TextWorld's own Python engine's. That engine gives no prose, so the lines are
written here from its facts about what the player can see. TextWorld's other player, for games compiled to the
Z-machine, needs jericho, which is under the GPL and neither required nor used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from memory_agent_ros.evaluation.exploration.text.game import Scene
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

_DIRECTIONS = ("north", "south", "east", "west")
#: Seeds tried for one game.
_ATTEMPTS = 20
#: Commands that tell nothing which the lines do not tell already.
_IDLE = ("look", "inventory", "examine ")


class TextWorldGame:
    """Treasure hunts; a :class:`~memory_agent_ros.evaluation.exploration.text.game.TextGame`.

    Args:
        level: of difficulty, 1 to 30: more rooms, from 11 on closed doors and containers, from 21 on locked ones.
        seeds: of the games; the games' tasks are positions in this list.
        folder: where generated games are kept.

    Raises:
        MissingExtraError: the package is not installed.
    """

    def __init__(self, level: int, seeds: Sequence[int], folder: Path) -> None:
        _textworld()
        self._level, self._seeds, self._folder = level, tuple(seeds), folder
        self._players: dict[int, Any] = {}
        self._player: Any = None
        self._goal = ""

    def start(self, task: int) -> Scene:
        """Begin a game anew."""
        return self._scene(self._begin(task), False)

    def act(self, command: str) -> Scene:
        """Do something."""
        state, _, done = self._player.step(command)
        return self._scene(state, bool(done))

    def restore(self, task: int, commands: Sequence[str]) -> None:
        """Begin a game and do all commands."""
        self._begin(task)
        for command in commands:
            self._player.step(command)

    def _begin(self, task: int) -> Any:
        seed = self._seeds[task]
        if seed not in self._players:
            textworld = _textworld()
            wanted = textworld.EnvInfos(admissible_commands=True, facts=True, won=True, policy_commands=True)
            self._players[seed] = textworld.start(str(game_file(self._level, seed, self._folder)), wanted)
        self._player = self._players[seed]
        state = self._player.reset()
        # The way there, which TextWorld would tell, is left out, and so is what the thing lies in.
        self._goal = str(state.policy_commands[-1]).partition(" from ")[0]
        return state

    def _scene(self, state: Any, done: bool) -> Scene:
        commands = () if done else tuple(sorted(c for c in state.admissible_commands if not c.startswith(_IDLE)))
        return Scene(self._goal, lines(state.facts), "", commands, float(bool(state.won)), done)


def game_file(level: int, seed: int, folder: Path) -> Path:
    """A game on disk, made if it is not there.

    Raises:
        BadInputError: ``game_not_generated``.
    """
    path = folder / f"treasure-hunter-{level}-{seed}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.json")
        _generate(level, seed).save(str(draft))
        draft.replace(path)
    return path


def _generate(level: int, seed: int) -> Any:
    """A game; where a seed's house has no room for the quest, that of another seed that follows from it."""
    textworld = _textworld()
    from textworld.challenges.tw_treasure_hunter import treasure_hunter
    from textworld.generator.chaining import QuestGenerationError

    for attempt in range(_ATTEMPTS):
        options = textworld.GameOptions()
        options.seeds = seed + attempt * 1_000_003
        try:
            return treasure_hunter.make({"level": level}, options)
        except QuestGenerationError:
            continue
    raise BadInputError("game_not_generated", f"TextWorld makes no game of level {level} from seed {seed}")


def lines(facts: Iterable[Any]) -> tuple[str, ...]:
    """What the player can see, a line for each exit, thing and thing carried, sorted."""
    told = [(f.name, *(a.name for a in f.arguments)) for f in facts]
    room = next(f[2] for f in told if f[0] == "at" and f[1] == "P")
    states: dict[str, list[str]] = {}
    for name, *names in told:
        if name in ("open", "closed", "locked"):
            states.setdefault(names[0], []).append(name)
    doors = {(f[1], f[3]): f[2] for f in told if f[0] == "link"}
    found = [f"You carry a {f[1]}." for f in told if f[0] == "in" and f[2] == "I"]
    for name, *names in told:
        direction = name.removesuffix("_of")
        if direction in _DIRECTIONS and names[1] == room:
            door = doors.get((room, names[0]))
            exit_ = "An exit" if door is None else f"A {_said(door, states)}"
            found.append(f"{exit_} leads {direction}.")
    here = [f[1] for f in told if f[0] == "at" and f[2] == room and f[1] != "P"]
    found += [f"There is a {_said(thing, states)} here." for thing in here]
    for name, *names in told:
        if (name == "on" or (name == "in" and "open" in states.get(names[1], ()))) and names[1] in here:
            found.append(f"A {names[0]} is {name} the {names[1]}.")
    return (f"You are in the {room}.", *sorted(found))


def _said(thing: str, states: dict[str, list[str]]) -> str:
    return " ".join((*states.get(thing, ()), thing))


def _textworld() -> Any:
    """The package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        with _without_z_machine():
            import textworld
    except ImportError as error:
        raise MissingExtraError(
            "TextWorld is not installed: pip install 'memory_agent_ros[text-environments]', "
            "then pip install --no-deps textworld==1.7.0"
        ) from error
    return textworld


@contextlib.contextmanager
def _without_z_machine() -> Iterator[None]:
    """TextWorld imports jericho, which only its Z-machine player calls: where it is absent, an empty module does."""
    if "jericho" in sys.modules or importlib.util.find_spec("jericho") is not None:
        yield
        return
    stand_in = types.ModuleType("jericho")
    for name in ("UnsupportedGameWarning", "TruncatedInputActionWarning"):
        setattr(stand_in, name, type(name, (UserWarning,), {}))
    sys.modules["jericho"] = stand_in
    try:
        yield
    finally:
        del sys.modules["jericho"]
