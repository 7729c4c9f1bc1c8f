"""Gymnasium environment ``MemoryApartment-v0``: drive, look, and be paid for every thing seen for the first time.

Action: ``Box(-1, 1, (2,))`` float32, forward speed and turn rate as shares of the limits of the base (0.7 m/s and
1.5 rad/s by default), held for 1 / ``rate_hz`` s.

Observation: ``Dict`` of ``rgb`` (H, W, 3) uint8, ``depth`` (H, W, 1) float32 metres (0 = no reading), ``pose`` (3,)
float64 true x, y, yaw of the base in the map and, with ``instances=True``, ``instances`` (H, W, 1) int32.

Reward: 1 for each movable thing that covers at least ``seen_pixels`` pixels (at 640 x 480, scaled with the image) for
the first time in the episode, minus 0.01 while the base touches something. A robot that stands still
earns nothing.

An episode is truncated after ``max_steps`` and never terminates. ``reset(seed=N)`` opens apartment ``N`` of the split;
a reset without a seed draws one; ``options={"apartment": N}`` names one whatever the seed.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import yaw_of
from memory_agent_ros.records.frame import Frame
from memory_agent_sim.sensors import FAR_M
from memory_agent_sim.simulation import Simulation, SimulationConfig

Observation = dict[str, NDArray[Any]]
_LARGEST_ID = 10_000
_ROOM_BOUND_M = 100.0


class MemoryApartmentEnv(gymnasium.Env):  # type: ignore[misc]
    """See the module's docstring.

    Args:
        split: ``train``, ``val`` or ``test``.
        apartments: apartments are drawn from seeds ``0 .. apartments - 1`` when a reset names none.
        max_steps: length of an episode.
        instances: whether to give ground-truth instance ids.
        seen_pixels: pixels at 640 x 480 from which a thing counts as seen.
        render_mode: ``rgb_array`` or None.
        **simulation: fields of :class:`memory_agent_sim.simulation.SimulationConfig`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012

    def __init__(
        self,
        split: str = "train",
        apartments: int = 1000,
        max_steps: int = 500,
        instances: bool = False,
        seen_pixels: int = 100,
        render_mode: str | None = None,
        **simulation: Any,
    ) -> None:
        self.metadata = {**self.metadata, "render_fps": round(simulation.get("rate_hz", 5.0))}
        self.config = SimulationConfig(**({"width": 320, "height": 240} | simulation))
        self.split, self.apartments, self.max_steps = split, apartments, max_steps
        self.instances, self.seen_pixels, self.render_mode = instances, seen_pixels, render_mode
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        size = (self.config.height, self.config.width)
        bound = np.array([_ROOM_BOUND_M, _ROOM_BOUND_M, np.pi])
        parts: dict[str, spaces.Space[Any]] = {
            "rgb": spaces.Box(0, 255, (*size, 3), np.uint8),
            "depth": spaces.Box(0.0, FAR_M, (*size, 1), np.float32),
            "pose": spaces.Box(-bound, bound, dtype=np.float64),
        }
        if instances:
            parts["instances"] = spaces.Box(0, _LARGEST_ID, (*size, 1), np.int32)
        self.observation_space = spaces.Dict(parts)
        self.simulation: Simulation | None = None
        self._seen: set[int] = set()
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Open an apartment and look; ``info`` names it."""
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(self.apartments))
        apartment = int((options or {}).get("apartment", drawn if seed is None else seed))
        if self.simulation is None or self.simulation.seed != apartment:
            self.close()
            self.simulation = Simulation(self.split, apartment, self.config)
        else:
            self.simulation.reset()
        self._steps, self._seen = 0, set()
        frame = self.simulation.frame()
        self._count_new(frame)
        return self._observe(frame), self._info(apartment)

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive for one tick and look."""
        simulation = self._running()
        robot = self.config.robot
        simulation.step(float(action[0]) * robot.max_linear_mps, float(action[1]) * robot.max_angular_rps)
        self._steps += 1
        frame = simulation.frame()
        reward = self._count_new(frame) - 0.01 * simulation.collided
        return self._observe(frame), float(reward), False, self._steps >= self.max_steps, self._info(simulation.seed)

    def render(self) -> NDArray[np.uint8] | None:
        """The robot's picture in mode ``rgb_array``."""
        return self._running().frame().rgb if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the apartment."""
        if self.simulation is not None:
            self.simulation.close()
            self.simulation = None

    def _running(self) -> Simulation:
        if self.simulation is None:
            raise gymnasium.error.ResetNeeded("call reset() before step() and render()")
        return self.simulation

    def _count_new(self, frame: Frame) -> int:
        if frame.instances is None:
            return 0
        ids, counts = np.unique(frame.instances, return_counts=True)
        enough = self.seen_pixels * frame.rgb.shape[0] * frame.rgb.shape[1] / (640 * 480)
        movable = {t.id for t in self._running().scene.things if t.movable}
        new = {int(i) for i, n in zip(ids, counts, strict=True) if n >= enough and int(i) in movable} - self._seen
        self._seen |= new
        return len(new)

    def _observe(self, frame: Frame) -> Observation:
        T = self._running().T_map_base
        observation: Observation = {
            "rgb": frame.rgb,
            "depth": frame.depth_m[..., None],
            "pose": np.array([T[0, 3], T[1, 3], yaw_of(T)]),
        }
        if self.instances and frame.instances is not None:
            observation["instances"] = frame.instances[..., None]
        return observation

    def _info(self, apartment: int) -> dict[str, Any]:
        simulation = self._running()
        return {
            "apartment": apartment,
            "stamp_ns": simulation.stamp_ns,
            "collided": simulation.collided,
            "seen": len(self._seen),
        }
