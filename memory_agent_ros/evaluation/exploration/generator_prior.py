"""The ceiling of the searches: a policy that knows how the generator puts things, and where all furniture stands.

Privileged twice over: it has the placement's own table P(room, furniture | category), which no other policy sees, and
the whole floor plan with its furniture, known or not. It does not know where the goal is. It heads for the place that
shows most of the probability not yet looked at per metre, by whichever candidate leads there. Where there is no goal
it is told where all things stand, and heads for the place that shows most unseen ones per metre.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.policies.declaring import column, declaring
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens

#: A surface seen from this near was looked at, metres.
_LOOKED_M = 2.2
#: Metres added to every way, so that a near place of little use does not win, and what counts on the floor.
_EXTRA_M = 2.0


class GeneratorPrior:
    """Chooses for the situations that an environment made last.

    Args:
        environment: whose apartments are looked into.
        placement: whose table is believed; the task's own by default.
    """

    name = "generator_prior"

    def __init__(self, environment: TwinEnvironment, placement: str = "") -> None:
        self._environment = environment
        self._placement = placement
        self._known: dict[tuple[object, ...], tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores."""
        environment = self._environment
        score = np.zeros(situations.candidate_mask.shape)
        scene = environment.scene
        for i, row in enumerate(scene.rows):
            target = self._target(int(row))
            path = environment.slots.path_m[row]
            total = scene.places.path_m[i, scene.choices.place[i]] + path[scene.choices.place[i], target]
            score[row] = -0.1 * total
        return declaring(situations, score, column(situations, "is_stop") == 0)

    def _target(self, row: int) -> int:
        """The node that shows most probability per metre."""
        slots, memory = self._environment.slots, self._environment.memory
        if not self._environment.task(row).goals:
            return self._most_unseen(row)
        mass, shows = self._tables(row)
        things = memory.furniture.shape[1]
        nodes = len(mass) - things
        looked = np.concatenate([memory.nearest_m[row] <= _LOOKED_M, memory.visits[row, :nodes] > 0])
        left = shows @ np.where(looked, 0.0, mass)
        way = slots.path_m[row, slots.node[row], :nodes]
        return int(np.argmax(left / (way + _EXTRA_M)))

    def _most_unseen(self, row: int) -> int:
        """Without a goal: the node that shows most movable things not yet seen per metre, by the truth."""
        slots, memory = self._environment.slots, self._environment.memory
        unseen = ~memory.seen[row] & ~memory.furniture[row]
        shown = slots.things_around[row] @ unseen.astype(np.float32)
        way = np.where(slots.node_mask[row], slots.path_m[row, slots.node[row]], np.inf)
        return int(np.argmax(shown / (way + _EXTRA_M)))

    def _tables(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(M + V,) probability of each piece of furniture and each bit of floor, (V, M + V) what each node shows."""
        from memory_agent_sim.habits import FLOOR, surface_weights

        environment = self._environment
        task, tables = environment.task(row), environment.slots.tables[row]
        assert tables is not None
        goal = environment.goal_text(row)
        key = (task.split, task.seed, task.placement, goal)
        if key not in self._known:
            things, nodes = environment.memory.furniture.shape[1], len(tables.nodes_xy)
            pieces = np.flatnonzero(~tables.movable)
            places = [(tables.rooms[tables.boxes.room[i]], tables.labels[i]) for i in pieces]
            places += [(room, FLOOR) for room in tables.rooms]
            weights = np.array(surface_weights(goal, self._placement or task.placement, places))
            weights = weights / max(weights.sum(), 1e-9)
            mass = np.zeros(things + nodes)
            mass[pieces] = weights[: len(pieces)]
            share = weights[len(pieces) :] / np.maximum(np.bincount(tables.node_room, minlength=len(tables.rooms)), 1)
            mass[things:] = share[tables.node_room]
            shows = np.zeros((nodes, things + nodes), bool)
            shows[:, : len(tables.labels)] = tables.sees_things.any(axis=1) & (tables.range_m <= _LOOKED_M)
            apart = np.linalg.norm(tables.nodes_xy[:, None] - tables.nodes_xy[None], axis=2)
            shows[:, things:] = (apart <= 2.0) & (tables.node_room[:, None] == tables.node_room[None])
            self._known[key] = mass, shows
        return self._known[key]
