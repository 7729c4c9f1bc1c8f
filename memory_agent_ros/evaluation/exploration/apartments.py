"""Apartments of the twin as the tasks see them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables

#: Movable things are recognised from so many visible pixels at 640 x 480 (a mug at 2.3 m, a frying pan at 4 m): what
#: the simulated detector takes for large, so that it hardly misses. Episodes in MuJoCo set the same as the detector's
#: ``minimum_pixels``.
MINIMUM_PIXELS = 400


@lru_cache(maxsize=192)
def apartment(split: str, seed: int, placement: str) -> TwinTables:
    """Tables of an apartment in which things are seen from where they can be recognised.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    try:
        from memory_agent_sim.twin.tables import twin_tables
    except ImportError as error:
        raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
    return recognised(twin_tables(split, seed, placement))


@lru_cache(maxsize=64)
def changed_apartment(split: str, seed: int, placement: str, edits: int) -> TwinTables:
    """The apartment after so many things were moved or taken away, the same ones each time."""
    from memory_agent_sim.twin.world import TwinWorld

    world = TwinWorld(split, seed, placement)
    world.apply_edits(world.sample_edits(edits, np.random.default_rng([abs(seed), 55])))
    return recognised(world.tables)


def recognised(tables: TwinTables, minimum_pixels: float = MINIMUM_PIXELS) -> TwinTables:
    """The tables with movable things seen only from where they show at least so many pixels."""
    shown = (tables.pixels >= minimum_pixels) | ~tables.movable
    return replace(tables, sees_things=tables.sees_things & shown[:, None])
