"""A stored map opened at an unknown pose: a local map grows until it is found in the stored one, then both are one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import axis_aligned_box, upright_box
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.memory.sessions.relocalisation import RelocalisationConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.relocalisation import Relocalisation


@dataclass(frozen=True)
class SessionConfig:
    """Parameters of :class:`Session`.

    Attributes:
        relocalisation: of the search.
        retry_frames: without a new object the search is tried again after so many images, 1 to 1000.
    """

    relocalisation: RelocalisationConfig = dataclasses.field(default_factory=RelocalisationConfig)
    retry_frames: int = 20


class Session:
    """Feeds a stored map from a robot that does not know where in it it stands.

    Images go to a local map, in their own frame, until it is found in the stored one. Then the local map is merged into
    the stored one, identities go on, and every further image is put into the stored map's frame. An empty stored map
    has no frame to find: the session's becomes it.

    Attributes:
        memory: the stored map; queries go there.
        local: the local map, None once localised.
        relocalisation: how the pose was found, None before, and for a map that was empty.
        tries: how often the pose was looked for.
    """

    def __init__(self, memory: SpatialMemory, config: SessionConfig | None = None) -> None:
        self.memory = memory
        self.config = config or SessionConfig()
        self.relocalisation: Relocalisation | None = None
        self.tries = 0
        self._T: NDArray[np.float64] | None = None
        self.local: SpatialMemory | None = None
        self._tried = (0, 0)
        if memory.objects():
            self.local = SpatialMemory.open(None, memory.config)
        else:
            self._T = np.eye(4)

    @property
    def localised(self) -> bool:
        """Whether the pose in the stored map is known."""
        return self._T is not None

    @property
    def T_map_session(self) -> NDArray[np.float64] | None:  # noqa: N802
        """(4, 4) maps points of the session's frame into the stored map's; None while unknown."""
        return None if self._T is None else self._T.copy()

    @property
    def waiting_for(self) -> str:
        """What is missing for relocalisation, one phrase; "" once localised."""
        if self.local is None:
            return ""
        seen, needed = self._seen(), self.config.relocalisation.min_pairs
        if seen < needed:
            return f"relocalisation: {seen} of at least {needed} objects seen"
        return f"relocalisation: no sure pose from {seen} objects after {self.tries} tries; show it more of the place"

    def observe(self, frame: Frame, observations: Sequence[Observation]) -> list[MemoryEvent]:
        """Take in one image in the session's frame; returns what changed in the stored map.

        Raises:
            BadInputError: as :meth:`SpatialMemory.observe`.
            StoreError: the stored map cannot be written.
        """
        if self.local is None:
            assert self._T is not None
            if self.relocalisation is None:
                return self.memory.observe(frame, observations)
            return self.memory.observe(*in_frame(frame, observations, self._T, self.memory.frame_id))
        last = self.memory.last_stamp_ns
        if last is not None and frame.stamp_ns <= last:
            raise BadInputError(
                "stamp_runs_back", f"stamp {frame.stamp_ns} is not after {last}, the last one of the stored map"
            )
        self.local.observe(frame, observations)
        if not self._due():
            return []
        self.tries += 1
        found = self.memory.relocalise(self.local, self.config.relocalisation)
        if found is None:
            return []
        events = self.memory.merge(self.local, found.T_map_local)
        self.relocalisation, self._T = found, found.T_map_local
        self.local.close()
        self.local = None
        return events

    def placed(self, frame: Frame) -> Frame | None:
        """An image of the session in the stored map's frame; None before that is known."""
        if self._T is None:
            return None
        return frame if self.relocalisation is None else in_frame(frame, [], self._T, self.memory.frame_id)[0]

    def save_local(self, path: Path | str) -> Path | None:
        """Keep the local map of a session that was never localised in a file of its own; None if there is none.

        It can be merged later, with a transform or when it has grown.
        """
        return None if self.local is None else self.local.save(path)

    def close(self) -> None:
        """Let the local map go; the stored one stays open."""
        if self.local is not None:
            self.local.close()

    def _seen(self) -> int:
        assert self.local is not None
        return sum(o.state is ObjectState.PRESENT for o in self.local.objects())

    def _due(self) -> bool:
        """Whether there is something new to go by."""
        assert self.local is not None
        seen, frames = self._seen(), self.local.stats["frames_accepted"]
        if seen < self.config.relocalisation.min_pairs:
            return False
        if seen <= self._tried[0] and frames - self._tried[1] < self.config.retry_frames:
            return False
        self._tried = seen, frames
        return True


def in_frame(
    frame: Frame, observations: Sequence[Observation], T: NDArray[np.float64], frame_id: str
) -> tuple[Frame, list[Observation]]:
    """An image and its observations in the frame ``frame_id`` into which (4, 4) ``T`` maps theirs."""
    moved = dataclasses.replace(frame, T_map_camera=T @ frame.T_map_camera, frame_id=frame_id)
    return moved, [_moved(o, T) for o in observations]


def _moved(obs: Observation, T: NDArray[np.float64]) -> Observation:
    points = np.asarray(transform_points(T, obs.points_map), dtype=np.float32)
    box = upright_box(points) if len(points) >= 8 else axis_aligned_box(points)
    R = T[:3, :3]
    return dataclasses.replace(
        obs,
        points_map=points,
        centroid_map=np.asarray(transform_points(T, obs.centroid_map[None])[0], dtype=np.float64),
        covariance=R @ obs.covariance @ R.T,
        box=OrientedBox(*box),
    )
