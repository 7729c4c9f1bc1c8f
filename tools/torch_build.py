"""Choose the build of PyTorch: for the CPU where pip or uv can get it, else for CUDA, with its size said first."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

GPU_PREFIXES = ("nvidia-", "triton", "cuda-")


@dataclass(frozen=True)
class Resolution:
    """What pip would install for a requirement: names with versions, and where each file lies."""

    names: tuple[str, ...]
    urls: tuple[str, ...]

    @property
    def needs_cuda(self) -> bool:
        """Tell whether the build drags in the libraries of CUDA."""
        return any(name.lower().startswith(GPU_PREFIXES) for name in self.names)


def resolve(python: Path, requirement: str, environ: dict[str, str]) -> Resolution:
    """Ask pip what it would install, without installing.

    Args:
        python: Interpreter whose pip is asked.
        requirement: Such as `torch==2.13.0`.
        environ: Variables for pip.

    Raises:
        subprocess.CalledProcessError: pip finds nothing that fits.
    """
    options = ["--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    command = [str(python), "-m", "pip", "install", *options, requirement]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return parse_report(done.stdout)


def parse_report(text: str) -> Resolution:
    """Read pip's installation report (version 1)."""
    items = json.loads(text)["install"]
    return Resolution(
        tuple(f"{item['metadata']['name']} {item['metadata']['version']}" for item in items),
        tuple(item["download_info"]["url"] for item in items),
    )


def download_bytes(urls: Sequence[str], timeout_s: float = 10.0) -> int:
    """Add up the sizes of files by asking their servers; files that do not say count as nothing."""
    total = 0
    for url in urls:
        if not url.startswith("https:"):
            continue
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=timeout_s) as answer:
                total += int(answer.headers.get("Content-Length") or 0)
        except (urllib.error.URLError, TimeoutError):
            continue
    return total


def install(
    python: Path,
    requirement: str,
    environ: dict[str, str],
    run: Callable[[list[str]], None],
    say: Callable[[str], None],
) -> None:
    """Install PyTorch, for the CPU if that can be had.

    Args:
        python: Interpreter of the virtual environment.
        requirement: Exact version.
        environ: Variables for pip and uv.
        run: Runs a command with progress and raises CalledProcessError if it fails.
        say: Takes lines for the user.
    """
    pip = [str(python), "-m", "pip", "install"]
    resolution = resolve(python, requirement, environ)
    if not resolution.needs_cuda:
        run([*pip, requirement])
        return
    say("pip offers only the CUDA build here; asking uv, which knows where the CPU build lies")
    run([*pip, "uv"])
    uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--torch-backend", "cpu", requirement]
    done = subprocess.run(uv, env=environ, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    size = download_bytes(resolution.urls) / 1e9
    amount = f"{size:.1f} GB" if size > 0.5 else "some 3 GB"
    say(
        f"the CPU build is out of reach; taking the CUDA build: {amount} to download, two to three times that on disk. "
        "It runs on the CPU too. To avoid it, stop now (Ctrl-C) and name a folder or index that has the CPU wheel in "
        "PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL."
    )
    run([*pip, requirement])
