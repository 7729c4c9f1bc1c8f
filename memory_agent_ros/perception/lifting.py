"""From a 2-D detection and aligned depth to an object in the map frame.

The work is done on the detection's own crop, never on the whole image: rim pixels of the mask are dropped where
background bleeds in, depth layers that do not belong to the object are dropped, what remains is thinned by pixels and
by voxels, and isolated points are removed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from memory_agent_ros.geometry.boxes import upright_box
from memory_agent_ros.geometry.pinhole import unproject_pixels, valid_depth
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.geometry.voxels import voxel_thin
from memory_agent_ros.perception.position_covariance import PositionNoise, position_covariance
from memory_agent_ros.perception.refusals import require_detection
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Image width for which pixel sizes in configurations are meant; they scale with the real width.
REFERENCE_WIDTH = 640

#: A crop with more pixels than this is read with a stride, so that it falls to between one and four times this.
_LARGE_CROP = 10_000

#: A stretch of depth with less than this share of the pixels counts as empty.
_SPARSE = 0.004

#: Pixels that are turned into points. Of more, every n-th along the rows is taken: that leaves pixels in every row, so
#: the far end of a surface seen at a grazing angle is not lost.
_WORKING_POINTS = 2000

#: A mask is thin if less than this share of it is left after erosion; what has the depth of its surroundings then goes,
#: unless less than ``_LEFT`` of the mask would be left; then a core of at least ``_INNERMOST`` of it decides.
_CORE, _LEFT, _INNERMOST = 0.4, 0.2, 0.1

#: How far off the background behind a gap inside a mask is looked for, in widths of the eroded rim.
_GAP = 5


@dataclass(frozen=True)
class LiftingConfig:
    """How detections are lifted.

    Attributes:
        minimum_depth_m: readings nearer than this are not used, metres, [0, 2].
        maximum_depth_m: readings farther than this are not used, metres, [1, 30].
        erosion_px: width of the mask's rim that is checked for bleeding, pixels at an image width of 640, [0, 8].
        minimum_pixels: fewest valid depth pixels of an object, pixels at 640x480, [1, 1000].
        minimum_points: fewest points left after outlier removal, [4, 500].
        maximum_points: most points of an observation, [16, 5000].
        voxel_m: voxel edge of the final thinning, metres, [0.005, 0.2].
        depth_gap_m: an empty stretch of depth about this long (plus 3 % of the range) parts layers, metres, [0.01, 1].
        layer_fraction: a further layer is kept if it has this share of the largest one's points, [0, 1].
        neighbours: neighbours looked at in statistical outlier removal, [1, 32].
        outlier_factor: points farther from their neighbours than this times the median are dropped, [1.5, 20].
        border_px: a box this near to the image border is truncated, pixels at an image width of 640, [0, 20].
        noise: sensor and viewpoint noise that goes into the covariance.
    """

    minimum_depth_m: float = 0.15
    maximum_depth_m: float = 6.0
    erosion_px: int = 2
    minimum_pixels: int = 40
    minimum_points: int = 8
    maximum_points: int = 512
    voxel_m: float = 0.02
    depth_gap_m: float = 0.06
    layer_fraction: float = 0.3
    neighbours: int = 6
    outlier_factor: float = 4.0
    border_px: int = 2
    noise: PositionNoise = field(default_factory=PositionNoise)


def lift(frame: Frame, detection: Detection, config: LiftingConfig | None = None) -> Observation:
    """One detection of ``frame`` -> one :class:`Observation` in ``frame.frame_id`` (no embedding yet).

    Raises:
        BadInputError: with reason ``score_invalid``, ``box_invalid``, ``mask_size``, ``empty_mask``,
            ``no_valid_depth`` (no reading inside the sensor's range), ``too_thin`` or ``too_few_points``.
    """
    config = config or LiftingConfig()
    box = require_detection(frame, detection)
    u, v, z, weight = _sample(frame, detection, box, config)
    pixels = len(z) * weight
    depth_camera = frame.depth_camera or frame.camera
    needed = config.minimum_pixels * (depth_camera.width * depth_camera.height) / (640 * 480)
    if pixels < max(needed, 4):
        raise BadInputError("too_few_points", f"{detection.label}: only {pixels} pixels with valid depth")
    keep = _own_layers(z, config) if detection.mask is not None else _foreground(u, v, z, config)
    u, v, z = u[keep], v[keep], z[keep]
    step = math.ceil(len(z) / _WORKING_POINTS)
    if step > 1:
        u, v, z = u[::step], v[::step], z[::step]
    points = unproject_pixels(depth_camera.K, u, v, z)
    points = voxel_thin(points, config.voxel_m)
    if len(points) > config.maximum_points:
        points = points[np.linspace(0, len(points) - 1, config.maximum_points).astype(np.int64)]
    points = _without_isolated(points, config)
    if len(points) < config.minimum_points:
        raise BadInputError("too_few_points", f"{detection.label}: {len(points)} points are left after outlier removal")
    return _observation(frame, detection, box, points, pixels, config)


def _observation(
    frame: Frame,
    detection: Detection,
    box: NDArray[np.float32],
    points_camera: NDArray[np.float32],
    pixels: int,
    config: LiftingConfig,
) -> Observation:
    points_map = transform_points(frame.T_map_camera, points_camera.astype(np.float64))
    center, size, yaw = upright_box(points_map)
    truncated = _touches_border(box, frame.camera, config.border_px)
    centroid = points_map.mean(axis=0)
    covariance = position_covariance(
        points_camera.mean(axis=0).astype(np.float64),
        frame.T_map_camera,
        (frame.depth_camera or frame.camera).K,
        OrientedBox(center, size, yaw),
        truncated,
        frame.pose_covariance,
        config.noise,
    )
    return Observation(
        stamp_ns=frame.stamp_ns,
        label=detection.label,
        score=float(detection.score),
        label_scores=dict(detection.label_scores) or {detection.label: float(detection.score)},
        points_map=points_map.astype(np.float32),
        centroid_map=centroid,
        covariance=covariance,
        box=OrientedBox(center, size, yaw),
        box_xyxy=box,
        pixels=pixels,
        truncated=truncated,
        embedding=None,
        range_m=float(np.median(points_camera[:, 2])),
    )


def _touches_border(box: NDArray[np.float32], camera: Camera, border_px: int) -> bool:
    margin = border_px * camera.width / REFERENCE_WIDTH
    x0, y0, x1, y1 = (float(value) for value in box)
    return x0 <= margin or y0 <= margin or x1 >= camera.width - margin or y1 >= camera.height - margin


def _sample(
    frame: Frame, detection: Detection, box: NDArray[np.float32], config: LiftingConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]:
    """Depth pixels of the object: column, row and z, each (N,), and how many pixels each stands for."""
    colour, depth_camera = frame.camera, frame.depth_camera or frame.camera
    same = frame.depth_camera is None
    x0, y0, x1, y1 = _to_depth_pixels(box, colour, depth_camera) if not same else [int(value) for value in box]
    step = max(1, math.isqrt((x1 - x0) * (y1 - y0) // _LARGE_CROP))
    radius = math.ceil(config.erosion_px * depth_camera.width / REFERENCE_WIDTH / step)
    if detection.mask is not None:  # the surroundings tell what is background
        margin = _GAP * radius * step
        x0, y0 = max(x0 - margin, 0), max(y0 - margin, 0)
        x1, y1 = min(x1 + margin, depth_camera.width), min(y1 + margin, depth_camera.height)
    window = np.s_[y0:y1:step, x0:x1:step]
    depth = frame.depth_m[window]
    chosen = valid_depth(depth, config.minimum_depth_m, config.maximum_depth_m)
    if detection.mask is not None:
        if same:
            inside = detection.mask[window]
        else:
            columns = _to_colour_index(np.arange(x0, x1, step), depth_camera, colour, 0)
            rows = _to_colour_index(np.arange(y0, y1, step), depth_camera, colour, 1)
            inside = detection.mask[np.ix_(rows, columns)]
        mask = inside & chosen
        chosen = _without_bleeding(mask, depth, radius) & ~_gaps(mask, depth, radius)
        if mask.any() and not chosen.any():
            raise BadInputError(
                "too_thin", f"{detection.label}: its mask is too thin to tell it from what is beside it"
            )
    rows_at, columns_at = np.nonzero(chosen)
    if len(rows_at) == 0:
        raise BadInputError(
            "no_valid_depth",
            f"{detection.label}: no depth between {config.minimum_depth_m} and {config.maximum_depth_m} m inside it",
        )
    return columns_at * step + x0, rows_at * step + y0, depth[rows_at, columns_at], step**2


def _to_depth_pixels(box: NDArray[np.float32], colour: Camera, depth: Camera) -> list[int]:
    """Box in colour pixels -> integer box in depth pixels, clipped."""
    out = []
    for index, value in enumerate(box):
        axis = index % 2
        ray = (float(value) - 0.5 - colour.K[axis, 2]) / colour.K[axis, axis]
        pixel = ray * depth.K[axis, axis] + depth.K[axis, 2] + 0.5
        limit = depth.width if axis == 0 else depth.height
        out.append(int(np.clip(round(pixel), 0, limit)))
    return out


def _to_colour_index(pixels: NDArray[np.int64], depth: Camera, colour: Camera, axis: int) -> NDArray[np.int64]:
    """Depth columns (axis 0) or rows (axis 1) -> nearest colour columns or rows, clipped."""
    ray = (pixels - depth.K[axis, 2]) / depth.K[axis, axis]
    limit = colour.width if axis == 0 else colour.height
    index: NDArray[np.int64] = np.clip(np.rint(ray * colour.K[axis, axis] + colour.K[axis, 2]), 0, limit - 1).astype(
        np.int64
    )
    return index


def _without_bleeding(mask: NDArray[np.bool_], depth: NDArray[np.float32], radius_px: int) -> NDArray[np.bool_]:
    """The mask less those pixels of its rim whose depth does not continue that of the pixels further in.

    A mask too thin to have a core is held against its surroundings instead; where that leaves hardly anything (flat
    things have their surroundings' depth), its innermost pixels are the core. Empty if there are none.
    """
    core, area = _eroded(mask, radius_px), np.count_nonzero(mask)
    if np.count_nonzero(core) >= _CORE * area:
        return _continued(mask, core, depth, radius_px)
    unlike = core | (mask & ~_like_surroundings(mask, depth, radius_px))
    if np.count_nonzero(unlike) >= _LEFT * area:
        return unlike
    while radius_px > 0 and np.count_nonzero(core) < _INNERMOST * area:
        radius_px -= 1
        core = _eroded(mask, radius_px) if radius_px > 0 else np.zeros_like(mask)
    return _continued(mask, core, depth, radius_px)


def _continued(
    mask: NDArray[np.bool_], core: NDArray[np.bool_], depth: NDArray[np.float32], radius_px: int
) -> NDArray[np.bool_]:
    """The core, and the pixels of the mask near it that differ by no more than its own local range and a little."""
    if not core.any() or not (mask & ~core).any():
        return core
    far, near = _local_range(core, depth, radius_px)
    slack = np.maximum(far - near, 0) + 0.015 + 0.01 * depth
    with np.errstate(invalid="ignore"):
        continues = (depth <= far + slack) & (depth >= near - slack)
    kept: NDArray[np.bool_] = core | (mask & continues)
    return kept


def _like_surroundings(mask: NDArray[np.bool_], depth: NDArray[np.float32], radius_px: int) -> NDArray[np.bool_]:
    """Pixels with the depth of what is around the mask: the wall between leaves, the door frame beside a sliver."""
    far, near = _local_range(_outside(mask, depth), depth, radius_px)
    slack = 0.02 + 0.01 * depth
    with np.errstate(invalid="ignore"):
        alike: NDArray[np.bool_] = (depth <= far + slack) & (depth >= near - slack)
    return alike


def _gaps(mask: NDArray[np.bool_], depth: NDArray[np.float32], radius_px: int) -> NDArray[np.bool_]:
    """Pixels of a mask that look through it: behind what is next to them, and as far as the background beside it."""
    behind, _ = _local_range(_outside(mask, depth), depth, _GAP * radius_px)
    _, nearest = _local_range(mask, depth, _GAP * radius_px)
    with np.errstate(invalid="ignore"):
        through: NDArray[np.bool_] = (np.abs(depth - behind) <= 0.04 + 0.02 * depth) & (
            depth > nearest + 0.05 + 0.02 * depth
        )
    return mask & through


def _outside(mask: NDArray[np.bool_], depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels beside the mask that have a reading, of any range."""
    beside: NDArray[np.bool_] = ~mask & np.isfinite(depth) & (depth > 0)
    return beside


def _local_range(
    where: NDArray[np.bool_], depth: NDArray[np.float32], radius_px: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Largest and smallest depth of the chosen pixels around each pixel; -1e3 and 1e3 where none is near."""
    kernel = np.ones((2 * radius_px + 3, 2 * radius_px + 3), np.uint8)
    far = cv2.dilate(np.where(where, depth, np.float32(-1e3)), kernel)
    near = cv2.erode(np.where(where, depth, np.float32(1e3)), kernel)
    return far.astype(np.float32), near.astype(np.float32)


def _eroded(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """The mask less a rim of that width."""
    if radius_px <= 0:
        return mask
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    smaller: NDArray[np.bool_] = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=radius_px)[1:-1, 1:-1] > 0
    return smaller


def _layers(z: NDArray[np.float32], config: LiftingConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Depths (N,) -> layer index of each, nearest first, and the layers' counts; layers are parted by empty depth.

    Depths that hardly any pixel has (readings that fly between an edge and what is behind it) are in layer 0, which
    counts for nothing.

    Depth is binned in units of the gap, which grows with range: the integral of dz / (gap + 0.03 z).
    """
    unit = np.log(config.depth_gap_m + 0.03 * z) / 0.03
    bins = ((unit - unit.min()) * 2).astype(np.int64)
    counts = np.bincount(bins)
    filled = counts > _SPARSE * len(z)
    starts = filled & ~np.concatenate([[False], filled[:-1]])
    layer_of_bin = np.where(filled, np.cumsum(starts), 0)
    layer = layer_of_bin[bins]
    layer_counts = np.bincount(layer)
    layer_counts[0] = 0
    return layer, layer_counts


def _own_layers(z: NDArray[np.float32], config: LiftingConfig) -> NDArray[np.bool_]:
    """Which points of a mask lie in its depth layers; background that shines through at the rim does not."""
    layer, counts = _layers(z, config)
    kept: NDArray[np.bool_] = (counts >= max(config.layer_fraction * counts.max(), 1))[layer]
    return kept


def _foreground(
    u: NDArray[np.int64], v: NDArray[np.int64], z: NDArray[np.float32], config: LiftingConfig
) -> NDArray[np.bool_]:
    """Which points of a bare box belong to its foreground: the nearest layer that fills a fifth of the box's middle."""
    layer, counts = _layers(z, config)
    middle = np.ones(len(z), dtype=bool)
    for pixel in (u, v):
        low, high = int(pixel.min()), int(pixel.max())
        inset = 0.2 * (high - low)
        middle &= (pixel >= low + inset) & (pixel <= high - inset)
    central = np.bincount(layer[middle], minlength=len(counts))
    central[0] = 0
    if central.sum() == 0:
        central = counts
    chosen: NDArray[np.bool_] = layer == int(np.flatnonzero(central >= max(0.2 * central.max(), 1))[0])
    return chosen


def _without_isolated(points: NDArray[np.float32], config: LiftingConfig) -> NDArray[np.float32]:
    """Statistical outlier removal (Rusu et al., 2008) with the median instead of the mean as the scale."""
    if len(points) <= config.neighbours + 1:
        return points
    distance, _ = cKDTree(points, balanced_tree=False).query(points, k=config.neighbours + 1)
    spread = distance[:, -1]
    near: NDArray[np.float32] = points[spread <= max(config.outlier_factor * float(np.median(spread)), 0.01)]
    return near
