"""Find what the machine itself must bring, and install it with apt where that is allowed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something from the system: how to tell that it is there, and which Debian/Ubuntu packages bring it."""

    what: str
    packages: tuple[str, ...]
    present: Callable[[], bool]


def _library(name: str) -> Callable[[], bool]:
    def present() -> bool:
        code = f"import ctypes; ctypes.CDLL({name!r})"  # in a process of its own: a failed load must not linger here
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

    return present


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _mesa_driver() -> bool:
    folders = [folder for root in ("/usr/lib", "/usr/lib64") for folder in Path(root).glob("*/dri")]
    folders += [Path("/usr/lib64/dri"), Path("/usr/lib/dri")]
    return any(any(folder.glob("*swrast_dri.so")) for folder in folders) or _library("libEGL_nvidia.so.0")()


def _python_headers() -> bool:
    return (Path(sysconfig.get_path("include")) / "Python.h").is_file()


def _venv() -> bool:
    return importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None


_MINOR = f"python3.{sys.version_info.minor}"

BUILD = (
    Need("C++ compiler", ("g++",), _command("g++")),
    Need("make", ("make",), _command("make")),
    Need("headers of Python", (f"{_MINOR}-dev",), _python_headers),
)
VENV = (Need("virtual environments", (f"{_MINOR}-venv",), _venv),)
RENDERING = (
    Need("EGL", ("libegl1",), _library("libEGL.so.1")),
    Need("EGL of Mesa", ("libegl-mesa0",), lambda: _library("libEGL_mesa.so.0")() or _library("libEGL_nvidia.so.0")()),
    Need("OpenGL", ("libgl1",), _library("libGL.so.1")),
    Need("software rendering of Mesa", ("libgl1-mesa-dri",), _mesa_driver),
)


class MissingSystemPackageError(RuntimeError):
    """The machine lacks something that only its administrator can install; the message has the command."""


def require(needs: tuple[Need, ...], say: Callable[[str], None]) -> None:
    """Make sure of system packages: nothing to do, apt as root, or the command that a person must run.

    Args:
        needs: What must be there.
        say: Takes lines for the user.

    Raises:
        MissingSystemPackageError: Something is missing and this process may not install it, or apt failed.
    """
    missing = [need for need in needs if not need.present()]
    if not missing:
        return
    packages = [package for need in missing for package in need.packages]
    line = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    names = ", ".join(need.what for need in missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        text = f"this machine lacks: {names}. Run this line, then start again:\n\n    sudo {line}\n"
        raise MissingSystemPackageError(text)
    say(f"this machine lacks: {names}; installing with apt: {' '.join(packages)}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get update -q", line):
        done = subprocess.run(command.split(), env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MissingSystemPackageError(f"`{command}` failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    still = [need.what for need in missing if not need.present()]
    if still:
        raise MissingSystemPackageError(f"still missing after `{line}`: {', '.join(still)}")
