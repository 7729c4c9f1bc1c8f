"""What is asked of the memory, checked: places, distances and regions are numbers of the right shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.limits import COORDINATE_M, LARGEST_ID
from memory_agent_ros.records.region import Region


def checked_point(position_m: ArrayLike) -> NDArray[np.float64]:
    """A place as (3,) metres.

    Raises:
        BadInputError: ``position_not_finite``; ``position_shape`` if it is no row of three; ``position_too_far``.
    """
    point = np.asarray(position_m, dtype=np.float64)
    if point.size != 3:
        raise BadInputError("position_shape", f"a place is x, y, z; got an array of shape {point.shape}")
    if not np.isfinite(point).all():
        raise BadInputError("position_not_finite", "the position holds NaN or infinity")
    if np.abs(point).max() > COORDINATE_M:
        raise BadInputError("position_too_far", f"places are at most {COORDINATE_M:g} m from the origin of the map")
    return point.reshape(3)


def checked_radius(radius_m: float) -> float:
    """A distance, at most that of the farthest places.

    Raises:
        BadInputError: ``radius_invalid`` for NaN and for less than nothing.
    """
    if not radius_m >= 0.0:
        raise BadInputError("radius_invalid", f"a radius is metres, 0 or more; got {radius_m}")
    return float(min(radius_m, 4.0 * COORDINATE_M))


def checked_limit(limit: int) -> int:
    """How many answers at most: none for less than nothing, never more than a list can hold."""
    return min(max(limit, 0), LARGEST_ID)


def checked_region(region: Region | None) -> Region | None:
    """A region with corners of three numbers; infinity stays, it is an open side.

    Raises:
        BadInputError: ``region_invalid``.
    """
    if region is None:
        return None
    low, high = (np.asarray(corner, dtype=np.float64) for corner in (region.minimum, region.maximum))
    if low.shape != (3,) or high.shape != (3,) or np.isnan(low).any() or np.isnan(high).any():
        raise BadInputError("region_invalid", "the corners of a region are three numbers each, or infinite")
    return Region(low, high)
