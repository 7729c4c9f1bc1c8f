"""ConceptGraphs' own merge step on the same data; its code is no part of this package, a folder with it is given."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.scale.shelves import PER_SHELF, Building
from memory_agent_ros.records.observation import Observation

_WARM_UP, _FRAMES, _QUERIES = 2, 20, 60

#: What its base configuration sets, but for the matching, which there has no code any more: the README's.
_SETTINGS = {
    "spatial_sim_type": "iou", "match_method": "sim_sum", "sim_threshold": 1.2, "phys_bias": 0.0, "device": "cpu",
    "downsample_voxel_size": 0.025, "dbscan_remove_noise": True, "dbscan_eps": 0.1, "dbscan_min_points": 10,
}  # fmt: skip


def conceptgraphs(building: Building, folder: Path, code: Path | None) -> dict[str, float]:
    """What twenty detections cost to match with all objects and to merge, and a query by feature.

    Making the detections is not timed, nor is its periodic denoising. ``folder`` stays empty: it stores nothing.

    Raises:
        RuntimeError: detections went to other objects than those they show.
    """
    peer = _Peer(building, code)
    for shelf in range(building.shelves):
        peer.objects.extend(peer.detections(shelf))
    rng, updates = np.random.default_rng([building.seed, 10]), []
    for shelf in rng.integers(building.shelves, size=_WARM_UP + _FRAMES).tolist():
        detections = peer.detections(shelf)
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            peer.merge(detections)
        updates.append((time.perf_counter() - started) * 1e3)
    merged = sum(o["num_detections"] - 1 for o in peer.objects)
    if len(peer.objects) != building.objects or merged != PER_SHELF * len(updates):
        raise RuntimeError(f"{len(peer.objects)} objects of {building.objects}: the times would mean nothing")
    queries = []
    for _ in range(_QUERIES):
        feature = building.embedding(int(rng.integers(building.objects)))
        started = time.perf_counter()
        peer.objects.compute_similarities(feature).topk(PER_SHELF)
        queries.append((time.perf_counter() - started) * 1e3)
    return {"update_ms": float(np.median(updates[_WARM_UP:])), "query_p95_ms": float(np.quantile(queries, 0.95))}


class _Peer:
    """Its modules and its list of objects."""

    def __init__(self, building: Building, code: Path | None) -> None:
        if code is not None:
            sys.path.append(str(code))
        # Reading recordings needs much else; of that module only this function is named where the merge step is.
        recordings = types.ModuleType("conceptgraph.dataset.datasets_common")
        recordings.__dict__["from_intrinsics_matrix"] = lambda K: (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
        sys.modules.setdefault(recordings.__name__, recordings)
        self._torch: Any = importlib.import_module("torch")
        self._torch.set_num_threads(1)
        self._open3d: Any = importlib.import_module("open3d")
        self._mapping: Any = importlib.import_module("conceptgraph.slam.mapping")
        self._slam: Any = importlib.import_module("conceptgraph.slam.utils")
        self._lists: Any = importlib.import_module("conceptgraph.slam.slam_classes")
        self._settings = types.SimpleNamespace(**_SETTINGS)
        self._building = building
        self._rng = np.random.default_rng([building.seed, 3])
        self._frames = 0
        self.objects = self._lists.MapObjectList()

    def detections(self, shelf: int) -> Any:
        """A look at a shelf as its list of detections."""
        self._frames += 1
        _, seen = self._building.look(shelf, self._frames, self._rng)
        return self._lists.DetectionList([self._detection(obs) for obs in seen])

    def _detection(self, obs: Observation) -> dict[str, Any]:
        cloud = self._open3d.geometry.PointCloud()
        cloud.points = self._open3d.utility.Vector3dVector(obs.points_map.astype(np.float64))
        cloud.paint_uniform_color([0.5, 0.5, 0.5])
        cloud = self._slam.process_pcd(cloud, self._settings)
        feature = self._torch.from_numpy(np.asarray(obs.embedding))
        return {
            "image_idx": [self._frames], "class_name": [obs.label], "num_detections": 1, "conf": [float(obs.score)],
            "n_points": [len(cloud.points)], "pixel_area": [int(obs.pixels)], "pcd": cloud,
            "bbox": self._slam.get_bounding_box(self._settings, cloud), "clip_ft": feature, "text_ft": feature.clone(),
        }  # fmt: skip

    def merge(self, detections: Any) -> None:
        """One frame, as its pipeline goes."""
        settings, mapping = self._settings, self._mapping
        spatial = mapping.compute_spatial_similarities(settings, detections, self.objects)
        visual = mapping.compute_visual_similarities(settings, detections, self.objects)
        similarity = mapping.aggregate_similarities(settings, spatial, visual)
        similarity[similarity < settings.sim_threshold] = float("-inf")
        self.objects = mapping.merge_detections_to_objects(settings, detections, self.objects, similarity)
