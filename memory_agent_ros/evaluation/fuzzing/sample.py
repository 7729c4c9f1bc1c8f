"""A small sound map and its frames: what hostile inputs are made from."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.tip import Tip, TipSource

SECOND = 1_000_000_000
START_NS = 100 * SECOND
LABELS = {1: "chair", 2: "red mug", 3: "table", 4: "chair"}
#: No learned parts: they take seconds to load, and cases are about what comes in.
CONFIG = MemoryConfig(association="hand_built")
_WIDTH, _HEIGHT = 96, 72
#: The camera steps aside, and back again.
_STEP_M, _STEPS = 0.02, 5
#: Instance, columns, rows and depth of the things before a wall at 3 m.
_THINGS = (
    (1, (8, 26), (20, 52), 2.0),
    (2, (30, 42), (30, 44), 1.6),
    (3, (46, 74), (40, 64), 2.2),
    (4, (78, 92), (22, 54), 2.4),
)
_PIPELINE = PerceptionPipeline(GroundTruthDetector(LABELS, NO_NOISE))


def camera() -> Camera:
    """Of all sample frames."""
    focal = _WIDTH * 0.9
    return Camera(_WIDTH, _HEIGHT, np.array([[focal, 0, _WIDTH / 2], [0, focal, _HEIGHT / 2], [0, 0, 1.0]]))


@cache
def _pictures() -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int32]]:
    rgb = np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8)
    depth, ids = np.full((_HEIGHT, _WIDTH), 3.0, np.float32), np.zeros((_HEIGHT, _WIDTH), np.int32)
    for instance, columns, rows, metres in _THINGS:
        place = slice(*rows), slice(*columns)
        rgb[place], depth[place], ids[place] = (40 * instance, 200 - 30 * instance, 60), metres, instance
    return rgb, depth, ids


def frame(number: int) -> Frame:
    """The number-th picture: the camera steps aside a little."""
    rgb, depth, ids = _pictures()
    T = np.eye(4)
    T[:3, :3] = R_BODY_OPTICAL
    T[:3, 3] = 0.0, _STEP_M * (number % _STEPS), 1.2
    return Frame(START_NS + number * SECOND, rgb, depth, camera(), T, instances=ids)


def observations(picture: Frame) -> list[Observation]:
    """What is detected in a sample frame, with appearances."""
    number = round(float(picture.T_map_camera[1, 3]) / _STEP_M)
    return [dataclasses.replace(o, stamp_ns=picture.stamp_ns) for o in _observations(number)]


@cache
def _observations(number: int) -> tuple[Observation, ...]:
    found = _PIPELINE.process(frame(number)).observations
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(len(found), 16)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    return tuple(dataclasses.replace(o, embedding=v) for o, v in zip(found, looks, strict=True))


def tips(count: int = 2) -> list[Tip]:
    """Tips that can be kept."""
    situation = np.array([1.0, 0.0, 0.0, 0.0], np.float32)
    return [
        Tip("search", "mug", situation, np.full(3, float(i), np.float32), "room", 0.5, f"look in the kitchen {i}",
            TipSource("one", i, "nearest", START_NS, "home"), (1,))
        for i in range(count)
    ]  # fmt: skip


def write_sample_map(path: Path, frames: int = 6) -> Path:
    """A map of four things, seen in a few frames, one of them corrected by hand, with tips and rooms."""
    with SpatialMemory.open(path, CONFIG) as memory:
        for number in range(frames):
            picture = frame(number)
            memory.observe(picture, observations(picture))
        memory.relabel(memory.find("table")[0].id, "desk", "sample")
        memory.tips.remember(tips())
        memory.rooms()
    return path


def jpeg() -> bytes:
    """A colour picture."""
    return bytes(cv2.imencode(".jpg", _pictures()[0])[1])


def png16() -> bytes:
    """A depth picture, millimetres."""
    return bytes(cv2.imencode(".png", (_pictures()[1] * 1000).astype(np.uint16))[1])
