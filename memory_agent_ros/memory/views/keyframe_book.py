"""The kept pictures as working memory knows them: where each was taken, what was seen, what it is worth keeping."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.looks import LookRecord
from memory_agent_ros.memory.views.coverage import CoverageMap, Surface, surface_of
from memory_agent_ros.records.camera import Camera

#: What the half of an object's evidence is worth, in patches of surface shown perfectly.
_EVIDENCE_PATCHES = 20.0


@dataclass(eq=False)
class StoredView:
    """One kept picture, without its pixels.

    Attributes:
        id, stamp_ns, camera: as in :class:`~memory_agent_ros.records.keyframe.Keyframe`.
        T_map_camera: (4, 4).
        look: depth thumbnail of the same frame (of one just before in maps of schema 1); None if there is none.
        T_camera_look: (4, 4) pose of the thumbnail's camera seen from the picture's, the identity but for schema 1.
        objects: object id -> its newest placement that was seen here.
    """

    id: int
    stamp_ns: int
    camera: Camera
    T_map_camera: NDArray[np.float64]
    look: LookRecord | None
    objects: dict[int, int] = field(default_factory=dict)
    T_camera_look: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))

    @property
    def look_pose(self) -> NDArray[np.float64]:
        """(4, 4) pose of the thumbnail's camera; it moves with the picture."""
        return np.asarray(self.T_map_camera @ self.T_camera_look)


class KeyframeBook:
    """All kept pictures by id.

    Attributes:
        revision: grows with every change of a pose or of the pictures kept.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._views: dict[int, StoredView] = {}
        self._seen_in: dict[int, set[int]] = {}
        self._coverage: CoverageMap | None = None
        self._surfaces: dict[int, Surface] = {}

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[StoredView]:
        return iter(self._views.values())

    def __contains__(self, keyframe_id: int) -> bool:
        return keyframe_id in self._views

    def __getitem__(self, keyframe_id: int) -> StoredView:
        return self._views[keyframe_id]

    def wants(self, look: LookRecord, config: MemoryConfig) -> bool:
        """Whether a frame shows enough surface that no kept picture shows as well."""
        surface = surface_of(look, look.T_map_camera)
        if surface.quality.sum() < config.keyframe_patches:
            return False
        gain = self._covered().gain(surface)
        return gain >= max(config.keyframe_patches, config.keyframe_new_share * float(surface.quality.sum()))

    def add(self, view: StoredView) -> None:
        """Take a picture in."""
        self._views[view.id] = view
        for object_id in view.objects:
            self._seen_in.setdefault(object_id, set()).add(view.id)
        if self._coverage is not None:
            self._cover(self._coverage, view)
        self.revision += 1

    def drop(self, keyframe_id: int) -> StoredView:
        """Strike a picture out; returns what it was."""
        view = self._views.pop(keyframe_id)
        for object_id in view.objects:
            self._seen_in[object_id].discard(keyframe_id)
        if self._coverage is not None:
            self._coverage.drop(keyframe_id, self._surfaces.pop(keyframe_id))
        self.revision += 1
        return view

    def repose(self, poses: Mapping[int, NDArray[np.float64]]) -> None:
        """Give pictures new (4, 4) poses; ids that are not kept are passed over."""
        for keyframe_id, pose in poses.items():
            if keyframe_id in self._views:
                self._views[keyframe_id].T_map_camera = np.array(pose, dtype=np.float64)
        self._coverage, self._surfaces = None, {}
        self.revision += 1

    def reassign(self, old_id: int, new_id: int, placement: int) -> None:
        """What was seen of an object goes over to another; both are one at ``placement``."""
        for keyframe_id in self._seen_in.pop(old_id, set()):
            objects = self._views[keyframe_id].objects
            del objects[old_id]
            objects[new_id] = max(placement, objects.get(new_id, placement))
            self._seen_in.setdefault(new_id, set()).add(keyframe_id)

    def forget(self, object_id: int) -> None:
        """No picture says any longer that it shows this object."""
        for keyframe_id in self._seen_in.pop(object_id, set()):
            del self._views[keyframe_id].objects[object_id]

    def least_useful(self, known: Container[int], keep: int) -> int | None:
        """Picture that can best be done without: never ``keep``, nor the last evidence of a ``known`` object.

        Usefulness is the surface that no other picture shows as well, and the share in the evidence of its objects.
        None if every picture is needed.
        """
        coverage = self._covered()
        best: tuple[float, int] | None = None
        for view in sorted(self._views.values(), key=lambda v: coverage.worth(v.id)):
            if best is not None and coverage.worth(view.id) >= best[0]:
                break
            evidence = self._evidence(view, known)
            if view.id == keep or evidence is None:
                continue
            score = coverage.worth(view.id) + 2.0 * _EVIDENCE_PATCHES * evidence
            if best is None or score < best[0]:
                best = score, view.id
        return best[1] if best else None

    def _evidence(self, view: StoredView, known: Container[int]) -> float | None:
        """Sum over its objects of the share in their evidence; None if one has no other of its newest place."""
        total = 0.0
        for object_id, placement in view.objects.items():
            if object_id not in known:
                continue
            others = [self._views[i].objects[object_id] for i in self._seen_in[object_id] if i != view.id]
            as_new = sum(other >= placement for other in others)
            if as_new == 0:
                return None
            total += 1.0 / (1 + as_new)
        return total

    def _covered(self) -> CoverageMap:
        """Built at its first use: a map that is only read needs none."""
        if self._coverage is None:
            self._coverage, self._surfaces = CoverageMap(), {}
            for view in self._views.values():
                self._cover(self._coverage, view)
        return self._coverage

    def _cover(self, coverage: CoverageMap, view: StoredView) -> None:
        nothing = Surface(np.zeros(0, np.int64), np.zeros(0))
        surface = nothing if view.look is None else surface_of(view.look, view.look_pose)
        self._surfaces[view.id] = surface
        coverage.add(view.id, surface)
