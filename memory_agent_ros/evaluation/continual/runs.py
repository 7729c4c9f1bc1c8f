"""One life of one arm, kept in the cache: accuracy on every apartment after each. Needs torch."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from memory_agent_ros.evaluation.continual.base_model import APARTMENTS, base_model, mean_features
from memory_agent_ros.evaluation.continual.learners import ARMS, Learner, Life, shares_of
from memory_agent_ros.evaluation.continual.places import Moments, Place, Words, asked, joined, moments, place

#: Questions about each fact at a test, each with views of its own.
ASKED_AT_TEST = 2
#: Moments from which EWC measures what an apartment needs.
_FISHER = 64


@dataclass(frozen=True)
class Stream:
    """Apartments one after the other.

    Attributes:
        split: of the apartments.
        seed: which stream; it also draws weights and moments.
        life: settings.
    """

    split: str = "test"
    seed: int = 0
    life: Life = field(default_factory=Life)

    @property
    def apartments(self) -> list[int]:
        """Seeds of the apartments; no two streams share one, and none was seen by the frozen model."""
        first = self.seed * self.life.tasks + (APARTMENTS if self.split == "train" else 0)
        return list(range(first, first + self.life.tasks))


def cached_run(arm: str, stream: Stream) -> dict[str, Any]:
    """:func:`run`, or what it gave before with the same settings and code."""
    told = json.dumps([arm, asdict(stream), _code()], sort_keys=True)
    folder = user_cache_path("memory_agent_ros") / "continual"
    path = folder / f"{arm}-{stream.seed}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    result = run(arm, stream)
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result))
    draft.replace(path)
    return result


def run(arm: str, stream: Stream) -> dict[str, Any]:
    """Live one life.

    Returns:
        JSON-ready: ``accuracy`` (tasks + 1, tasks), the first row before anything was learned, each further one after
        one more apartment (``joint``: the first and the last row only); ``routes`` the share of questions that go to
        the column most of their apartment's go to; ``shares`` of replay over the life; ``columns``; ``cpu_s``.
    """
    import torch

    torch.set_num_threads(1)
    started = time.process_time()
    words, life = Words(), stream.life
    model = base_model(len(words), stream.seed)
    learner = Learner(ARMS[arm], life, model, mean_features(model), words, stream.seed)
    places = [place(stream.split, number) for number in stream.apartments]
    rng = np.random.default_rng([stream.seed, 1])
    tests = [moments(words, p, p.facts * ASKED_AT_TEST, rng) for p in places]
    lived = _lived(words, places, life, np.random.default_rng([stream.seed, 2]))
    table = [_accuracy(learner, tests)]
    if ARMS[arm].joint:
        _live_at_once(learner, lived, np.random.default_rng([stream.seed, 3]))
        table.append(_accuracy(learner, tests))
    else:
        for task, fresh in enumerate(lived):
            _live(learner, fresh, task)
            table.append(_accuracy(learner, tests))
    return {
        "arm": arm,
        "seed": stream.seed,
        "accuracy": np.round(table, 4).tolist(),
        "routes": _route_purity(learner, tests) if ARMS[arm].routed and not ARMS[arm].oracle else None,
        "shares": shares_of(learner, life.tasks),
        "columns": learner.router.claimed,
        "usage_entropy": round(learner.router.usage_entropy, 4),
        "cpu_s": round(time.process_time() - started, 1),
    }


def _lived(words: Words, places: Sequence[Place], life: Life, rng: np.random.Generator) -> list[Moments]:
    """What is asked in each apartment, the same for every arm: enough for batches without any replay."""
    count = life.steps * life.batch
    return [moments(words, p, asked(p.facts, count, rng), rng) for p in places]


def _live(learner: Learner, fresh: Moments, task: int) -> None:
    """An apartment's steps; what an arm replays more of, it sees less of what is new."""
    at = 0
    for _ in range(learner.life.steps):
        count = learner.wanted()
        learner.step(fresh.rows(slice(at, at + count)), np.full(count, task))
        at += count
    learner.finish_task(fresh.rows(slice(max(0, at - _FISHER), at)))


def _live_at_once(learner: Learner, lived: Sequence[Moments], rng: np.random.Generator) -> None:
    everything, batch = joined(lived), learner.life.batch
    owners = np.repeat(np.arange(len(lived)), [len(m) for m in lived])
    order = rng.permutation(len(everything))
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        learner.step(everything.rows(rows), owners[rows])


def _accuracy(learner: Learner, tests: Sequence[Moments]) -> list[float]:
    return [float(learner.right(test, task).mean()) for task, test in enumerate(tests)]


def _route_purity(learner: Learner, tests: Sequence[Moments]) -> float:
    """Share of questions that go where most of their apartment's go, if no other apartment's most go there too."""
    routes = [learner.routes(test) for test in tests]
    most = [int(np.bincount(r + 1).argmax()) - 1 for r in routes]
    own = [float((r == m).mean()) if most.count(m) == 1 else 0.0 for r, m in zip(routes, most, strict=True)]
    return round(float(np.mean(own)), 4)


def transfer(accuracy: NDArray[np.float64]) -> dict[str, float]:
    """Figures of a (tasks + 1, tasks) table (Lopez-Paz and Ranzato, 2017).

    ``average``: after everything; ``backward_transfer``: accuracy on the earlier apartments at the end less that right
    after each; ``forward_transfer``: accuracy on an apartment just before it less that before everything;
    ``forgetting``: largest accuracy that an earlier apartment ever had less that at the end.
    """
    last, tasks = accuracy[-1], accuracy.shape[1]
    figures = {"average": float(last.mean())}
    if len(accuracy) != tasks + 1:
        return figures
    own = np.array([accuracy[t + 1, t] for t in range(tasks)])
    before = np.array([accuracy[t, t] for t in range(tasks)])
    best = np.array([accuracy[t + 1 :, t].max() for t in range(tasks)])
    return figures | {
        "backward_transfer": float((last - own)[:-1].mean()),
        "forward_transfer": float((before - accuracy[0])[1:].mean()),
        "forgetting": float((best - last)[:-1].mean()),
    }


@cache
def _code() -> str:
    """Digest of the code that decides what a run gives."""
    import memory_agent_ros

    package = Path(memory_agent_ros.__file__).parent
    names = ("application", "columns", "replay", "rows")
    files = [
        *(package / "adapters" / f"{n}.py" for n in names),
        *sorted((package / "evaluation" / "continual").glob("*.py")),
    ]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]
