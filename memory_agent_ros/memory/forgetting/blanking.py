"""Where erased objects stand in pictures and thumbnails."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookRecord
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import HeldRow
from memory_agent_ros.memory.views import keyframes
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.quarantine import QuarantineReason

#: Nearer to the camera than this nothing is seen, metres.
_NEAR_M = 0.05
#: Half a voxel at most: points stand for the space around them, metres.
_SLACK_M = 0.02
_THREADS = 2

Boxes = NDArray[np.float64]


def hulls(tracks: Iterable[Track]) -> NDArray[np.float64]:
    """(N, 8, 3) corners of boxes around the points of objects, where they stand and where they stood."""
    return corners_around(cloud.points for track in tracks for cloud in (track.cloud, *track.former) if len(cloud))


def corners_around(points: Iterable[NDArray[np.floating]]) -> NDArray[np.float64]:
    """(N, 8, 3) corners of boxes around sets of (M, 3) points, M at least 1."""
    spans = [np.stack([p.min(axis=0) - _SLACK_M, p.max(axis=0) + _SLACK_M]).astype(np.float64) for p in points]
    pick = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    stacked = np.array(spans).reshape(-1, 2, 3)
    return stacked[:, pick, np.arange(3)]


def corners_of_held(rows: Iterable[HeldRow]) -> NDArray[np.float64]:
    """(N, 8, 3) corners of boxes around what is in quarantine; nobody knows where the camera was that jumped."""
    known = (row.entry for row in rows if row.entry.reason is not QuarantineReason.POSE_JUMP)
    return corners_around(entry.observation.points_map for entry in known)


def boxes_in(
    corners: NDArray[np.float64], T_map_camera: NDArray[np.float64], K: NDArray[np.float64], size: tuple[int, int]
) -> Boxes:
    """(M, 4) x0, y0, x1, y1 pixels of those of (N, 8, 3) boxes that a camera of (width, height) may show.

    Whether something hides them is not asked.
    """
    local = (corners.reshape(-1, 3) - T_map_camera[:3, 3]) @ T_map_camera[:3, :3]
    z = local[:, 2].reshape(-1, 8)
    seen = z.max(axis=1, initial=-1.0) > _NEAR_M
    local, z = local.reshape(-1, 8, 3)[seen], np.maximum(z[seen], _NEAR_M)
    u = K[0, 0] * local[..., 0] / z + K[0, 2]
    v = K[1, 1] * local[..., 1] / z + K[1, 2]
    boxes = np.stack([u.min(1), v.min(1), u.max(1), v.max(1)], axis=1)
    inside = (boxes[:, 0] < size[0]) & (boxes[:, 2] > -0.5) & (boxes[:, 1] < size[1]) & (boxes[:, 3] > -0.5)
    return boxes[inside].clip(-1.0, [size[0], size[1], size[0], size[1]])


def blank_looks(looks: Sequence[LookRecord], corners: NDArray[np.float64], margin_px: int = 2) -> list[LookRecord]:
    """Blank thumbnails in place where the boxes project; returns those that changed."""
    changed = []
    for record in looks:
        boxes = boxes_in(corners, record.T_map_camera, record.K, (WIDTH, HEIGHT))
        if len(boxes):
            low = np.clip(np.floor(boxes[:, :2]) - margin_px, 0, None).astype(int).tolist()
            high = (np.ceil(boxes[:, 2:]) + margin_px + 1).astype(int).tolist()
            for (x0, y0), (x1, y1) in zip(low, high, strict=True):
                record.depth_mm[y0:y1, x0:x1] = 0
            changed.append(record)
    return changed


def blanked_pictures(
    store: Store, object_ids: Sequence[int], corners: NDArray[np.float64], config: MemoryConfig
) -> list[tuple[int, bytes, bytes | None]]:
    """(id, JPEG, patch features) of pictures that show any of the objects, blanked where they do."""
    detected: dict[int, list[Boxes]] = {}
    for keyframe_id, *box in store.rows(
        "SELECT keyframe_id, x0, y0, x1, y1 FROM observations "
        "WHERE keyframe_id IS NOT NULL AND object_id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
        (json.dumps(list(object_ids)),),
    ):
        detected.setdefault(keyframe_id, []).append(np.array(box))
    waiting = []
    for keyframe_id in archive.keyframe_ids(store):
        picture = archive.keyframe(store, keyframe_id)
        camera = picture.camera
        boxes = list(boxes_in(corners, picture.T_map_camera, camera.K, (camera.width, camera.height)))
        boxes += detected.get(keyframe_id, [])
        if boxes:
            waiting.append((picture, boxes))
    with ThreadPoolExecutor(_THREADS) as pool:  # the codec works outside the interpreter's lock
        return list(pool.map(lambda item: _blanked(item[0], item[1], config), waiting))


def _blanked(picture: Keyframe, boxes: list[Boxes], config: MemoryConfig) -> tuple[int, bytes, bytes | None]:
    jpeg = keyframes.blank(picture.jpeg, boxes, config.jpeg_quality)
    return picture.id, jpeg, keyframes.blank_features(picture, boxes)
