"""A building of any size: shelves of twenty things on a lattice, as maps in bulk and as frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import axis_aligned_box
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL
from memory_agent_ros.geometry.voxels import voxel_keys
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState, ObservationRow
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.views.keyframes import encode
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.observation import Observation

#: Things on a shelf: five in a row, four rows.
PER_SHELF = 20
_ACROSS, _SPACING_M, _EDGE_M, _AHEAD_M = 5, 0.42, 0.22, 2.0
#: Shelves stand this far apart: 0.8 things on a square metre, as in an apartment.
_LATTICE_M = 5.0
_SECOND = 1_000_000_000
CAMERA = Camera(640, 480, np.array([[433.0, 0.0, 319.5], [0.0, 433.0, 239.5], [0.0, 0.0, 1.0]]))
_COLOURS = ("red", "blue", "green", "white", "black", "yellow", "grey", "brown", "pink", "orange")
_NOUNS = (
    "mug", "book", "lamp", "bowl", "box", "bottle", "plant", "clock", "vase", "basket", "toy", "radio", "plate", "pan",
    "jar", "cushion", "shoe", "towel", "candle", "speaker",
)  # fmt: skip
LABELS = tuple(f"{colour} {noun}" for noun in _NOUNS for colour in _COLOURS)
NOUNS, COLOURS = _NOUNS, _COLOURS


@dataclass(frozen=True, eq=False)
class Building:
    """``objects`` things with appearance vectors of ``dimension`` numbers, drawn from ``seed``."""

    objects: int
    seed: int
    dimension: int = 64

    @property
    def shelves(self) -> int:
        """How many shelves there are."""
        return self.objects // PER_SHELF

    @cached_property
    def labels(self) -> NDArray[np.intp]:
        """(N,) index into :data:`LABELS` of each thing."""
        return np.random.default_rng([self.seed, 1]).integers(len(LABELS), size=self.objects)

    @cached_property
    def _patch(self) -> NDArray[np.float32]:
        """(P, 3) surface points of a thing about its centre: its front, as depth shows it."""
        side = np.arange(-_EDGE_M / 2, _EDGE_M / 2 + 1e-9, 0.02)
        y, z = np.meshgrid(side, side)
        return np.stack([np.zeros(y.size), y.ravel(), z.ravel()], axis=1).astype(np.float32)

    def shelf_at(self, shelf: int) -> NDArray[np.float64]:
        """(3,) middle of a shelf."""
        side = int(np.ceil(np.sqrt(self.shelves)))
        row, column = divmod(shelf, side)
        column = column if row % 2 == 0 else side - 1 - column  # neighbours in number are neighbours in space
        return np.array([row * _LATTICE_M, column * _LATTICE_M, 1.0])

    def centers(self, shelf: int) -> NDArray[np.float64]:
        """(20, 3) centres of a shelf's things."""
        k = np.arange(PER_SHELF)
        offset = np.stack(
            [np.zeros(PER_SHELF), (k % _ACROSS - 2) * _SPACING_M, (k // _ACROSS - 1.5) * _SPACING_M], axis=1
        )
        return np.asarray(self.shelf_at(shelf) + offset)

    def embedding(self, thing: int) -> NDArray[np.float32]:
        """Unit appearance vector of a thing."""
        vector = np.random.default_rng([self.seed, 2, thing]).normal(size=self.dimension)
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    def look(self, shelf: int, stamp_ns: int, rng: np.random.Generator) -> tuple[Frame, list[Observation]]:
        """A frame before a shelf, the camera up to 10 cm off, with twenty noisy detections."""
        T = np.eye(4)
        T[:3, :3] = R_BODY_OPTICAL
        T[:3, 3] = self.shelf_at(shelf) + np.array([-_AHEAD_M, *rng.uniform(-0.1, 0.1, 2)])
        depth = np.full((CAMERA.height, CAMERA.width), _AHEAD_M + 0.5, dtype=np.float32)
        boxes = [self._pixels(center, T) for center in self.centers(shelf)]
        for x0, y0, x1, y1 in boxes:
            depth[y0:y1, x0:x1] = _AHEAD_M
        rgb = np.full((CAMERA.height, CAMERA.width, 3), 120, dtype=np.uint8)
        frame = Frame(stamp_ns, rgb, depth, CAMERA, T)
        first = shelf * PER_SHELF
        return frame, [
            self._observe(first + k, center, box, stamp_ns, rng)
            for k, (center, box) in enumerate(zip(self.centers(shelf), boxes, strict=True))
        ]

    def _pixels(self, center: NDArray[np.float64], T: NDArray[np.float64]) -> tuple[int, int, int, int]:
        x, y, z = (center - T[:3, 3]) @ T[:3, :3]
        half = CAMERA.K[0, 0] * _EDGE_M / 2 / z
        u, v = CAMERA.K[0, 0] * x / z + CAMERA.K[0, 2], CAMERA.K[1, 1] * y / z + CAMERA.K[1, 2]
        return round(u - half), round(v - half), round(u + half) + 1, round(v + half) + 1

    def _observe(
        self,
        thing: int,
        center: NDArray[np.float64],
        box: tuple[int, int, int, int],
        stamp: int,
        rng: np.random.Generator,
    ) -> Observation:
        points = (self._patch + center + rng.normal(0, 0.003, self._patch.shape)).astype(np.float32)
        vector = self.embedding(thing) + rng.normal(0, 0.02, self.dimension).astype(np.float32)
        label = LABELS[self.labels[thing]]
        return Observation(
            stamp, label, 0.9, {label: 0.9}, points, points.mean(axis=0).astype(np.float64), np.eye(3) * 1e-4,
            OrientedBox(*axis_aligned_box(points)), np.array(box, dtype=np.float32),
            (box[2] - box[0]) * (box[3] - box[1]), False, vector / np.float32(np.linalg.norm(vector)), _AHEAD_M,
        )  # fmt: skip

    def batches(self, state: MapState) -> Iterator[Changes]:
        """Every shelf as it is remembered after six looks: tracks, three observations each, one picture."""
        config, rng = MemoryConfig(), np.random.default_rng([self.seed, 3])
        noise = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
        jpeg = encode(np.kron(noise, np.ones((16, 16, 1), np.uint8)), config.jpeg_quality)
        state.frame_id = "map"
        for shelf in range(self.shelves):
            stamp = state.last_stamp_ns = (shelf + 1) * _SECOND
            frame, seen = self.look(shelf, stamp, rng)
            row = state.next_id("frames")
            changes = Changes(stamp_ns=stamp, T_map_camera=frame.T_map_camera, frame_row=row)
            changes.keyframe = Keyframe(state.next_id("keyframes"), stamp, CAMERA, frame.T_map_camera, jpeg)
            for obs in seen:
                track = self._track(state.next_id("objects"), obs, config)
                state.tracks[track.id] = track
                changes.touched.add(track.id)
                position = track.box(config).center
                changes.events.append(
                    MemoryEvent(EventKind.ADDED, track.id, track.label, stamp, position, id=state.next_id("events"))
                )
                for _ in range(3):
                    changes.rows.append(ObservationRow(state.next_id("observations"), track.id, 0, row, 0.5, obs))
            yield changes

    def _track(self, object_id: int, obs: Observation, config: MemoryConfig) -> Track:
        cloud = VoxelCloud(config.voxel_m)
        keys, first = np.unique(voxel_keys(obs.points_map, config.voxel_m), return_index=True)
        cloud.keys, cloud.points = keys, obs.points_map[first].copy()
        cloud.hits = np.full(len(keys), 4.0, dtype=np.float32)
        cloud.anchors = np.zeros(len(keys), dtype=np.int32)
        cloud.remember_box(config.min_hits, axis_aligned_box(cloud.points))
        track = Track(object_id, cloud, obs.stamp_ns - 2 * _SECOND)
        track.votes.add({obs.label: 5.4}, 1.0)
        if obs.embedding is not None:
            track.bank.add(obs.embedding, 6.0)
        track.centroid, track.information = obs.centroid_map, np.eye(3) * 1e4
        track.confirmed, track.log_odds, track.observations, track.score_mass = True, config.presence_max, 6, 5.4
        track.last_seen_ns = track.last_looked_ns = track.announced_ns = track.logged_ns = obs.stamp_ns
        track.announced, track.min_pixels, track.first_range_m = obs.box.center, float(obs.pixels), _AHEAD_M
        track.views.best, track.views.directions = 0.5, [[-1.0, 0.0, 0.0]] * config.keyframes_per_object
        return track
