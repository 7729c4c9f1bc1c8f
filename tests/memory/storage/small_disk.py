"""Run on a small disk of its own by test_full_disk.py: fills it, empties it, and ends with it not to be written.

Prints ``sound`` at the end; any other end is a failure.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from driving import at_desk, at_table, present, watch
from synthetic import kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import StoreError

DISK = Path(sys.argv[1])
BALLAST, HOME = DISK / "ballast", DISK / "home.map"


def fill(left: int = 0) -> None:
    """Leave that many bytes."""
    with suppress(OSError), BALLAST.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(BALLAST, max(BALLAST.stat().st_size - left, 0))


def refused(step: Callable[[], object], *words: str) -> str:
    """What a step that must fail says."""
    try:
        step()
    except StoreError as error:
        for word in words:
            assert word in str(error), f"{word!r} is not in: {error}"
        return str(error)
    raise AssertionError("it should have been refused")


def making() -> None:
    for left in (0, 4096, 8192, 40960):
        fill(left)
        refused(lambda: SpatialMemory.open(DISK / "new.map"), "free some space")
        BALLAST.unlink()
        SpatialMemory.open(DISK / "new.map").close()
        (DISK / "new.map").unlink()


def working() -> None:
    world = kitchen()
    with SpatialMemory.open(HOME) as memory:
        watch(memory, world, [*at_table(), *at_desk()])
        expected = present(memory)
    content = HOME.read_bytes()
    fill()
    refused(lambda: SpatialMemory.open(HOME), "free some space", "read_only")
    assert HOME.read_bytes() == content
    with SpatialMemory.open(HOME, read_only=True) as memory:
        assert present(memory) == expected
    BALLAST.unlink()
    memory = SpatialMemory.open(HOME)
    fill(200 * 1024)  # enough for some of it
    gone = memory.objects()[0].id
    said = refused(lambda: memory.forget([gone]), "free some space")
    assert ("all of it is erased" in said) == (gone not in [o.id for o in memory.objects()])
    assert memory.verify() == []
    for _ in range(6):
        with suppress(StoreError):
            watch(memory, world, at_table())
    refused(memory.save, "free some space")
    assert memory.find("bowl") and memory.rooms() is not None
    BALLAST.unlink()
    watch(memory, world, at_table(2))
    memory.close()
    with SpatialMemory.open(HOME) as memory:
        assert memory.verify() == [] and memory.last_stamp_ns == world.stamp_ns - 200_000_000


def reading() -> None:
    with SpatialMemory.open(HOME, read_only=True) as memory:
        expected = present(memory)
    subprocess.run(["mount", "-o", "remount,ro", str(DISK)], check=True)
    for name in (HOME, DISK / "new.map"):
        refused(lambda name=name: SpatialMemory.open(name), "Read-only file system", "open it read_only")
    with SpatialMemory.open(HOME, read_only=True) as memory:
        assert present(memory) == expected and memory.verify() == []
        refused(lambda: memory.save(DISK / "copy.map"), "Read-only file system")


making()
working()
reading()
print("sound")
