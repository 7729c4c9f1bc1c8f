"""Damaged folders of adapters and damaged weights."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import Target
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.source import Source


class DamagedAdapters:
    """Reads a library of adapters of which one file is damaged, names adapters and takes chunks away."""

    def __init__(self, folder: Path) -> None:
        import torch

        from memory_agent_ros.adapters.adapter import Adapter, Chunk
        from memory_agent_ros.adapters.library import AdapterLibrary
        from memory_agent_ros.adapters.rows import LoraRows

        self._open = AdapterLibrary
        self._sound, self._home = folder / "sound", folder / "home"
        generator = torch.Generator().manual_seed(0)

        def rows() -> LoraRows:
            down = {f"layers.{i}.mlp": torch.randn(2, 6, generator=generator) for i in range(2)}
            up = {name: torch.randn(2, 5, generator=generator) for name in down}
            return LoraRows(down, up, 0.5)

        chunks = tuple(
            Chunk(f"room {i}", rows(), Source("memory", f"room {i}", "d", 5, (str(i),), "network"), torch.eye(2))
            for i in range(2)
        )
        AdapterLibrary(self._sound).put("memory", Adapter(chunks, None, "tiny"))

    def case(self, hostile: Hostile) -> bool:
        """Read one."""
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(self._sound, self._home)
        path = hostile.pick(sorted(p for p in self._home.rglob("*") if p.is_file()))
        path.write_bytes(hostile.damaged(path.read_bytes()))
        library = self._open(self._home)
        name = hostile.text() if hostile.chance(0.2) else "memory"
        try:
            library.names()
            adapter = library.get(name)
            adapter.rows()
            library.forgotten([0, 1])
            library.drop(name, hostile.pick(["", "room 0", hostile.text()]))
        except MemoryAgentError:
            return False
        return True

    def close(self) -> None:
        """Nothing is open."""


class DamagedWeights:
    """Loads a damaged file of weights.

    Args:
        folder: of its own.
        sound: the shipped file.
        load: reads it.
    """

    def __init__(self, folder: Path, sound: Path, load: Callable[[Path], object]) -> None:
        self._sound, self._path, self._load = sound.read_bytes(), folder / sound.name, load

    def case(self, hostile: Hostile) -> bool:
        """Load one; most damage is done to the header, which says how the rest is read."""
        head = 4096 if hostile.chance(0.7) else len(self._sound)
        self._path.write_bytes(hostile.damaged(self._sound[:head]) + self._sound[head:])
        try:
            self._load(self._path)
        except MemoryAgentError:
            return False
        return True

    def close(self) -> None:
        """Nothing is open."""


def _encoder(folder: Path) -> DamagedWeights:
    from memory_agent_ros.memory.encoder import WEIGHTS, Encoder

    return DamagedWeights(folder, WEIGHTS, Encoder.load)


TARGETS: tuple[Target, ...] = ()
if all(importlib.util.find_spec(name) for name in ("torch", "safetensors", "peft")):
    TARGETS = (
        Target("adapter_folders", DamagedAdapters, share=2.5),
        Target("encoder_weights", _encoder, share=1.5),
    )
