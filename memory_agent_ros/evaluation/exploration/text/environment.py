"""Text games behind the protocol of exploration: what is seen and what can be done, as vectors of the texts."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.text.encoding import WIDTH, TextVectors
from memory_agent_ros.evaluation.exploration.text.game import Scene, TextGame
from memory_agent_ros.exploration.situation import Array, Shape, Situations, SituationWords, Step

#: Vectors of texts are read with numbers of about 1.
_SCALE = float(np.sqrt(WIDTH))
#: Beside the text's vector: how often it was chosen in this episode, in this state, whether it was chosen last, how
#: like the goal it is.
_CHOICE_SCALARS = 4
#: Beside the text's vector: whether it is a command of before, how long ago that was.
_LINE_SCALARS = 2


@dataclass(frozen=True)
class TextConfig:
    """How much of a game is read.

    Attributes:
        decisions: after so many the episode ends.
        lines: of a scene, the first ones.
        remembered: commands of before, the last ones, with what the game answered.
        candidates: commands that can be chosen, those most like the goal if there are more.
        shaped: the reward of a step is what the score rose by; else the score comes whole at the end.
    """

    decisions: int = 20
    lines: int = 40
    remembered: int = 6
    candidates: int = 160
    shaped: bool = True


@dataclass
class _Slot:
    """One episode under way."""

    game: TextGame
    scene: Scene
    said: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    in_state: Counter[tuple[int, str]] = field(default_factory=Counter)
    done: bool = False

    def state(self) -> int:
        """The same number for scenes that look the same."""
        made = hashlib.blake2b("\n".join(self.scene.lines).encode(), digest_size=8)
        return int.from_bytes(made.digest(), "little", signed=True)


class TextEnvironment:
    """Episodes of text games side by side; an :class:`~memory_agent_ros.exploration.situation.Environment`.

    Tips are looked up by what is seen: the key of a situation is the sum of vectors drawn from the hash of each line
    and of the goal, so that its cosine is the share of lines that two situations have in common.

    Args:
        name: domain.
        make_game: gives another game for another episode side by side.
        vectors: of texts.
        config: how much is read.
    """

    def __init__(
        self, name: str, make_game: Callable[[], TextGame], vectors: TextVectors, config: TextConfig | None = None
    ) -> None:
        self._name, self._make_game, self._vectors = name, make_game, vectors
        self._config = config or TextConfig()
        self._games: list[TextGame] = []
        self._slots: list[_Slot] = []
        self._offered: list[tuple[str, ...]] = []
        self._keys: dict[str, NDArray[np.float64]] = {}

    @property
    def name(self) -> str:
        """Domain."""
        return self._name

    @property
    def shape(self) -> Shape:
        """Widths of the arrays."""
        return Shape(goal=WIDTH + 1, context=WIDTH + _LINE_SCALARS, candidate=WIDTH + _CHOICE_SCALARS, key=WIDTH)

    def reset(self, tasks: Sequence[int]) -> Situations:
        """Begin an episode of each task."""
        while len(self._games) < len(tasks):
            self._games.append(self._make_game())
        self._slots = [_Slot(g, g.start(int(t))) for g, t in zip(self._games, tasks, strict=False)]
        return self._situations()

    def step(self, choices: NDArray[np.integer]) -> Step:
        """Do what was chosen in each episode that goes on."""
        reward = np.zeros(len(self._slots), np.float32)
        for row, slot in enumerate(self._slots):
            if not slot.done:
                reward[row] = self._act(slot, self._offered[row][int(choices[row])])
        return Step(self._situations(), reward, np.array([s.done for s in self._slots], np.bool_))

    def _act(self, slot: _Slot, command: str) -> float:
        # What a game scores at its start is paid with the first step, so that the rewards add up to the score.
        before = slot.scene.score if slot.chosen else 0.0
        slot.in_state[slot.state(), command] += 1
        after = slot.game.act(command)
        slot.chosen.append(command)
        slot.said.append(f"> {command}: {after.answer}" if after.answer else f"> {command}")
        over = after.done or not after.commands or len(slot.chosen) >= self._config.decisions
        # What is seen at the end has no use, and a row that is done repeats its last situation.
        slot.scene = dataclasses.replace(slot.scene, score=after.score) if over else after
        slot.done = over
        if self._config.shaped:
            return after.score - before
        return after.score if over else 0.0

    def scores(self) -> Array:
        """(B,) score of each episode so far."""
        return np.array([s.scene.score for s in self._slots], np.float32)

    def goal_text(self, row: int) -> str:
        """The goal of an episode."""
        return self._slots[row].scene.goal

    def choice_text(self, row: int, choice: int) -> str:
        """A command that is offered now."""
        return self._offered[row][choice]

    def _situations(self) -> Situations:
        seen = [s.scene.lines[: self._config.lines] for s in self._slots]
        told = [(*lines, *s.said[-self._config.remembered :]) for lines, s in zip(seen, self._slots, strict=True)]
        goals = [s.scene.goal for s in self._slots]
        texts = [t for lines in told for t in lines] + goals + [c for s in self._slots for c in s.scene.commands]
        vectors = dict(zip(texts, self._vectors.of(texts), strict=True))
        self._offered = [self._offer(s, vectors) for s in self._slots]
        rows, tokens = len(self._slots), max(len(lines) for lines in told)
        context = np.zeros((rows, tokens, WIDTH + _LINE_SCALARS), np.float32)
        candidates = np.zeros((rows, max(map(len, self._offered)), WIDTH + _CHOICE_SCALARS), np.float32)
        for row, (slot, lines, offered) in enumerate(zip(self._slots, told, self._offered, strict=True)):
            context[row, : len(lines)] = _context(lines, len(seen[row]), vectors)
            candidates[row, : len(offered)] = _candidates(slot, offered, vectors)
        left = [1.0 - len(s.chosen) / self._config.decisions for s in self._slots]
        wanted = np.stack([vectors[g] for g in goals]) * _SCALE
        goal = np.concatenate([wanted, np.array(left)[:, None]], axis=1).astype(np.float32)
        return Situations(
            goal=goal,
            context=context,
            context_mask=np.arange(tokens) < np.array([[len(lines)] for lines in told]),
            candidates=candidates,
            candidate_mask=np.arange(candidates.shape[1]) < np.array([[len(o)] for o in self._offered]),
            key=np.stack([self._key(s) for s in self._slots]),
            state=np.array([s.state() for s in self._slots], np.int64),
            words=tuple(SituationWords(*w) for w in zip(goals, told, self._offered, strict=True)),
        )

    def _offer(self, slot: _Slot, vectors: dict[str, NDArray[np.float32]]) -> tuple[str, ...]:
        """The commands that can be chosen, in the game's order."""
        commands = slot.scene.commands
        if len(commands) <= self._config.candidates:
            return commands
        like = np.stack([vectors[c] for c in commands]) @ vectors[slot.scene.goal]
        kept = np.sort(np.argsort(-like, kind="stable")[: self._config.candidates])
        return tuple(commands[i] for i in kept.tolist())

    def _key(self, slot: _Slot) -> Array:
        """(K,) unit vector."""
        total = np.sum([self._hashed(text) for text in (slot.scene.goal, *slot.scene.lines)], axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9), np.float32)

    def _hashed(self, text: str) -> NDArray[np.float64]:
        if text not in self._keys:
            seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
            self._keys[text] = np.random.default_rng(seed).standard_normal(WIDTH) / np.sqrt(WIDTH)
        return self._keys[text]


def _context(lines: Sequence[str], seen: int, vectors: dict[str, NDArray[np.float32]]) -> Array:
    """(N, O) tokens: the first ``seen`` lines are what is seen, the others what was done, oldest first."""
    out = np.zeros((len(lines), WIDTH + _LINE_SCALARS), np.float32)
    for n, line in enumerate(lines):
        out[n, :WIDTH] = vectors[line] * _SCALE
        if n >= seen:
            out[n, WIDTH:] = 1.0, 1.0 / (len(lines) - n)
    return out


def _candidates(slot: _Slot, offered: Sequence[str], vectors: dict[str, NDArray[np.float32]]) -> Array:
    """(C, F) features of commands."""
    state, often = slot.state(), Counter(slot.chosen)
    text = np.stack([vectors[c] for c in offered])
    scalars = [[np.log1p(often[c]), np.log1p(slot.in_state[state, c]), float(slot.chosen[-1:] == [c])] for c in offered]
    like = text @ vectors[slot.scene.goal]
    return np.concatenate([text * _SCALE, np.array(scalars), like[:, None]], axis=1).astype(np.float32)
