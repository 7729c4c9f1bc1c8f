"""What every test shares: small thread pools, a ROS domain of its own, headless rendering, optional real data.

The variables are set while this file is read, before any library starts its threads.
"""

import os
import sys
from pathlib import Path

import pytest

from memory_agent_ros.ros_environment import child_environment

REPOSITORY = Path(__file__).resolve().parent.parent


def _domain_id() -> int:
    """Return the given ROS domain, or one in 1..101 that differs between runs; every further worker has another.

    Workers inherit the variables of the process that started them, its domain included.
    """
    domain = int(os.environ.get("ROS_DOMAIN_ID") or 1 + os.getpid() % 101)
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    return domain if worker == 0 else 1 + (domain - 1 + 13 * worker) % 101


os.environ.update(child_environment())
os.environ.setdefault("MUJOCO_GL", "egl")
os.environ["ROS_DOMAIN_ID"] = str(_domain_id())
os.environ.setdefault("MEMORY_AGENT_SIGNING_KEY", "5e" * 32)  # no test makes a key in the user's folder
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
# Tests kill nodes, and shared memory that a killed process had locked can stall those that come after (Fast DDS 6484).
os.environ.setdefault("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4")
if str(REPOSITORY / "sim") not in sys.path:
    sys.path.append(str(REPOSITORY / "sim"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def rgbd_data_dir() -> Path:
    """Folder of real RGB-D frames in 7-Scenes form; skips where there is none.

    It is the folder `redkitchen` of the folder that the variable MEMORY_AGENT_DATA names, or of one beside the tree.
    """
    roots = [Path(os.environ["MEMORY_AGENT_DATA"])] if "MEMORY_AGENT_DATA" in os.environ else []
    roots += [parent / "shared" / "data" for parent in REPOSITORY.parents]
    for root in roots:
        if (root / "redkitchen").is_dir():
            return root / "redkitchen"
    pytest.skip("no real RGB-D frames here: name their folder in MEMORY_AGENT_DATA")
