import os
import subprocess
import sys
from pathlib import Path

import pytest

from memory_agent_ros import ros_environment
from memory_agent_ros.ros_environment import (
    MixedRosError,
    child_environment,
    other_ros,
    refuse_mixed_environments,
    wheels_distribution,
    wheels_installed,
)

needs_wheels = pytest.mark.skipif(not wheels_installed(), reason="ROS 2 comes from elsewhere here")


def install_of_ros(folder: Path) -> Path:
    """Lay out what marks a folder as a ROS 2 installation."""
    index = folder / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    (index / "rclpy").touch()
    (folder / "lib" / "python3" / "rclpy").mkdir(parents=True)
    (folder / "lib" / "librcl.so").touch()
    return folder


@pytest.mark.parametrize(
    ("variable", "below"),
    [("AMENT_PREFIX_PATH", ""), ("PYTHONPATH", "lib/python3"), ("LD_LIBRARY_PATH", "lib")],
)
def test_each_way_of_sourcing_another_ros_is_seen(tmp_path: Path, variable: str, below: str) -> None:
    install = install_of_ros(tmp_path / "other")
    value = f"{tmp_path}{os.pathsep}{install / below}"
    assert other_ros({variable: value}, tmp_path / "venv") == [f"{variable}={install / below}"]


def test_the_usual_place_is_another_ros_even_when_it_cannot_be_read(tmp_path: Path) -> None:
    environ = {"PYTHONPATH": "/opt/ros/jazzy/lib/python3.12/site-packages"}
    assert other_ros(environ, tmp_path) == ["PYTHONPATH=/opt/ros/jazzy/lib/python3.12/site-packages"]


def test_own_environment_and_overlays_do_not_clash(tmp_path: Path) -> None:
    own = install_of_ros(tmp_path / "venv")
    overlay = tmp_path / "install" / "memory_agent_msgs"
    overlay.mkdir(parents=True)
    prefixes = os.pathsep.join([str(overlay), str(own)])
    libraries = os.pathsep.join([str(own / "lib"), str(overlay)])
    assert other_ros({"AMENT_PREFIX_PATH": prefixes, "LD_LIBRARY_PATH": libraries}, own) == []


@needs_wheels
def test_a_distribution_of_another_name_clashes_and_its_own_does_not(tmp_path: Path) -> None:
    own = wheels_distribution()
    assert own is not None
    assert other_ros({"ROS_DISTRO": own}, tmp_path) == []
    assert other_ros({"ROS_DISTRO": own + "x"}, tmp_path) == [f"ROS_DISTRO={own}x"]


@needs_wheels
def test_refusal_names_the_variable_and_the_ways_out(tmp_path: Path) -> None:
    install = install_of_ros(tmp_path)
    with pytest.raises(MixedRosError, match=r"AMENT_PREFIX_PATH=.*without sourcing ROS.*system-site-packages"):
        refuse_mixed_environments({"AMENT_PREFIX_PATH": str(install)})
    refuse_mixed_environments({"AMENT_PREFIX_PATH": sys.prefix})


def test_without_wheels_a_sourced_ros_is_welcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ros_environment.importlib.util, "find_spec", lambda name: None)
    install = install_of_ros(tmp_path)
    refuse_mixed_environments({"AMENT_PREFIX_PATH": str(install)})
    assert child_environment({"AMENT_PREFIX_PATH": str(install)})["AMENT_PREFIX_PATH"] == str(install)


@needs_wheels
def test_a_node_refuses_before_it_loads_rclpy(tmp_path: Path) -> None:
    install = install_of_ros(tmp_path)
    code = "import sys\ntry:\n import memory_agent_ros.nodes.conversions\nfinally:\n print('rclpy' in sys.modules)"
    environ = {**os.environ, "AMENT_PREFIX_PATH": str(install)}
    result = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert result.stdout.strip() == "False"
    assert "another ROS 2 is sourced" in result.stderr


@needs_wheels
def test_children_find_the_packages_of_the_wheels() -> None:
    environ = child_environment({"HOME": "/home/x", "AMENT_PREFIX_PATH": "/ws/install/memory_agent_msgs"})
    assert environ["AMENT_PREFIX_PATH"] == f"/ws/install/memory_agent_msgs{os.pathsep}{sys.prefix}"
    assert child_environment(environ) == environ


def test_children_get_one_thread_a_pool_unless_the_user_said_otherwise() -> None:
    environ = child_environment({"HOME": "/home/x", "OMP_NUM_THREADS": "4"})
    assert environ["OMP_NUM_THREADS"] == "4"
    assert environ["LP_NUM_THREADS"] == environ["OPENBLAS_NUM_THREADS"] == "1"


def test_a_log_folder_is_named_only_where_there_is_no_home() -> None:
    assert "ROS_LOG_DIR" not in child_environment({"HOME": "/home/x"})
    assert Path(child_environment({})["ROS_LOG_DIR"]).is_absolute()


def test_the_transport_profile_never_replaces_the_users(tmp_path: Path) -> None:
    profile = tmp_path / "profile.xml"
    assert child_environment({}, fastdds_profile=profile)["FASTDDS_DEFAULT_PROFILES_FILE"] == str(profile)
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        environ = child_environment({name: "mine.xml"}, fastdds_profile=profile)
        assert str(profile) not in environ.values()
        assert environ[name] == "mine.xml"
