import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from memory_agent_ros.ros_environment import wheels_installed

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))


@pytest.fixture(scope="session")
def source_tree(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a copy of the tree in `src/memory_agent_ros`, without anything that git ignores."""
    workspace = tmp_path_factory.mktemp("workspace")
    tree = workspace / "src" / "memory_agent_ros"
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (repository / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, tree / name)
    return workspace


@pytest.fixture(scope="session")
def build_environment() -> dict[str, str]:
    """Variables with which ament's build tools find the wheels; what `/opt/ros/.../setup.bash` does on a robot."""
    if not wheels_installed() or shutil.which("colcon", path=str(Path(sys.prefix) / "bin")) is None:
        pytest.skip("needs ROS 2 from wheels and colcon")
    from build_interfaces import Environment

    return Environment.of(Path(sys.prefix)).variables(os.environ)
