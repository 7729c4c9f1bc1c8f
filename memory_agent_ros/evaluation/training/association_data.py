"""What association is learned from: frames of memories that run through ``train`` apartments, with the right answers.

Each apartment is walked once and replayed with several errors of pose and detector. The memory that is recorded lives
with the assignments of a teacher (the true instances), of the hand-built way, or of a mixture, so that its maps hold
the mistakes that it will have to live with (DAgger; Ross et al., 2011). Frames are kept as compact arrays in the cache.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.association_worlds import WALK, association_world
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import WalkConfig, cache_folder
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.memory.association.association import Associator, Matches, associate
from memory_agent_ros.memory.association.association_features import association_input
from memory_agent_ros.memory.association.pair_evidence import Problem
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.tokens import Tokens
from memory_agent_ros.perception.ground_truth import DetectionNoise
from memory_agent_ros.records.observation import Observation

if TYPE_CHECKING:
    from memory_agent_ros.memory.association.learned_association import AssociationBatch

_VERSION = 1
#: Replays of each apartment.
REPLAYS = 4
_PLAIN_WALK = WalkConfig(passes=2, spacing_m=0.8, turn_deg=45.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One frame: as the associator read it, and ``target`` (n, m' + 2), 1 for every right answer."""

    tokens: Tokens
    pairs: NDArray[np.float32]
    own: NDArray[np.float32]
    possible: NDArray[np.bool_]
    target: NDArray[np.float32]


class Recorder:
    """An associator that writes down each problem with its right answer, and acts as it is told.

    Args:
        rng: draws who acts.
        teacher: share of the frames in which the true instances decide.
        student: acts in the others.
    """

    def __init__(self, rng: np.random.Generator, teacher: float, student: Associator = associate) -> None:
        self._rng, self._teacher, self._student = rng, teacher, student
        self.samples: list[Sample] = []
        self._truth: dict[tuple[str, float, tuple[float, ...]], int] = {}
        self._owners: dict[int, Counter[int]] = defaultdict(Counter)

    def told(self, observations: Sequence[Observation], true_ids: Sequence[int]) -> None:
        """Whose the observations of the next frame are, in order; kept by pixel box, which a correction leaves."""
        self._truth = {_key(o): t for o, t in zip(observations, true_ids, strict=True)}

    def saw(self, true_ids: Sequence[int], assigned: Sequence[int]) -> None:
        """What became of the observations of the last frame."""
        for true, track in zip(true_ids, assigned, strict=True):
            self._owners[track][true] += 1

    def __call__(self, problem: Problem) -> Matches:
        """Record, then act."""
        true = [self._truth[_key(o)] for o in problem.observations]
        owners = np.array([self._owner(t.id) for t in problem.tracks], dtype=np.int64)
        if len(true) and len(owners):
            read = association_input(problem)
            if len(read.candidates):
                right = _targets(true, owners[read.candidates], read.possible)
                self.samples.append(Sample(read.tokens, read.pairs, read.own, read.possible, right))
        if self._rng.random() < self._teacher:
            return _taught(problem, true, owners)
        return self._student(problem)

    def _owner(self, track: int) -> int:
        """The instance a track stands for: the one most of its detections show; -1 if it shows nothing clearly."""
        counts = self._owners.get(track)
        if not counts:
            return -1
        instance, count = counts.most_common(1)[0]
        return instance if instance > 0 and count >= 0.6 * counts.total() else -1


def association_samples(seed: int) -> list[Sample]:
    """The frames of one ``train`` apartment; computed once, read from the cache afterwards."""
    path = cache_folder().parent / "association" / f"train-{seed}-{_VERSION}.npz"
    if path.exists():
        return _read(path)
    rng = np.random.default_rng([seed, 4711])
    detections = association_world(
        "train", seed, few_words=bool(seed % 3), config=WALK if seed % 4 else _PLAIN_WALK, noise=_detector(rng)
    )
    samples = [s for _ in range(REPLAYS) for s in _replayed(detections, rng)]
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, samples)
    return samples


def association_batches(
    seeds: Sequence[int], seed: int = 0, *, frames: int = 24, progress: bool = True
) -> Iterator[AssociationBatch]:
    """Endless random batches of frames; the map is turned at random."""
    from memory_agent_ros.memory.association.learned_association import collate

    samples = [s for n in tqdm(seeds, desc="association frames", disable=not progress) for s in association_samples(n)]
    rng = np.random.default_rng([seed, 17])
    while True:
        chosen = [samples[int(i)] for i in rng.integers(len(samples), size=frames)]
        inputs = [(_turned(s.tokens, rng.uniform(0, 2 * np.pi)), s.pairs, s.own, s.possible) for s in chosen]
        yield collate(inputs, [s.target for s in chosen])


def _detector(rng: np.random.Generator) -> DetectionNoise:
    """A detector with errors of its own."""
    usual = DetectionNoise()
    return dataclasses.replace(
        usual,
        miss=float(rng.uniform(0.0, 2.0)) * usual.miss,
        confusion=float(rng.uniform(0.0, 3.0)) * usual.confusion,
        false_positives=float(rng.uniform(0.5, 4.0)) * usual.false_positives,
    )


def _replayed(detections: Detections, rng: np.random.Generator) -> list[Sample]:
    strength = float(rng.choice([0.0, 0.5, 1.0, 2.0])) * float(rng.uniform(0.5, 1.25))
    pose = PoseNoise(0.1 * strength, float(rng.uniform(2.0, 4.0)) * strength, seed=int(rng.integers(1 << 31)))
    recorder = Recorder(rng, float(rng.choice([0.0, 0.5, 1.0])))
    memory = SpatialMemory.open(None, MemoryConfig(), associator=recorder)
    known = bool(rng.random() < 0.8)
    for step in detections.replay(pose, float(rng.choice([0.0, 0.2, 0.4])), report_covariance=known):
        recorder.told(step.observations, step.true_ids)
        memory.observe(step.frame, step.observations)
        recorder.saw(step.true_ids, memory.assignments)
    memory.close()
    return recorder.samples


def _key(obs: Observation) -> tuple[str, float, tuple[float, ...]]:
    return obs.label, obs.score, tuple(float(v) for v in obs.box_xyxy)


def _targets(true: Sequence[int], owners: NDArray[np.int64], possible: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(n, m' + 2): the objects of its instance within reach, else new; clutter for false positives."""
    target = np.zeros((len(true), len(owners) + 2), np.float32)
    for i, instance in enumerate(true):
        if instance == 0:
            target[i, -1] = 1.0
            continue
        own = (owners == instance) & possible[i]
        target[i, :-2][own] = 1.0
        target[i, -2] = float(not own.any())
    return target


def _taught(problem: Problem, true: Sequence[int], owners: NDArray[np.int64]) -> Matches:
    """Assignment by true instance; second pieces of an object are fragments."""
    result = Matches(overlap=np.zeros((len(true), len(owners))))
    for i, instance in enumerate(true):
        own = np.flatnonzero(owners == instance) if instance else np.zeros(0, np.intp)
        if instance == 0:
            result.clutter.append(i)
        elif len(own) == 0:
            result.new.append(i)
        else:
            best = max(own.tolist(), key=lambda j: problem.tracks[j].observations)
            (result.fragments if best in result.pairs.values() else result.pairs)[i] = best
    return result


def _turned(tokens: Tokens, yaw: float) -> Tokens:
    R = planar(0.0, 0.0, yaw)[:3, :3].astype(np.float32)
    return Tokens(tokens.kind, tokens.features, tokens.points @ R.T, R @ tokens.rotation, tokens.origin)


def _write(path: Path, samples: Sequence[Sample]) -> None:
    """Frames one after the other, in half precision; sizes tell them apart."""

    def flat(arrays: Sequence[NDArray[np.generic]], kind: type) -> NDArray[np.generic]:
        return np.concatenate([a.ravel() for a in arrays]).astype(kind) if arrays else np.zeros(0, kind)

    draft = path.with_suffix(".part.npz")
    np.savez_compressed(
        draft,
        sizes=np.array([s.possible.shape for s in samples], np.int32).reshape(-1, 2),
        features=flat([s.tokens.features for s in samples], np.float16),
        points=flat([s.tokens.points for s in samples], np.float32),
        rotation=flat([s.tokens.rotation for s in samples], np.float32),
        pairs=flat([s.pairs for s in samples], np.float16),
        own=flat([s.own for s in samples], np.float16),
        possible=flat([s.possible for s in samples], np.bool_),
        target=flat([s.target for s in samples], np.uint8),
    )
    draft.replace(path)


def _read(path: Path) -> list[Sample]:
    from memory_agent_ros.memory.association.association_features import OWN_FEATURES, PAIR_FEATURES
    from memory_agent_ros.memory.tokens import DETECTION, FEATURES, OBJECT

    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    at = dict.fromkeys(data, 0)

    def take(name: str, *shape: int) -> NDArray[np.float32]:
        count = int(np.prod(shape))
        at[name] += count
        return np.asarray(data[name][at[name] - count : at[name]], np.float32).reshape(shape)

    samples = []
    for n, m in data["sizes"].tolist():
        kind = np.repeat(np.array([DETECTION, OBJECT], np.int64), [n, m])
        tokens = Tokens(
            kind, take("features", n + m, FEATURES), take("points", n + m, 3), take("rotation", n + m, 3, 3),
            np.zeros(3),
        )  # fmt: skip
        samples.append(
            Sample(
                tokens, take("pairs", n, m, PAIR_FEATURES), take("own", n, OWN_FEATURES),
                take("possible", n, m).astype(bool), take("target", n, m + 2),
            )
        )  # fmt: skip
    return samples
