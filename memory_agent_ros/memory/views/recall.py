"""Recall of stored pictures that look at the same place as a pose, or at a place.

Two steps. One matrix product of the query with a pooled code of every picture (the encoder's ViewRoPE keys where its
weights are, else a fixed rotary code of their surface points; :mod:`view_scores`) picks the candidates; then the depth
of each candidate says how much of the surface asked about it shows. Codes are made once per picture and again when its
pose changes. Where the query has no picture of its own, the surfaces that stored pictures saw tell what it would see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.tokens import keyframe_tokens
from memory_agent_ros.memory.views.keyframe_book import KeyframeBook, StoredView
from memory_agent_ros.memory.views.patch_features import PatchFeatures, unpack_patches
from memory_agent_ros.memory.views.view_prediction import agreement, patches_of_look, predict_patches, unknown_patches
from memory_agent_ros.memory.views.view_scores import view_keys, view_scores
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.recalled_view import RecalledView

#: Candidates whose depth is asked for each view wanted, and at least; weight of the code beside the depth.
_CANDIDATES, _MIN_CANDIDATES, _CODE_WEIGHT = 4, 20, 0.3
#: Points of a place asked about that are looked up at most; share of them that a picture of the place shows at least.
_PLACE_POINTS, _SHOWS_PLACE = 256, 0.1


@dataclass(frozen=True, eq=False)
class _Entry:
    """What is kept of one picture: patches, its pose then, points and normals (N, 3) of known ones in the map."""

    patches: PatchFeatures
    T_map_camera: NDArray[np.float64]
    points: NDArray[np.float64]
    normals: NDArray[np.float64]


class ViewRecall:
    """Codes of all kept pictures, brought up to date at each question.

    Args:
        load_encoder: gives the learned encoder, or None for the fixed code; called when a pose is asked about first.
    """

    def __init__(self, load_encoder: Callable[[], Encoder | None] = lambda: None) -> None:
        self._load_encoder = load_encoder
        self.clear()

    def clear(self) -> None:
        """Forget all codes; the next question reads the pictures' features again."""
        self._entries: dict[int, _Entry] = {}
        self._keys: dict[int, NDArray[np.float32]] = {}
        self._points = self._normals = np.zeros((0, 3))
        self._up_to: tuple[KeyframeBook, int] | None = None

    def at_pose(
        self,
        state: MapState,
        store: Store,
        T_map_camera: NDArray[np.float64],
        camera: Camera | None = None,
        features: PatchFeatures | None = None,
        k: int = 5,
    ) -> list[RecalledView]:
        """The k pictures that show most of what a camera at (4, 4) ``T_map_camera`` sees, best first.

        Args:
            state: the map.
            store: where its pictures' features are.
            T_map_camera: (4, 4) pose of the optical frame.
            camera: intrinsics; those of the newest picture if None.
            features: patches of the picture taken there; predicted from the map if None.
            k: how many.
        """
        if len(state.book) == 0 or k <= 0:
            return []
        self._update(state.book, store)
        camera = camera or state.book[max(self._entries)].camera
        patches = features or predict_patches(camera, T_map_camera, self._points, self._normals)
        if not patches.has_depth.any():
            patches = unknown_patches(camera)
        encoder, keys = self._load_encoder(), self._key_matrix()
        scores = view_scores(encoder, keyframe_tokens(patches, T_map_camera), keys)
        surface = patches.points_camera[patches.has_depth].astype(np.float64)
        points = surface @ T_map_camera[:3, :3].T + T_map_camera[:3, 3]
        candidates = np.argsort(-scores, kind="stable")[: max(_MIN_CANDIDATES, _CANDIDATES * k)]
        ids = [list(self._entries)[i] for i in candidates.tolist()]
        spread = max(float(np.abs(scores).max()), 1e-9)
        return _ranked(state, ids, _CODE_WEIGHT * scores[candidates] / spread, points)[:k]

    def at_place(
        self, state: MapState, store: Store, center: NDArray[np.float64], radius_m: float, k: int = 5
    ) -> list[RecalledView]:
        """The k pictures that show most of the surfaces within ``radius_m`` of a (3,) map point, best first.

        None if no picture shows anything there.
        """
        if len(state.book) == 0 or k <= 0:
            return []
        self._update(state.book, store)
        there = self._points[np.linalg.norm(self._points - center, axis=1) <= radius_m]
        if len(there) == 0:
            return []
        points = there[:: -(-len(there) // _PLACE_POINTS)]
        distance = np.array([np.linalg.norm(e.T_map_camera[:3, 3] - center) for e in self._entries.values()])
        found = _ranked(state, list(self._entries), _CODE_WEIGHT / np.maximum(distance, 1.0), points)
        return [view for view in found if view.overlap >= _SHOWS_PLACE][:k]

    def _update(self, book: KeyframeBook, store: Store) -> None:
        """Read new pictures, place moved ones anew, drop those that are gone."""
        if self._up_to is not None and self._up_to[0] is book and self._up_to[1] == book.revision:
            return
        known = self._entries
        features = archive.features(store, [v.id for v in book if v.id not in known])
        self._entries = {}
        for view in book:
            entry = known.get(view.id)
            if entry is None:
                entry = _entry(view, _patches(view, features.get(view.id)))
            elif not np.array_equal(entry.T_map_camera, view.T_map_camera):
                entry = _entry(view, entry.patches)
            if entry is not known.get(view.id):
                self._keys.pop(view.id, None)
            self._entries[view.id] = entry
        self._keys = {i: key for i, key in self._keys.items() if i in self._entries}
        self._points = np.concatenate([e.points for e in self._entries.values()])
        self._normals = np.concatenate([e.normals for e in self._entries.values()])
        self._up_to = book, book.revision

    def _key_matrix(self) -> NDArray[np.float32]:
        """(F, C) keys of all pictures; those that are missing are made."""
        due = [i for i in self._entries if i not in self._keys]
        tokens = [keyframe_tokens(self._entries[i].patches, self._entries[i].T_map_camera) for i in due]
        if due:
            self._keys.update(zip(due, view_keys(self._load_encoder(), tokens), strict=True))
        return np.stack([self._keys[i] for i in self._entries])


def _ranked(
    state: MapState, ids: Sequence[int], scores: NDArray[np.floating], points: NDArray[np.float64]
) -> list[RecalledView]:
    """Views of the named pictures, ordered by the score of each plus the share of (N, 3) map points it shows."""
    found = []
    for keyframe_id, score in zip(ids, scores.tolist(), strict=True):
        view = state.book[keyframe_id]
        shown = 0.0 if view.look is None else agreement(points, view.look, view.look_pose)
        objects = tuple(sorted(i for i in view.objects if i in state.tracks))
        found.append(RecalledView(keyframe_id, round(shown + score, 6), round(shown, 6), objects))
    return sorted(found, key=lambda v: (-v.score, v.keyframe_id))


def likely_objects(views: Sequence[RecalledView]) -> dict[int, float]:
    """Object id -> how much recalled pictures let one expect it, [0, 1]: 1 - prod(1 - overlap) over those with it."""
    missing: dict[int, float] = {}
    for view in views:
        for object_id in view.object_ids:
            missing[object_id] = missing.get(object_id, 1.0) * (1.0 - min(max(view.overlap, 0.0), 1.0))
    return {i: 1.0 - m for i, m in sorted(missing.items(), key=lambda item: (item[1], item[0]))}


def _patches(view: StoredView, features: bytes | None) -> PatchFeatures:
    """Stored patches, else those of the depth thumbnail, else rays alone."""
    if features is not None:
        return unpack_patches(features, view.camera)
    return unknown_patches(view.camera) if view.look is None else patches_of_look(view.look, view.camera)


def _entry(view: StoredView, patches: PatchFeatures) -> _Entry:
    T, known = view.T_map_camera, patches.has_depth
    points = patches.points_camera[known].astype(np.float64) @ T[:3, :3].T + T[:3, 3]
    normals = patches.normals_camera[known].astype(np.float64) @ T[:3, :3].T
    return _Entry(patches, T.copy(), points, normals)
