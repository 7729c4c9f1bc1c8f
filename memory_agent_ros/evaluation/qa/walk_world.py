"""A recorded walk as worlds of questions: what a perfect memory would believe after both visits, and the real memory.

There are several readings of the truth: what was plainly shown, what was shown at all, and both with everything a few
centimetres off. A question is fair if its answer is the same in all of them: it hangs neither on a glimpse nor on a
centimetre.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from scipy import ndimage

import memory_agent_ros
from memory_agent_ros.evaluation.change_arms import MISS, POSITION_M, ROTATION_DEG, WALK
from memory_agent_ros.evaluation.change_truth import watch_places
from memory_agent_ros.evaluation.qa.true_structure import Solid, TrueRoom, TrueStructure, box_cloud, parts_cloud
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.visits import Sighting, Visit, remembered
from memory_agent_ros.evaluation.visible import MIN_FRAMES, MIN_PIXELS
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk, WalkConfig, record_walk
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.keyframe import Keyframe

_HOUR_NS = 3600 * 10**9
#: When the first visit begins: a clock that does not start at zero.
_EPOCH_NS = 1000 * _HOUR_NS
#: A glimpse: pixels at 640x480, and the share of an old place that one image must show.
_GLIMPSE_PIXELS, _GLIMPSE_SHARE = 30, 0.2
#: How far things are put off in the readings with errors, metres.
_JITTER_M = 0.05
#: Pictures kept of each thing and visit: the first, the last and the largest ones.
_LARGEST = 2
#: Code that the memory of a walk depends on.
_CODE = (
    "memory/**/*.py", "geometry/*.py", "perception/*.py", "perception/embedders/color_histogram.py",
    "evaluation/walks/*.py",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class WalkWorld:
    """One apartment, walked through twice.

    Attributes:
        walk: the recording; its stamps are shifted by ``offsets_ns`` (N,).
        truth: what was plainly shown, the oracle memory.
        readings: other readings of the truth that a fair question has the same answer in.
    """

    walk: Walk
    offsets_ns: NDArray[np.int64]
    truth: TruthMemory
    readings: tuple[TruthMemory, ...]


def walk_world(split: str, seed: int, config: WalkConfig = WALK) -> WalkWorld:
    """The worlds of an apartment; the walk is rendered if it is not in the cache."""
    walk = record_walk(split, seed, config)
    rng = np.random.default_rng([abs(seed), 91])
    gap_ns = int(rng.uniform(3.0, 60.0) * _HOUR_NS)
    offsets = _EPOCH_NS + walk.passes.astype(np.int64) * gap_ns
    now_ns = int(walk.stamps_ns[-1] + offsets[-1] + rng.uniform(0.2, 6.0) * _HOUR_NS)
    seen = _Seen(walk, offsets)
    embedder = lazy_text_embedder("auto")

    def world(glimpse: bool, jitter: int) -> TruthMemory:
        things, events = remembered(seen.visits(glimpse, jitter))
        rooms = [TrueRoom(i, name, c[0], c[1]) for i, (name, c) in enumerate(walk.rooms.items(), start=1)]
        structure = TrueStructure(rooms, walk.doors)
        attributes = {i: seen.looks[i] for i in things}
        return TruthMemory(things, events, structure, now_ns, seen.keyframe, attributes, embedder)

    return WalkWorld(walk, offsets, world(False, 0), tuple(world(g, j) for g, j in ((True, 0), (False, 1), (True, 2))))


class _Seen:
    """What each image shows of each thing."""

    def __init__(self, walk: Walk, offsets_ns: NDArray[np.int64]) -> None:
        self._walk = walk
        self._stamps = walk.stamps_ns + offsets_ns
        self._views = watch_places(walk)
        self._boxes: dict[tuple[int, int], NDArray[np.float32]] = {}
        for index, frame in walk.frames():
            assert frame.instances is not None
            for number, found in enumerate(ndimage.find_objects(frame.instances), start=1):
                if found is not None:
                    rows, columns = found
                    box = np.array([columns.start, rows.start, columns.stop, rows.stop], dtype=np.float32)
                    self._boxes[index, number] = box
        self.looks = {t.id: _looks(t) for one in walk.truth for t in one}

    def visits(self, glimpse: bool, jitter: int) -> list[Visit]:
        """Both visits: as plainly shown, or every glimpse counted; with places off by a few centimetres."""
        rng = np.random.default_rng([jitter, 17])
        count = 1 + max(t.id for t in self._walk.truth[0])
        off = rng.normal(scale=_JITTER_M * bool(jitter), size=(count, 3)) * [1.0, 1.0, 0.2]
        return [self._visit(number, glimpse, off) for number in range(self._walk.config.passes)]

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """The image of a number, counted from 1."""
        index = keyframe_id - 1
        return Keyframe(
            keyframe_id,
            int(self._stamps[index]),
            self._walk.camera,
            self._walk.T_map_camera[index],
            self._walk.jpeg(index),
        )

    def _visit(self, number: int, glimpse: bool, off: NDArray[np.float64]) -> Visit:
        rows = np.flatnonzero(self._walk.passes == number)
        pixels = self._views.pixels[rows]
        least, frames = (_GLIMPSE_PIXELS, 1) if glimpse else (MIN_PIXELS, MIN_FRAMES)
        solids, sightings = {}, {}
        for true in self._walk.truth[number]:
            shown = rows[pixels[:, true.id] >= least]
            if true.present and len(shown) >= frames:
                solids[true.id] = _solid(true, off[true.id])
                sightings[true.id] = self._sightings(true.id, shown)
        looked: dict[int, int] = {}
        if number:
            views = self._views
            told = views.shown[rows] >= _GLIMPSE_SHARE if glimpse else views.well[rows]
            for column, i in enumerate(views.ids.tolist()):
                when = rows[told[:, column]]
                if len(when) >= frames:
                    looked[i] = int(self._stamps[when[0]])
        return Visit(solids, sightings, looked, int(self._stamps[rows[-1]]))

    def _sightings(self, object_id: int, shown: NDArray[np.intp]) -> list[Sighting]:
        largest = shown[np.argsort(-self._views.pixels[shown, object_id])[:_LARGEST]]
        return [
            Sighting(
                int(self._stamps[i]), int(i) + 1, self._walk.T_map_camera[i], self._boxes[int(i), object_id],
                float(min(1.0, self._views.pixels[i, object_id] / 10_000)),
            )
            for i in np.unique([shown[0], *largest, shown[-1]])
        ]  # fmt: skip


def _solid(true: TrueObject, off: NDArray[np.float64]) -> Solid:
    box = OrientedBox(true.box.center + off, true.box.size, true.box.yaw)
    if true.movable:
        return Solid(true.id, true.label, box, box_cloud(box))
    from memory_agent_sim.furniture import FurnitureInstance, furniture_shape

    kind, _, variant = true.instance_key.rpartition("/")
    parts = furniture_shape(FurnitureInstance(kind.replace("_", " "), int(variant))).boxes
    ground = box.center - [0.0, 0.0, box.size[2] / 2]
    return Solid(true.id, true.label, box, parts_cloud(_centred(parts), ground, box.yaw))


def _centred(parts: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Boxes about the middle of their common footprint: the box of a piece need not be centred on its own axis."""
    extent = np.array(parts)
    middle = (extent[:, :2].min(axis=0) + extent[:, 3:5].max(axis=0)) / 2
    shift = np.array([*middle, 0.0, *middle, 0.0])
    return [tuple(row) for row in extent - shift]


def _looks(true: TrueObject) -> Mapping[str, str]:
    """Colour, material and state as far as there is one answer."""
    from memory_agent_sim.attributes import attributes_of

    known = attributes_of(true.instance_key)
    found = {"colour": known.colour, "material": known.material, "state": true.state}
    return {aspect: value for aspect, value in found.items() if value is not None}


# ---------------------------------------------------------------------- the real memory


def real_memory(world: WalkWorld, config: MemoryConfig | None = None) -> Path:
    """File of the memory that lived through the walk, with errors of poses and missed detections.

    Built at the first call (about a minute), kept in the user's cache folder.
    """
    config = config or MemoryConfig()
    walk = world.walk
    settings = (walk.config, config, POSITION_M, ROTATION_DEG, MISS, world.offsets_ns[[0, -1]].tolist(), _digest())
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
    path = user_cache_path("memory_agent_ros") / "qa" / f"{walk.split}-{walk.seed}-{key}.map"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.part")
        draft.unlink(missing_ok=True)
        detections = Detections(walk, seed=walk.seed)
        noise = PoseNoise(POSITION_M, ROTATION_DEG, seed=walk.seed)
        with SpatialMemory.open(draft, config) as memory:
            for index, step in enumerate(detections.replay(noise, MISS)):
                shift = int(world.offsets_ns[index])
                frame = dataclasses.replace(step.frame, stamp_ns=step.frame.stamp_ns + shift)
                told = [dataclasses.replace(o, stamp_ns=o.stamp_ns + shift) for o in step.observations]
                memory.observe(frame, told)
        os.replace(draft, path)
    return path


def _digest() -> str:
    return hashlib.sha256(b"".join(f.read_bytes() for f in _code())).hexdigest()


def _code() -> Iterator[Path]:
    root = Path(memory_agent_ros.__file__).parent
    for pattern in _CODE:
        yield from sorted(root.glob(pattern))
