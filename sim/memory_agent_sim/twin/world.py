"""One apartment of the twin whose things can be moved, removed, added and swapped, as in the simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.edits import Edit, EditSampler, Shown, require_edit, require_kinds
from memory_agent_sim.freespace import Footprint
from memory_agent_sim.layout import ObjectPlacer, PlacedObject, place_at, surfaces_of
from memory_agent_sim.twin.tables import CELL_M, TwinTables, drawn_layout, twin_tables, with_places


class TwinWorld:
    """The things of an apartment over time; ways and floor stay as they were.

    Args:
        split, seed, placement, rooms: which apartment; see :func:`memory_agent_sim.twin.tables.twin_tables`.

    Attributes:
        tables: the apartment as it is now; a new object after each edit.
        places: id -> place of every movable thing that is there.

    Raises:
        BadInputError: ``split_unknown``, ``placement_unknown``.
    """

    def __init__(self, split: str, seed: int, placement: str = "uniform", rooms: int | None = None) -> None:
        self._first = twin_tables(split, seed, placement, rooms)
        self.layout = drawn_layout(split, seed, placement, rooms)
        self._instances = [o.instance for o in self.layout.objects] + list(self.layout.spares)
        self.reset()

    def reset(self) -> None:
        """Every thing back to where the layout put it."""
        self.tables: TwinTables = self._first
        self.places: dict[int, PlacedObject] = dict(enumerate(self.layout.objects, start=1))

    def sample_edits(
        self,
        count: int,
        rng: np.random.Generator,
        kinds: Sequence[str] = ("move", "remove"),
        node: int | None = None,
    ) -> list[Edit]:
        """Draw up to ``count`` edits of different things; kinds in turn.

        With ``node``, the robot's place, neither a thing nor its new place is in sight from there, and nothing is put
        where the robot stands.

        Raises:
            BadInputError: ``edit_kind``.
        """
        require_kinds(kinds)
        layout = self.layout
        placer = ObjectPlacer(
            layout.plan, layout.furniture, list(self.places.values()), placement=self.tables.placement
        )
        if node is not None:
            x, y = (float(v) for v in self.tables.nodes_xy[node])
            placer.extra.append(Footprint(x, y, 0.6, 0.6, 0.0))
        waiting = {i: one for i, one in enumerate(self._instances, start=1) if i not in self.places}
        surfaces = surfaces_of(layout.plan, layout.furniture)
        shown = None if node is None else self._shown_from(node)
        return EditSampler(placer, surfaces, dict(self.places), waiting, shown).sample(rng, count, kinds)

    def apply_edits(self, edits: Sequence[Edit]) -> None:
        """Change the world; what is seen of the things that moved is worked out anew.

        Raises:
            BadInputError: ``edit_kind``, ``edit_object``, ``edit_position``; nothing is changed then.
        """
        places = dict(self.places)
        for edit in edits:
            require_edit(edit, range(1, len(self._instances) + 1), self.places)
        for edit in edits:
            i, other = edit.object_id, edit.other_id
            if edit.kind == "remove":
                places.pop(i, None)
            elif edit.kind == "swap" and other is not None:
                a, b = self.places[i], self.places[other]
                places[i] = self._place(i, np.array([b.x, b.y, b.z]), b.yaw)
                places[other] = self._place(other, np.array([a.x, a.y, a.z]), a.yaw)
            elif edit.position_m is not None:
                places[i] = self._place(i, edit.position_m, edit.yaw)
        self.tables = with_places(self.tables, self.layout, places)
        self.places = places

    def _place(self, object_id: int, position: NDArray[np.float64], yaw: float) -> PlacedObject:
        return place_at(self.layout, self._instances[object_id - 1], position, yaw)

    def _shown_from(self, node: int) -> Shown:
        things = self.tables.sees_things[node].any(axis=0)
        cells = self.tables.cell_xy[self.tables.cells_around(node)]

        def shows(object_id: int | None, place: PlacedObject) -> bool:
            seen = object_id is not None and bool(things[object_id - 1])
            return seen or bool((np.abs(cells - [place.x, place.y]).max(axis=1) <= CELL_M / 2).any())

        return shows
