"""Floor plan, frontiers and path of the explorer as messages, and floor plans of others from theirs."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, PoseStamped
from nav_msgs.msg import OccupancyGrid as OccupancyGridMessage
from nav_msgs.msg import Path
from numpy.typing import NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from memory_agent_ros.exploration.floor_plan import FloorPlan
from memory_agent_ros.exploration.frontier import Frontier
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.geometry.se3 import yaw_of
from memory_agent_ros.nodes.conversions import matrix_from_pose, time_message
from memory_agent_ros.records.errors import BadInputError

#: The z axis of a floor plan may lean so much, cosine.
_UPRIGHT = 0.999


def header(frame_id: str, stamp_ns: int) -> Header:
    """Header of a map-frame message."""
    return Header(frame_id=frame_id, stamp=time_message(stamp_ns))


def grid_message(grid: OccupancyGrid, frame_id: str, stamp_ns: int) -> OccupancyGridMessage:
    """Floor plan -> message: -1 unknown, 0 free, 100 occupied."""
    message = OccupancyGridMessage(header=header(frame_id, stamp_ns))
    cells = np.ascontiguousarray(grid.cells, dtype=np.int8)
    message.info.height, message.info.width = cells.shape
    message.info.resolution = float(grid.resolution_m)
    message.info.map_load_time = message.header.stamp
    message.info.origin.position.x, message.info.origin.position.y = (float(value) for value in grid.origin_xy)
    data = array("b")
    data.frombytes(cells.tobytes())
    message.data = data
    return message


def floor_plan_from_message(message: OccupancyGridMessage, map_frame: str) -> FloorPlan:
    """Message -> floor plan.

    Raises:
        BadInputError: ``floor_plan_frame`` if it is given in another frame, ``floor_plan_invalid`` if it contradicts
            itself or does not lie flat, ``pose_not_finite`` for its origin.
    """
    frame = message.header.frame_id.lstrip("/")
    if frame != map_frame:
        raise BadInputError("floor_plan_frame", f"the floor plan is in frame {frame!r}, not in {map_frame!r}")
    info, turn = message.info, message.info.origin.orientation
    if not any((turn.x, turn.y, turn.z, turn.w)):
        turn.w = 1.0  # left out by some publishers
    T = matrix_from_pose(info.origin)
    if len(message.data) != info.width * info.height:
        raise BadInputError("floor_plan_invalid", f"{len(message.data)} cells are not {info.width}x{info.height}")
    if T[2, 2] < _UPRIGHT:
        raise BadInputError("floor_plan_invalid", "the origin of the floor plan is tilted; it must lie flat")
    values = np.frombuffer(message.data, dtype=np.int8).reshape(info.height, info.width)
    return FloorPlan(values, float(info.resolution), T[:2, 3], yaw_of(T))


def frontier_markers(
    frontiers: Sequence[Frontier],
    grid: OccupancyGrid,
    goal_xy: NDArray[np.float64] | None,
    frame_id: str,
    stamp_ns: int,
) -> MarkerArray:
    """Frontier cells as one list of cubes, the goal as a sphere; the first marker clears what was shown before."""
    clear = Marker(header=header(frame_id, stamp_ns), action=Marker.DELETEALL)
    cells = Marker(header=header(frame_id, stamp_ns), ns="frontiers", id=0, type=Marker.CUBE_LIST, action=Marker.ADD)
    cells.pose.orientation.w = 1.0
    cells.scale.x = cells.scale.y = float(grid.resolution_m)
    cells.scale.z = 0.02
    cells.color = ColorRGBA(r=0.1, g=0.7, b=1.0, a=0.9)
    for frontier in frontiers:
        xy = np.stack([frontier.columns, frontier.rows], axis=1) * grid.resolution_m
        xy = xy + grid.origin_xy + grid.resolution_m / 2
        cells.points.extend(Point(x=float(x), y=float(y), z=0.01) for x, y in xy)
    markers = [clear, cells] if cells.points else [clear]
    if goal_xy is not None:
        goal = Marker(header=header(frame_id, stamp_ns), ns="goal", id=0, type=Marker.SPHERE, action=Marker.ADD)
        goal.pose.position.x, goal.pose.position.y, goal.pose.position.z = float(goal_xy[0]), float(goal_xy[1]), 0.1
        goal.pose.orientation.w = 1.0
        goal.scale.x = goal.scale.y = goal.scale.z = 0.2
        goal.color = ColorRGBA(r=1.0, g=0.4, b=0.1, a=1.0)
        markers.append(goal)
    return MarkerArray(markers=markers)


def path_message(path: NDArray[np.float64], frame_id: str, stamp_ns: int) -> Path:
    """(N, 2) path -> message."""
    message = Path(header=header(frame_id, stamp_ns))
    for x, y in path:
        pose = PoseStamped(header=message.header)
        pose.pose.position.x, pose.pose.position.y = float(x), float(y)
        pose.pose.orientation.w = 1.0
        message.poses.append(pose)
    return message


def goal_pose(goal_xy: NDArray[np.float64], frame_id: str, stamp_ns: int) -> PoseStamped:
    """(2,) goal -> pose for feedback."""
    pose = PoseStamped(header=header(frame_id, stamp_ns))
    pose.pose.position.x, pose.pose.position.y = float(goal_xy[0]), float(goal_xy[1])
    pose.pose.orientation.w = 1.0
    return pose
