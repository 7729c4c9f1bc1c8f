"""Recorded walks through simulated apartments: rendered once, kept in the user's cache, replayed with any noise."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.evaluation.episode import EpisodeConfig, make_simulation
from memory_agent_ros.evaluation.walks.tour import plan_tour
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame

_VERSION = 1
_GRID_M = 0.1


@dataclass(frozen=True)
class WalkConfig:
    """What is recorded.

    Attributes:
        width, height: image size, pixels.
        rooms: number of rooms, 3 to 6, or None for as many as the seed gives.
        cluttered: whether twice as many things stand there, look-alikes side by side.
        passes: tours one after the other, each in an order of its own.
        edits: changes of the world before each pass but the first; ``kinds`` of them, in turn.
        rate_hz: images per second of simulated time.
        spacing_m, turn_deg: motion between images.
        tipped: share of the things that tell how they lie which lie on their side, and of those upside down.
    """

    width: int = 320
    height: int = 240
    rooms: int | None = None
    passes: int = 1
    edits: int = 0
    kinds: tuple[str, ...] = ("move", "remove")
    rate_hz: float = 2.5
    spacing_m: float = 0.3
    turn_deg: float = 20.0
    cluttered: bool = False
    tipped: float = 0.0


@dataclass(frozen=True, eq=False)
class TrueObject:
    """One labelled instance as it stood during a pass; see ``memory_agent_sim.truth.TruthObject``.

    Walks recorded before things could be tipped tell no state; everything stands upright in them.
    """

    id: int
    label: str
    box: OrientedBox
    movable: bool
    room: str
    present: bool
    instance_key: str
    state: str | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """A recorded walk.

    Attributes:
        split, seed, config: what was recorded.
        camera: intrinsics of all images.
        stamps_ns: (N,) int64; ``passes`` (N,) which pass each image belongs to.
        T_map_base, T_map_camera: (N, 4, 4) true poses.
        labels: instance id -> label.
        truth: per pass, every instance that is or was there.
        edits: per pass, the changes made before it: dicts with ``kind``, ``object_id``, ``other_id``.
        rooms: name -> (2, 2) x, y of lower and upper corner; doors: (M, 2) x, y of their middles.
    """

    split: str
    seed: int
    config: WalkConfig
    camera: Camera
    stamps_ns: NDArray[np.int64]
    passes: NDArray[np.intp]
    T_map_base: NDArray[np.float64]
    T_map_camera: NDArray[np.float64]
    labels: dict[int, str]
    truth: list[list[TrueObject]]
    edits: list[list[dict[str, Any]]]
    rooms: dict[str, NDArray[np.float64]]
    doors: NDArray[np.float64]
    _images: list[tuple[bytes, bytes, bytes]]

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def frame(self, index: int) -> Frame:
        """One image with its true pose; depth is kept to the millimetre, colour as JPEG."""
        color, depth, instances = self._images[index]
        shape = (self.camera.height, self.camera.width)
        bgr = cv2.imdecode(np.frombuffer(color, np.uint8), cv2.IMREAD_COLOR)
        assert bgr is not None
        millimetres = np.frombuffer(zlib.decompress(depth), np.uint16).reshape(shape)
        ids = np.frombuffer(zlib.decompress(instances), np.uint16).reshape(shape)
        return Frame(
            int(self.stamps_ns[index]),
            np.ascontiguousarray(bgr[..., ::-1]),
            millimetres.astype(np.float32) / 1000.0,
            self.camera,
            self.T_map_camera[index],
            instances=ids.astype(np.int32),
        )

    def jpeg(self, index: int) -> bytes:
        """The colour of one image as it is stored."""
        return self._images[index][0]

    def frames(self, which_pass: int | None = None) -> Iterator[tuple[int, Frame]]:
        """(index, image) of one pass, or of all."""
        for index in range(len(self)):
            if which_pass is None or self.passes[index] == which_pass:
                yield index, self.frame(index)


def cache_folder() -> Path:
    """``memory_agent_ros/walks`` in the user's cache folder."""
    return user_cache_path("memory_agent_ros") / "walks"


def record_walk(split: str, seed: int, config: WalkConfig | None = None, *, progress: bool = False) -> Walk:
    """The walk of an apartment; rendered at the first call, read from the cache afterwards.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    config = config or WalkConfig()
    about = dataclasses.asdict(config)
    for name in ("cluttered", "tipped"):
        if not about[name]:
            del about[name]  # walks recorded before there was a choice keep their names
    key = hashlib.sha256(json.dumps([_VERSION, about]).encode()).hexdigest()[:12]
    path = cache_folder() / f"{split}-{seed}-{key}.npz"
    if path.exists():
        return _read(path, split, seed, config)
    walk = _render(split, seed, config, progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, walk)
    return walk


def _render(split: str, seed: int, config: WalkConfig, progress: bool) -> Walk:
    episode = EpisodeConfig(
        width=config.width, height=config.height, rooms=config.rooms, rate_hz=config.rate_hz,
        cluttered=config.cluttered, tipped=config.tipped,
    )  # fmt: skip
    sim = make_simulation(split, seed, episode)
    rng = np.random.default_rng([seed % 2**32, 77])
    images, stamps, numbers, bases, cameras = [], [], [], [], []
    truth, edits = [], []
    try:
        for number in range(config.passes):
            edits.append(_edit(sim, config, rng) if number else [])
            truth.append([_true_object(t) for t in sim.truth()])
            free, origin = sim.free_floor(_GRID_M)
            poses = plan_tour(
                free, origin, _GRID_M, sim.rooms, sim.T_map_base[:2, 3], rng, config.spacing_m, config.turn_deg
            )
            for x, y, yaw in tqdm(poses, desc=f"walk {split} {seed}", disable=not progress, leave=False):
                sim.place(x, y, yaw)
                frame = sim.frame()
                images.append(_packed(frame))
                stamps.append(frame.stamp_ns)
                numbers.append(number)
                bases.append(sim.T_map_base)
                cameras.append(frame.T_map_camera)
        return Walk(
            split, seed, config, sim.camera, np.array(stamps, np.int64), np.array(numbers), np.array(bases),
            np.array(cameras), dict(sim.labels), truth, edits,
            {r.name: np.stack([r.minimum, r.maximum]) for r in sim.rooms},
            np.array([[d.x, d.y] for d in sim.layout.plan.doors]).reshape(-1, 2), images,
        )  # fmt: skip
    finally:
        sim.close()


def _edit(sim: Any, config: WalkConfig, rng: np.random.Generator) -> list[dict[str, Any]]:
    edits = sim.sample_edits(config.edits, rng, kinds=config.kinds, avoid_visible_from=sim.frame())
    sim.apply_edits(edits)
    return [{"kind": e.kind, "object_id": e.object_id, "other_id": e.other_id} for e in edits]


def _true_object(t: Any) -> TrueObject:
    return TrueObject(t.id, t.label, t.box, t.movable, t.room, t.present, t.instance_key, t.state)


def _packed(frame: Frame) -> tuple[bytes, bytes, bytes]:
    assert frame.instances is not None
    _, color = cv2.imencode(".jpg", frame.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    depth = np.where(np.isfinite(frame.depth_m), np.clip(frame.depth_m, 0, 65.0), 0.0) * 1000.0
    return (
        color.tobytes(),
        zlib.compress(np.rint(depth).astype(np.uint16).tobytes(), 1),
        zlib.compress(frame.instances.astype(np.uint16).tobytes(), 1),
    )


def _write(path: Path, walk: Walk) -> None:
    about = {
        "camera": [walk.camera.width, walk.camera.height, walk.camera.K.tolist()],
        "labels": {str(k): v for k, v in walk.labels.items()},
        "truth": [
            [
                [t.id, t.label, t.box.center.tolist(), t.box.size.tolist(), t.box.yaw, t.movable, t.room, t.present,
                 t.instance_key, *((t.state,) if walk.config.tipped else ())]
                for t in one
            ]
            for one in walk.truth
        ],
        "edits": walk.edits,
        "rooms": {k: v.tolist() for k, v in walk.rooms.items()},
        "doors": walk.doors.tolist(),
    }  # fmt: skip
    blobs = [b for image in walk._images for b in image]
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        np.savez(
            draft,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            stamps=walk.stamps_ns, passes=walk.passes, base=walk.T_map_base, cameras=walk.T_map_camera,
            sizes=np.array([len(b) for b in blobs], np.int64), data=np.frombuffer(b"".join(blobs), np.uint8),
        )  # fmt: skip
    os.replace(draft.name, path)


def _read(path: Path, split: str, seed: int, config: WalkConfig) -> Walk:
    with np.load(path) as file:
        about = json.loads(file["about"].tobytes())
        ends = np.cumsum(file["sizes"])
        data = file["data"].tobytes()
        blobs = [data[e - s : e] for s, e in zip(file["sizes"].tolist(), ends.tolist(), strict=True)]
        width, height, K = about["camera"]
        truth = [
            [
                TrueObject(i, label, OrientedBox(np.array(c), np.array(s), yaw), *rest)
                for i, label, c, s, yaw, *rest in one
            ]
            for one in about["truth"]
        ]
        return Walk(
            split, seed, config, Camera(width, height, np.array(K)), file["stamps"], file["passes"], file["base"],
            file["cameras"], {int(k): v for k, v in about["labels"].items()}, truth, about["edits"],
            {k: np.array(v) for k, v in about["rooms"].items()}, np.array(about["doors"]).reshape(-1, 2),
            list(zip(blobs[0::3], blobs[1::3], blobs[2::3], strict=True)),
        )  # fmt: skip
