"""Build ROS 2 interface packages against the ROS 2 wheels of a virtual environment, and install them into it.

The wheels' CMake files name the Python of the machine they were made on; they are corrected in place first. `tf2_msgs`
and `nav2_msgs` have no wheel: the one message that TF needs and the one action that the explorer calls are written here
and built the same way (the hash of TF's type equals that of ROS 2's own; the action has the fields it has from Jazzy
on). On a robot both come with ROS 2 and Nav2.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

MAINTAINER = "memory_agent_ros maintainers"
EMAIL = "maintainers@memory-agent-ros.example"

CMAKE_LISTS = """\
cmake_minimum_required(VERSION 3.16)
project({name})
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
{finds}
rosidl_generate_interfaces(${{PROJECT_NAME}} {files} DEPENDENCIES {dependencies})
ament_package()
"""

PACKAGE_XML = """\
<?xml version="1.0"?>
<package format="3">
  <name>{name}</name>
  <version>{version}</version>
  <description>{description}</description>
  <maintainer email="{email}">{maintainer}</maintainer>
  <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
{depends}
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""


TF_MESSAGE = "geometry_msgs/TransformStamped[] transforms\n"

NAVIGATE_TO_POSE = """\
geometry_msgs/PoseStamped pose
string behavior_tree
---
uint16 NONE=0
uint16 UNKNOWN=9000
uint16 FAILED_TO_LOAD_BEHAVIOR_TREE=9001
uint16 TF_ERROR=9002
uint16 TIMEOUT=9003
uint16 error_code
string error_msg
---
geometry_msgs/PoseStamped current_pose
builtin_interfaces/Duration navigation_time
builtin_interfaces/Duration estimated_time_remaining
int16 number_of_recoveries
float32 distance_remaining
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the ROS 2 wheels.

    Attributes:
        prefix: Its root.
        python: Its interpreter.
        site_packages: Where its packages lie.
        include: Folder of `Python.h`.
    """

    prefix: Path
    python: Path
    site_packages: Path
    include: Path

    @classmethod
    def of(cls, prefix: Path) -> Environment:
        """Ask the interpreter of `prefix` for its folders."""
        python = prefix / "bin" / "python"
        code = "import sysconfig as s; print(s.get_path('purelib')); print(s.get_path('include'))"
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True, env={})
        site_packages, include = done.stdout.split("\n")[:2]
        return cls(prefix, python, Path(site_packages), Path(include))

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` with what ament's CMake files and code generators need."""
        libraries = [str(self.prefix / "lib"), *sorted(str(path) for path in self.site_packages.glob("ros_*.libs"))]
        return {
            **base,
            "PATH": os.pathsep.join([str(self.prefix / "bin"), base.get("PATH", os.defpath)]),
            "AMENT_PREFIX_PATH": str(self.prefix),
            "CMAKE_PREFIX_PATH": str(self.prefix),
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",  # the libraries are named above: no second start of each python
        }


def correct_exported_paths(environment: Environment) -> int:
    """Point the wheels' CMake files at this Python instead of the one they were built with.

    Returns:
        How many files were changed.
    """
    changes = (
        (re.compile(r"/opt/python/[^/;\"]+/include/python3\.\d+"), str(environment.include)),
        (re.compile(r"/opt/python/[^/;\"]+/lib/python3\.\d+/site-packages"), str(environment.site_packages)),
    )
    changed = 0
    for file in sorted((environment.prefix / "share").rglob("*.cmake")):
        before = file.read_text(encoding="utf-8")
        after = before
        for pattern, replacement in changes:
            after = pattern.sub(replacement.replace("\\", "\\\\"), after)
        if after != before:
            file.write_text(after, encoding="utf-8")
            changed += 1
    return changed


def write_tf2_msgs(folder: Path) -> Path:
    """Write the source of a `tf2_msgs` with the one message of TF, and return its folder."""
    description = "The message of TF, for environments where ROS 2 comes from wheels"
    return write_package(folder, "tf2_msgs", description, {"msg/TFMessage.msg": TF_MESSAGE}, ("geometry_msgs",))


def write_nav2_msgs(folder: Path) -> Path:
    """Write the source of a `nav2_msgs` with the one action that drives to a pose, and return its folder."""
    description = "Nav2's action to drive to a pose, for environments where ROS 2 comes from wheels"
    files = {"action/NavigateToPose.action": NAVIGATE_TO_POSE}
    return write_package(folder, "nav2_msgs", description, files, ("builtin_interfaces", "geometry_msgs"))


def write_package(
    folder: Path,
    name: str,
    description: str,
    files: Mapping[str, str],
    depends: tuple[str, ...],
) -> Path:
    """Write the source of an interface package and return its folder.

    Args:
        folder: Where it goes.
        name: Of the package.
        description: For its manifest.
        files: Text of each interface by its path in the package.
        depends: Packages whose messages it uses.
    """
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    cmake = CMAKE_LISTS.format(
        name=name,
        finds="\n".join(f"find_package({depend} REQUIRED)" for depend in depends),
        files=" ".join(f'"{path}"' for path in files),
        dependencies=" ".join(depends),
    )
    (folder / "CMakeLists.txt").write_text(cmake, encoding="utf-8")
    needs = (*depends, "action_msgs") if any(path.endswith(".action") for path in files) else depends
    manifest = PACKAGE_XML.format(
        name=name,
        version="0.1.0",
        description=description,
        email=EMAIL,
        maintainer=MAINTAINER,
        depends="\n".join(f"  <depend>{depend}</depend>" for depend in needs),
    )
    (folder / "package.xml").write_text(manifest, encoding="utf-8")
    return folder


def build(
    environment: Environment,
    source: Path,
    build_folder: Path,
    base: Mapping[str, str],
    run: Callable[[list[str], dict[str, str]], None],
) -> None:
    """Configure, build and install one interface package into the environment.

    Args:
        environment: Where the wheels are and where the package goes.
        source: Folder with `package.xml` and `CMakeLists.txt`.
        build_folder: Kept between calls, so that a change is built in seconds.
        base: Variables to start from.
        run: Runs a command and raises `subprocess.CalledProcessError` if it fails.
    """
    variables = environment.variables(base)
    configure = [
        "cmake", "-S", str(source), "-B", str(build_folder),
        f"-DCMAKE_INSTALL_PREFIX={environment.prefix}", f"-DPython3_EXECUTABLE={environment.python}",
        "-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release",
    ]  # fmt: skip
    run(configure, variables)
    jobs = str(max(1, os.cpu_count() or 1))
    run(["cmake", "--build", str(build_folder), "--target", "install", "--parallel", jobs], variables)
