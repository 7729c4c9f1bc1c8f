"""Settings of the explorer; the ROS parameters have the same names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExplorerConfig:
    """Settings of mapping, choice of goals and driving.

    Attributes:
        resolution_m: cell size, metres, 0.02 to 0.2.
        max_range_m: depth beyond this is not used, metres, 1 to 10.
        seen_range_m: floor counts as looked at when it was in view within this range, metres, 1 to 10.
        surface_range_m: furniture counts as looked at within this range, metres, 1 to 10.
        bearings_wanted: from how many 45 degree sectors each piece of furniture is to be seen, 1 to 4.
        obstacle_min_height_m: points lower than this above the floor are floor, metres, 0.02 to 0.3.
        obstacle_max_height_m: points higher than this do not hinder the robot, metres, 0.3 to 2.5.
        tall_height_m: cells with points above this hide what is behind them, metres, 0.5 to 2.5.
        robot_radius_m: radius of the footprint, metres, 0.05 to 1.
        clearance_m: distance kept from obstacles beside the radius, metres, 0 to 0.5.
        max_linear_mps: top speed, metres per second, 0.05 to 2.
        max_angular_rps: top turn rate, radians per second, 0.1 to 4.
        lookahead_m: distance of the point on the path that is steered for, metres, 0.1 to 2.
        goal_tolerance_m: a goal is reached within this distance, metres, 0.05 to 1.
        min_frontier_m: shorter frontiers are ignored, metres, 0.05 to 5.
        min_gap_m2: a viewpoint is worth a visit if it shows this much unseen area, square metres, 0.05 to 5.
        look_min_m2: looking around is worth it for this much unseen area, square metres, 0.05 to 5.
        replan_period_s: goals and paths are checked this often, seconds, 0.1 to 10.
        stuck_time_s: no progress for this long starts a recovery, seconds, 0.5 to 30.
        max_recoveries: so many recoveries in a row end the run as stuck, 1 to 20.
        goal_retries: a blocked goal is tried again so often before it is put aside, 0 to 5.
        max_failed_goals: so many goals in a row to which somebody else could not drive end the run, 1 to 100.
        pose_timeout_s: no pose for this long ends the run, seconds, 0.5 to 60.
    """

    resolution_m: float = 0.05
    max_range_m: float = 5.0
    seen_range_m: float = 4.0
    surface_range_m: float = 3.5
    bearings_wanted: int = 2
    obstacle_min_height_m: float = 0.08
    obstacle_max_height_m: float = 1.4
    tall_height_m: float = 1.3
    robot_radius_m: float = 0.22
    clearance_m: float = 0.06
    max_linear_mps: float = 0.6
    max_angular_rps: float = 1.2
    lookahead_m: float = 0.4
    goal_tolerance_m: float = 0.2
    min_frontier_m: float = 0.4
    min_gap_m2: float = 0.35
    look_min_m2: float = 0.25
    replan_period_s: float = 1.0
    stuck_time_s: float = 3.0
    max_recoveries: int = 4
    goal_retries: int = 1
    max_failed_goals: int = 8
    pose_timeout_s: float = 3.0
