"""Changes of the world behind the robot's back."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_sim.instances import ObjectInstance, instance_size
from memory_agent_sim.layout import ObjectPlacer, PlacedObject, Surface

KINDS: tuple[str, ...] = ("move", "remove", "add", "swap")
#: A moved thing lands at least this far from where it stood, metres.
MINIMUM_MOVE_M = 0.8
Shown = Callable[[int | None, PlacedObject], bool]


@dataclass(frozen=True, eq=False)
class Edit:
    """One change.

    Attributes:
        kind: ``move``, ``remove``, ``add`` or ``swap``.
        object_id: the thing it happens to (for ``add`` one that is not present).
        position_m: (3,) where the middle of its underside goes (``move``, ``add``), map frame; it then settles.
        yaw: its new rotation about z, radians (``move``, ``add``).
        other_id: the thing it changes places with (``swap``).
    """

    kind: str
    object_id: int
    position_m: NDArray[np.float64] | None = None
    yaw: float = 0.0
    other_id: int | None = None


@dataclass
class EditSampler:
    """Draws edits that a second visit can notice.

    Attributes:
        placer: where things stand now; grows and shrinks with the edits drawn.
        ids: instance key -> id; ``standing`` id -> its place; ``waiting`` ids and instances that are not in the world.
        shown: whether the robot sees a thing (by id; None for one that is not there) at a place now. What is shown does
            not take part. None: nothing is shown.
    """

    placer: ObjectPlacer
    surfaces: list[Surface]
    standing: dict[int, PlacedObject]
    waiting: dict[int, ObjectInstance]
    shown: Shown | None

    def sample(self, rng: np.random.Generator, count: int, kinds: Sequence[str]) -> list[Edit]:
        """Up to ``count`` edits of different things, the kinds taken in turn."""
        edits: list[Edit] = []
        order = [int(i) for i in rng.permutation(sorted(i for i in self.standing if not self._shown(i)))]
        spare = sorted(self.waiting)
        misses = 0
        while len(edits) < count and misses < 2 * len(kinds) and (order or spare):
            edit = self._one(rng, kinds[(len(edits) + misses) % len(kinds)], order, spare)
            misses = misses + 1 if edit is None else 0
            if edit is not None:
                edits.append(edit)
        return edits

    def _one(self, rng: np.random.Generator, kind: str, order: list[int], spare: list[int]) -> Edit | None:
        if kind == "remove" and order:
            object_id = order.pop()
            self.placer.placed.remove(self.standing.pop(object_id))
            return Edit("remove", object_id)
        if kind == "move":
            return self._move(rng, order)
        if kind == "add" and spare:
            object_id = spare.pop()
            found = next(self._places(rng, self.waiting[object_id], None), None)
            return None if found is None else self._put("add", object_id, found)
        if kind == "swap":
            return self._swap(order)
        return None

    def _move(self, rng: np.random.Generator, order: list[int]) -> Edit | None:
        while order:
            object_id = order.pop()
            old = self.standing[object_id]
            self.placer.placed.remove(old)
            found = next(self._places(rng, old.instance, old), None)
            if found is not None:
                return self._put("move", object_id, found)
            self.placer.placed.append(old)
        return None

    def _swap(self, order: list[int]) -> Edit | None:
        """Two things of about the same footprint and different category, at least the minimum distance apart."""
        for i in reversed(range(len(order))):
            for j in range(i):
                a, b = self.standing[order[i]], self.standing[order[j]]
                apart = np.hypot(a.x - b.x, a.y - b.y) >= MINIMUM_MOVE_M
                alike = np.abs(np.subtract(instance_size(a.instance), instance_size(b.instance))).max() < 0.08
                if apart and alike and a.instance.category != b.instance.category:
                    first, second = order[i], order[j]
                    del order[i], order[j]
                    return Edit("swap", first, other_id=second)
        return None

    def _put(self, kind: str, object_id: int, found: PlacedObject) -> Edit:
        self.placer.placed.append(found)
        self.standing[object_id] = found
        return Edit(kind, object_id, np.array([found.x, found.y, found.z]), found.yaw)

    def _places(
        self, rng: np.random.Generator, instance: ObjectInstance, old: PlacedObject | None
    ) -> Iterator[PlacedObject]:
        """Places far from the old one and out of sight, by habit if the apartment has any.

        Without habits other rooms come first half of the time, else its own.
        """
        if self.placer.placement != "uniform":
            order = self.placer.order(rng, instance.category, self.surfaces)
        else:
            elsewhere = rng.random() < 0.5
            later = [old is not None and (s.room == old.room) == elsewhere for s in self.surfaces]
            order = np.argsort(rng.random(len(later)) + 2.0 * np.array(later)).tolist()
        for index in order:
            for _ in range(6):
                found = self.placer.try_place(rng, instance, self.surfaces[index], tries=4)
                if found is None:
                    break
                far = old is None or np.hypot(found.x - old.x, found.y - old.y) >= MINIMUM_MOVE_M
                if far and not self._place_shown(found):
                    yield found

    def _shown(self, object_id: int) -> bool:
        return self.shown is not None and self.shown(object_id, self.standing[object_id])

    def _place_shown(self, place: PlacedObject) -> bool:
        return self.shown is not None and self.shown(None, place)


def frame_shows(frame: Frame) -> Shown:
    """Whether a frame shows a thing, or looks at a place (in view and not behind something), 0.1 m above its ground."""

    def shows(object_id: int | None, place: PlacedObject) -> bool:
        ids = frame.instances
        if object_id is not None and ids is not None and (ids == object_id).any():
            return True
        pixels, z = project_map(frame.camera.K, frame.T_map_camera, np.array([[place.x, place.y, place.z + 0.1]]))
        if not z[0] > 0:
            return False
        u, v = (int(n) for n in np.round(pixels[0]))
        if not (0 <= u < frame.camera.width and 0 <= v < frame.camera.height):
            return False
        depth = float(frame.depth_m[v, u])
        return depth <= 0 or depth > z[0] - 0.3

    return shows


def require_kinds(kinds: Sequence[str]) -> None:
    """Refuse unknown kinds of edits.

    Raises:
        BadInputError: ``edit_kind``.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise BadInputError("edit_kind", f"edit kind must be one of {', '.join(KINDS)}, got {kind!r}")


def require_edit(edit: Edit, movable: Container[int], present: Container[int]) -> None:
    """Refuse an edit that cannot be made, given the ids of what is movable and what is there.

    Raises:
        BadInputError: ``edit_kind``, ``edit_object``, ``edit_position``.
    """
    require_kinds((edit.kind,))
    if edit.object_id not in movable or (edit.object_id in present) == (edit.kind == "add"):
        raise BadInputError("edit_object", f"cannot {edit.kind} object {edit.object_id}: not movable or not there")
    if edit.kind == "swap" and edit.other_id not in present:
        raise BadInputError("edit_object", f"cannot swap with object {edit.other_id}: not there")
    if edit.kind in ("move", "add") and (edit.position_m is None or not np.isfinite(edit.position_m).all()):
        raise BadInputError("edit_position", f"a finite position_m is needed to {edit.kind} an object")
