"""What a process needs in its environment before it may import rclpy.

ROS 2 comes either from the distribution (sourced, `/opt/ros/...`) or from Python wheels in a virtual environment. Both
in one process crash the loader, so a process with the wheels refuses to start when another ROS 2 is sourced.
"""

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from memory_agent_ros.records.errors import MemoryAgentError

THREAD_PINS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "LP_NUM_THREADS": "1",
}
"""One thread per pool: pools of several processes that share the cores stall each other."""

FASTDDS_PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


class MixedRosError(MemoryAgentError):
    """Two ROS 2 installations would be loaded into one process."""


def wheels_installed() -> bool:
    """Tell whether this Python environment has ROS 2 from wheels."""
    return importlib.util.find_spec("ros_wheels_bootstrapper") is not None


def wheels_distribution() -> str | None:
    """Return the ROS 2 distribution of the wheels, such as `kilted`, or None without wheels."""
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower().replace("_", "-")
        if name.startswith("ros-") and name.endswith("-rclpy") and name != "ros-rclpy":
            return name.removeprefix("ros-").removesuffix("-rclpy")
    return None


def other_ros(environ: Mapping[str, str], prefix: Path) -> list[str]:
    """List what in an environment names a ROS 2 installation other than the one in `prefix`.

    Args:
        environ: Variables of a process.
        prefix: Root of the Python environment with the wheels; what lies inside it is not another installation.

    Returns:
        One entry `VARIABLE=value` for each clash, empty if there is none. Overlays that hold only interface packages
        and nodes do not clash: an installation is a place that holds rclpy or librcl.
    """
    found = []
    distribution = environ.get("ROS_DISTRO")
    if distribution and distribution != wheels_distribution():
        found.append(f"ROS_DISTRO={distribution}")
    marks = {
        "AMENT_PREFIX_PATH": "share/ament_index/resource_index/packages/rclpy",
        "PYTHONPATH": "rclpy",
        "LD_LIBRARY_PATH": "librcl.so",
    }
    for variable, mark in marks.items():
        for entry in filter(None, environ.get(variable, "").split(os.pathsep)):
            path = Path(entry)
            if not _inside(path, prefix) and (_inside(path, Path("/opt/ros")) or (path / mark).exists()):
                found.append(f"{variable}={entry}")
    return found


def refuse_mixed_environments(environ: Mapping[str, str] | None = None, prefix: Path | None = None) -> None:
    """Refuse to go on when the wheels of ROS 2 and a sourced ROS 2 meet. Call it before importing rclpy.

    Args:
        environ: Variables of the process; those of this process if None.
        prefix: Root of the Python environment; that of this process if None.

    Raises:
        MixedRosError: Another ROS 2 is sourced; the message names the variables and both ways out.
    """
    if not wheels_installed():
        return
    found = other_ros(os.environ if environ is None else environ, prefix or Path(sys.prefix))
    if found:
        raise MixedRosError(
            f"this Python environment ({sys.prefix}) has ROS 2 from wheels, and another ROS 2 is sourced "
            f"({', '.join(found)}); loading both crashes. Either start again in a new shell without sourcing ROS, "
            "or use the sourced ROS with an environment that lacks the extra [ros-wheels]: "
            "python3 -m venv --system-site-packages"
        )


def child_environment(
    environ: Mapping[str, str] | None = None,
    *,
    fastdds_profile: Path | None = None,
) -> dict[str, str]:
    """Return the variables for a child process that runs a node with this Python.

    Adds this environment to `AMENT_PREFIX_PATH` when ROS 2 comes from wheels, names a log folder when there is neither
    a home nor one named, and sets one thread per pool. What the user has set is kept.

    Args:
        environ: Variables to start from; those of this process if None.
        fastdds_profile: XML profile for Fast DDS, taken unless the user has named one.
    """
    result = dict(os.environ if environ is None else environ)
    if wheels_installed():
        prefixes = [entry for entry in result.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if entry]
        if sys.prefix not in prefixes:
            result["AMENT_PREFIX_PATH"] = os.pathsep.join([*prefixes, sys.prefix])
    if not any(result.get(name) for name in ("ROS_LOG_DIR", "ROS_HOME", "HOME")):
        result["ROS_LOG_DIR"] = str(Path(tempfile.gettempdir()) / f"memory_agent_ros_{os.getuid()}" / "log")
    for name, value in THREAD_PINS.items():
        result.setdefault(name, value)
    if fastdds_profile is not None and not any(result.get(name) for name in FASTDDS_PROFILE_VARIABLES):
        result[FASTDDS_PROFILE_VARIABLES[0]] = str(fastdds_profile)
    return result


def prepare_process() -> None:
    """Make this process fit to import rclpy: refuse a second ROS 2, then complete `os.environ` as for a child.

    Raises:
        MixedRosError: Another ROS 2 is sourced.
    """
    refuse_mixed_environments()
    os.environ.update(child_environment())


def _inside(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
