"""From the signals of an answer to probabilities: that it is right, and that anybody could know it.

Three logistic regressions over the same few features, fitted by ``memory-agent train calibration``:

- ``right``: an answer that was given is right.
- ``known``: the question of an answer that was given has an answer that a memory can hold.
- ``known_unanswered``: the same where nothing was found to tell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.signals import Signals
from memory_agent_ros.records.errors import BadInputError

#: What the regressions see, in this order; see :func:`features`.
FEATURES = (
    "memory", "thought", "guessed", "calls", "mass", "match", "nothing", "empty", "not_looked", "gone", "things",
    "age", "steps", "stopped", "strange", "strangest",
)  # fmt: skip
HEADS = ("right", "known", "known_unanswered")
VERSION = 2
#: Of features of which nothing is known.
_ANY = ((-math.inf, math.inf),) * len(FEATURES)
#: More strange words than this are no stranger.
_MOST_STRANGE = 4


class Calibrator(Protocol):
    """Turns the signals of an answer into probabilities."""

    def right(self, signals: Signals) -> float:
        """That the answer is right; of the answer "unknown", that nobody could know."""
        ...

    def known(self, signals: Signals) -> float:
        """That a memory that lived through all of it could know the answer."""
        ...

    @property
    def least_known(self) -> float:
        """An answer that could be known with less probability than this is not told."""
        ...

    def strange(self, signals: Signals) -> tuple[str, ...]:
        """Words of the question that questions to a memory do not use, and that are of no name in the calls."""
        ...


class Uncalibrated:
    """Takes how sure memory and model are as it is, and every answer as one that can be known."""

    least_known = 0.0

    def right(self, signals: Signals) -> float:
        """The product of what memory and model say."""
        v = signals.values
        return v["memory"] * math.exp(v["calls"]) * v["mass"]

    def known(self, signals: Signals) -> float:
        """1, but of what was not known."""
        return float(not signals.unknown)

    def strange(self, signals: Signals) -> tuple[str, ...]:
        """None."""
        return ()


def features(signals: Signals, vocabulary: Collection[str]) -> NDArray[np.float64]:
    """(F,) of :data:`FEATURES`, all of the order of 1.

    Args:
        signals: of an answer.
        vocabulary: words that questions to a memory use; any other is strange.
    """
    v = signals.values
    strange = sum(word not in vocabulary for word in signals.words) if vocabulary else 0
    sure = min(max(v["memory"], 0.01), 0.99)
    by_name = {
        **{name: v[name] for name in FEATURES if name in v},
        "memory": math.log(sure / (1.0 - sure)) / 4.0,
        "calls": max(v["calls"], -8.0) / 4.0,
        "mass": math.log10(min(max(v["mass"], 1e-4), 1.0)) / 2.0,
        "not_looked": 1.0 - v["looked"],
        "things": math.log1p(v["things"]) / 2.0,
        "age": math.log1p(v["age_h"]) / 4.0,
        "steps": min(v["steps"], 8.0) / 4.0,
        "strange": min(strange, _MOST_STRANGE) / 2.0,
        "strangest": float(strange > 0),
    }
    return np.array([by_name[name] for name in FEATURES], dtype=np.float64)


@dataclass(frozen=True)
class Calibration:
    """Fitted regressions.

    Attributes:
        weights: by head (F + 1,): of the features, and the constant.
        vocabulary: words that questions to a memory use.
        least_known: answers below it are not told.
        card: what it was fitted on, and how well it does.
        seen: (least, most) of each feature in the fit; beyond it nothing is concluded: a map that is a year old is as
            old as the oldest one there.
    """

    weights: Mapping[str, tuple[float, ...]]
    vocabulary: frozenset[str]
    least_known: float
    card: Mapping[str, Any] = field(default_factory=dict)
    seen: tuple[tuple[float, float], ...] = _ANY

    def right(self, signals: Signals) -> float:
        """See :class:`Calibrator`."""
        return 1.0 - self.known(signals) if signals.unknown else self._head("right", signals)

    def known(self, signals: Signals) -> float:
        """See :class:`Calibrator`."""
        return self._head("known_unanswered" if signals.unknown else "known", signals)

    def strange(self, signals: Signals) -> tuple[str, ...]:
        """See :class:`Calibrator`."""
        return tuple(word for word in signals.words if word not in self.vocabulary)

    def _head(self, name: str, signals: Signals) -> float:
        weights = np.array(self.weights[name])
        least, most = np.array(self.seen).T
        return float(probability(np.clip(features(signals, self.vocabulary), least, most)[None], weights)[0])

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "version": VERSION, "features": list(FEATURES), "least_known": self.least_known,
            "weights": {head: [round(w, 5) for w in self.weights[head]] for head in HEADS},
            "seen": [[round(v, 5) for v in pair] for pair in self.seen],
            "vocabulary": sorted(self.vocabulary), "card": dict(self.card),
        }  # fmt: skip
        path.write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read it.

        Raises:
            BadInputError: ``calibration_unreadable``: no such file, of another version or of other features.
        """
        try:
            content = json.loads(path.read_text())
            if content["version"] != VERSION or tuple(content["features"]) != FEATURES:
                raise ValueError("it is of another version")
            weights = {head: tuple(float(w) for w in content["weights"][head]) for head in HEADS}
            if any(len(w) != len(FEATURES) + 1 for w in weights.values()):
                raise ValueError("weights are missing")
            seen = tuple((float(low), float(high)) for low, high in content["seen"])
            if len(seen) != len(FEATURES):
                raise ValueError("ranges are missing")
            least = float(content["least_known"])
            return cls(weights, frozenset(content["vocabulary"]), least, content.get("card", {}), seen)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BadInputError("calibration_unreadable", f"{path}: {error}; write it anew with memory-agent train "
                                "calibration --out FILE") from error  # fmt: skip


def probability(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) probabilities of a logistic regression: (N, F) features, (F + 1,) weights with the constant last."""
    score = np.clip(rows @ weights[:-1] + weights[-1], -30.0, 30.0)
    return np.asarray(1.0 / (1.0 + np.exp(-score)), dtype=np.float64)


def shipped_file() -> Path:
    """The calibration that comes with this package."""
    return Path(__file__).parents[1] / "weights" / "calibration.json"


@lru_cache(maxsize=1)
def shipped() -> Calibrator:
    """The calibration that comes with this package; none of it where there is no file."""
    path = shipped_file()
    return Calibration.load(path) if path.is_file() else Uncalibrated()
