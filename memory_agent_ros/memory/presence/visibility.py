"""What a depth image says about stored surface points: agree, occluded, seen through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map, valid_depth
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame

Bools = NDArray[np.bool_]

#: Typical range of each window of :class:`DepthView`, metres, and where one band ends and the next begins.
BANDS_M = (0.8, 1.7, 3.5)
_BAND_EDGES_M = (1.2, 2.4)


@dataclass(frozen=True, eq=False)
class DepthView:
    """A depth image made ready for lookups.

    Attributes:
        camera: its intrinsics; ``T_map_camera`` its pose.
        depth_m: (h, w) float32, infinity where there is no reading.
        nearest_m: (B, h, w) float32, smallest reading around each pixel, over a window that spans the pose error at the
            B ranges of :data:`BANDS_M`.
        known: (h, w) where there is a reading.
        position_std_m, rotation_std_rad: how uncertain the pose is, per axis; 0 if it is not known.
    """

    camera: Camera
    T_map_camera: NDArray[np.float64]
    depth_m: NDArray[np.float32]
    nearest_m: NDArray[np.float32]
    known: Bools
    position_std_m: float = 0.0
    rotation_std_rad: float = 0.0

    @staticmethod
    def of(
        depth_m: NDArray[np.float32],
        camera: Camera,
        T_map_camera: NDArray[np.float64],
        config: MemoryConfig,
        pose_covariance: NDArray[np.float64] | None = None,
    ) -> DepthView:
        """Prepare one image; a pose that is known to be uncertain, (6, 6), widens what counts as near."""
        position, rotation = _standard_deviations(pose_covariance)
        known = valid_depth(depth_m, 0.05, 50.0)
        depth = np.where(known, depth_m, np.float32(np.inf)).astype(np.float32)
        nearest = np.empty((len(BANDS_M), *depth.shape), dtype=np.float32)
        for band, range_m in enumerate(BANDS_M):
            shift = config.pose_tolerance_m + config.pose_sigmas * float(np.hypot(position, rotation * range_m))
            pixels = min(shift * camera.K[0, 0] / range_m, max(depth.shape))  # at most the whole image
            radius = max(round(pixels), 1 if camera.width >= 300 else 0)
            nearest[band] = cv2.erode(depth, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) if radius else depth
        return DepthView(camera, T_map_camera, depth, nearest, known, position, rotation)

    @staticmethod
    def of_frame(frame: Frame, config: MemoryConfig) -> DepthView:
        """The depth image of a frame."""
        camera = frame.depth_camera or frame.camera
        return DepthView.of(frame.depth_m, camera, frame.T_map_camera, config, frame.pose_covariance)

    def depth_tolerance(self, z: NDArray[np.float64], config: MemoryConfig) -> NDArray[np.float64]:
        """(N,) how far a measured surface may be from a stored one at range z, metres."""
        fixed = config.depth_tolerance_m + config.pose_sigmas * self.position_std_m
        return np.asarray(fixed + config.depth_tolerance_ratio * z, dtype=np.float64)

    def shift_px(self, z: NDArray[np.float64], config: MemoryConfig) -> NDArray[np.float64]:
        """(N,) how far the error of the pose moves a point at range z across the image, pixels."""
        shift = config.pose_sigmas * np.hypot(self.position_std_m, self.rotation_std_rad * z)
        return np.asarray(shift * self.camera.K[0, 0] / np.maximum(z, 0.1), dtype=np.float64)


def _standard_deviations(pose_covariance: NDArray[np.float64] | None) -> tuple[float, float]:
    """Root mean square of the position's (metres) and the rotation's (radians) standard deviations."""
    if pose_covariance is None:
        return 0.0, 0.0
    variance = np.clip(np.nan_to_num(np.diagonal(pose_covariance), nan=0.0, posinf=0.0), 0.0, None)
    return float(np.sqrt(variance[:3].mean())), float(np.sqrt(variance[3:].mean()))


@dataclass(frozen=True, eq=False)
class PointVisibility:
    """Verdict on each of N points.

    Attributes:
        uv: (N, 2) pixels in the depth image (NaN behind the camera); z: (N,) metres.
        in_image, known, occluded, through, agree: (N,) flags; the last three exclude each other and imply ``known``.
    """

    uv: NDArray[np.float64]
    z: NDArray[np.float64]
    in_image: Bools
    known: Bools
    occluded: Bools
    through: Bools
    agree: Bools


def judge_points(
    points: NDArray[np.floating], view: DepthView, config: MemoryConfig, *, detected: bool = False
) -> PointVisibility:
    """(N, 3) map points against a depth image.

    ``occluded``: something stands in front. ``through``: even the nearest reading around is behind the point, so it is
    empty now. ``agree``: a surface is measured at the point. Tolerance grows with range. ``detected``: the points are
    of objects detected in this very image, so an error of the pose that nobody told matters less: only neighbouring
    pixels count.
    """
    uv, z = project_map(view.camera.K, view.T_map_camera, points)
    with np.errstate(invalid="ignore"):
        in_image = (
            (z > 0.05)
            & (uv[:, 0] >= -0.5) & (uv[:, 0] < view.camera.width - 0.5)
            & (uv[:, 1] >= -0.5) & (uv[:, 1] < view.camera.height - 0.5)
        )  # fmt: skip
    pixels = np.zeros((len(z), 2), dtype=np.intp)
    pixels[in_image] = np.rint(uv[in_image]).astype(np.intp)
    measured = view.depth_m[pixels[:, 1], pixels[:, 0]]
    sure = detected and view.position_std_m < 0.005 and view.rotation_std_rad < 0.002
    band = len(BANDS_M) - 1 if sure else np.searchsorted(_BAND_EDGES_M, z)
    nearest = view.nearest_m[band, pixels[:, 1], pixels[:, 0]]
    known = in_image & view.known[pixels[:, 1], pixels[:, 0]]
    tolerance = view.depth_tolerance(z, config)
    occluded = known & (measured < z - tolerance)
    through = known & (nearest > z + tolerance)
    agree = known & (np.abs(measured - z) <= tolerance)
    return PointVisibility(uv, z, in_image, known, occluded, through, agree)


@dataclass(frozen=True, eq=False)
class ObjectVisibility:
    """Verdict on each of M objects from its samples.

    Attributes:
        owner: (N,) object index of each sample; points: their verdicts.
        total, in_image, known, occluded, through, agree: (M,) sample counts.
        firm: (M,) agreeing samples that could not agree if the object were gone: its support lies farther behind.
        range_m: (M,) median z (NaN without samples in front).
        box: (M, 4) pixel box x0, y0, x1, y1 in the depth image of the samples in front of the camera.
    """

    owner: NDArray[np.intp]
    points: PointVisibility
    total: NDArray[np.intp]
    in_image: NDArray[np.intp]
    known: NDArray[np.intp]
    occluded: NDArray[np.intp]
    through: NDArray[np.intp]
    agree: NDArray[np.intp]
    firm: NDArray[np.intp]
    range_m: NDArray[np.float64]
    box: NDArray[np.float64]

    @property
    def judged(self) -> NDArray[np.intp]:
        """(M,) samples on whose place the image has a say."""
        return self.through + self.agree

    @property
    def firm_share(self) -> NDArray[np.float64]:
        """(M,) share of the judged samples that prove that something of its shape still stands there."""
        return np.asarray(self.firm / np.maximum(self.judged, 1), dtype=np.float64)

    @property
    def through_share(self) -> NDArray[np.float64]:
        """(M,) share of the judged samples that are seen through."""
        return np.asarray(self.through / np.maximum(self.judged, 1), dtype=np.float64)

    def pixels(self, fill: float = 0.6) -> NDArray[np.float64]:
        """(M,) expected unoccluded pixels in the depth image, from the box of the samples."""
        size = np.clip(self.box[:, 2:] - self.box[:, :2], 0.0, None)
        share = (self.in_image - self.occluded) / np.maximum(self.total, 1)
        return np.asarray(np.nan_to_num(size.prod(axis=1) * fill * share), dtype=np.float64)


def judge_objects(samples: Sequence[NDArray[np.float32]], view: DepthView, config: MemoryConfig) -> ObjectVisibility:
    """Samples (n_j, 3) of M objects against one depth image, all projected at once."""
    count = len(samples)
    lengths = np.array([len(s) for s in samples], dtype=np.intp)
    owner = np.repeat(np.arange(count), lengths)
    points = np.concatenate(samples) if count else np.zeros((0, 3), dtype=np.float32)
    verdict = judge_points(points, view, config)

    def per_object(flag: Bools) -> NDArray[np.intp]:
        return np.bincount(owner[flag], minlength=count).astype(np.intp)

    firm = verdict.agree & _stands_out(samples, points, verdict.z, view, config)
    box = np.full((count, 4), np.nan)
    ranges = np.full(count, np.nan)
    front = verdict.z > 0.05
    if front.any():
        starts_owner, starts = np.unique(owner[front], return_index=True)
        uv, z = verdict.uv[front], verdict.z[front]
        box[starts_owner, :2] = np.minimum.reduceat(uv, starts, axis=0)
        box[starts_owner, 2:] = np.maximum.reduceat(uv, starts, axis=0)
        ranges[starts_owner] = np.add.reduceat(z, starts) / np.diff(np.append(starts, len(z)))
    return ObjectVisibility(
        owner, verdict, lengths, per_object(verdict.in_image), per_object(verdict.known), per_object(verdict.occluded),
        per_object(verdict.through), per_object(verdict.agree), per_object(firm), ranges, box,
    )  # fmt: skip


def _stands_out(
    samples: Sequence[NDArray[np.float32]],
    points: NDArray[np.float32],
    z: NDArray[np.float64],
    view: DepthView,
    config: MemoryConfig,
) -> Bools:
    """(N,) samples so high above their object's lowest point that depth would change if the object were taken away.

    Behind a sample at height h over the support, seen along a ray that falls by s for each metre of depth, the support
    lies h / s farther away.
    """
    if not samples:
        return np.zeros(0, dtype=bool)
    height = points[:, 2] - np.repeat([float(s[:, 2].min()) for s in samples], [len(s) for s in samples])
    falls = (view.T_map_camera[2, 3] - points[:, 2]) / np.maximum(z, 0.05)
    tolerance = view.depth_tolerance(z, config)
    return np.asarray(height > 2.0 * tolerance * np.maximum(falls, 0.1), dtype=bool)
