"""One episode in one process: simulation, perception, memory, explorer, in step and without ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.phase import PhaseResult, Tick, TickLog
from memory_agent_ros.evaluation.visible import VisibleCounter
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.factory import lazy_text_embedder, make_image_embedder
from memory_agent_ros.perception.ground_truth import DetectionNoise, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from memory_agent_sim.simulation import Simulation

#: Explores by the nearest frontier, without candidates.
PLAIN = "frontier"


@dataclass(frozen=True)
class EpisodeConfig:
    """Settings of an episode.

    Attributes:
        width: image width, pixels, 160 to 1280.
        height: image height, pixels, 120 to 960.
        rate_hz: images per second of simulated time, 1 to 30.
        rooms: number of rooms, 3 to 6, or None for as many as the seed gives.
        cluttered: whether twice as many things stand there, look-alikes side by side.
        placement: by whose habits things are put: "uniform", "habitual", "shifted" or "student_flat".
        tipped: share of the things that lie on their side, and share of those that stand on their head, 0 to 0.5.
        sensor: "render" or "raycast".
        depth_noise: "none" or "kinect".
        image_embedder: name for :func:`~memory_agent_ros.perception.factory.make_image_embedder`.
        policy: who chooses where to explore: "frontier", or a name for
            :func:`~memory_agent_ros.exploration.policies.by_name.policy_by_name`.
        explore_s: limit of the exploration, seconds of simulated time, 1 to 3600.
        patrol_s: limit of the patrol, seconds of simulated time, 1 to 3600.
        edits: changes made behind the robot's back before a patrol, 0 to 20; 0 leaves the patrol out.
        noise: errors of the simulated detector.
        explorer: settings of the explorer.
        memory: settings of the memory.
    """

    width: int = 640
    height: int = 480
    rate_hz: float = 5.0
    rooms: int | None = None
    cluttered: bool = False
    placement: str = "uniform"
    tipped: float = 0.0
    sensor: str = "render"
    depth_noise: str = "none"
    image_embedder: str = "color_histogram"
    policy: str = PLAIN
    explore_s: float = 600.0
    patrol_s: float = 600.0
    edits: int = 0
    noise: DetectionNoise = field(default_factory=DetectionNoise)
    explorer: ExplorerConfig = field(default_factory=ExplorerConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)


Hook = Callable[[Tick], None]


class Episode:
    """A running episode. Use as a context manager.

    Attributes:
        sim: the simulation.
        memory: the memory that ships; ``others`` see the same observations (ablations).
        explorer: the explorer.
        visible: what had to be seen, counted frame by frame.
        texts: embeds words for policies, or None.
    """

    def __init__(
        self,
        sim: Simulation,
        memory: SpatialMemory,
        config: EpisodeConfig,
        seed: int = 0,
        others: Mapping[str, SpatialMemory] | None = None,
        texts: TextEmbedder | None = None,
    ) -> None:
        self.sim, self.memory, self.config = sim, memory, config
        self.others = dict(others or {})
        self.texts = texts if texts is not None or config.policy == PLAIN else lazy_text_embedder("auto")
        self.new_explorer()
        detector = GroundTruthDetector(sim.labels, config.noise, seed % 2**32)
        self.pipeline = PerceptionPipeline(detector, make_image_embedder(config.image_embedder))
        self.visible = VisibleCounter()

    def new_explorer(self) -> None:
        """An explorer that knows no floor yet."""
        names = sorted(set(self.sim.labels.values()))
        self.explorer = Explorer(self.config.explorer, self.memory, self.texts, names)

    def run_phase(
        self, phase: str, time_limit_s: float, hook: Hook | None = None, progress: bool = False, count: bool = False
    ) -> PhaseResult:
        """Run the explorer until it stops.

        Args:
            phase: "explore" (until nothing is left) or "patrol".
            time_limit_s: simulated seconds.
            hook: called after each frame.
            progress: show a bar.
            count: count what is visible in :attr:`visible`.
        """
        if phase != "explore" or self.config.policy == PLAIN:
            self.explorer.start("frontier" if phase == "explore" else "patrol", time_limit_s)
        else:
            policy = policy_by_name(self.config.policy, LabelVectors(self.texts))
            self.explorer.start("discover", time_limit_s, policy=policy)
        return self.drive(phase, time_limit_s, hook, progress, count)

    def drive(
        self, phase: str, time_limit_s: float, hook: Hook | None = None, progress: bool = False, count: bool = False
    ) -> PhaseResult:
        """Go on until the explorer, which was started, stops; see :meth:`run_phase`."""
        explorer, sim = self.explorer, self.sim
        wall, begin_ns = time.perf_counter(), sim.stamp_ns
        ticks = TickLog()
        limit = int(time_limit_s * self.config.rate_hz)
        with tqdm(total=limit, desc=phase, unit="frame", disable=not progress, leave=False) as bar:
            while True:
                tick = self._tick(phase, count)
                ticks.add(tick, sim.collided)
                if hook is not None:
                    hook(tick)
                sim.step(tick.command.linear_mps, tick.command.angular_rps)
                if tick.command.done:
                    break
                bar.update()
                bar.set_postfix_str(f"coverage {explorer.coverage:.2f}, {tick.command.reason}")
        return ticks.result(
            phase, explorer, (sim.stamp_ns - begin_ns) / 1e9, time.perf_counter() - wall, 1 / self.config.rate_hz
        )

    def _tick(self, phase: str, count: bool) -> Tick:
        sim, explorer = self.sim, self.explorer
        frame = sim.frame()
        if count:
            self.visible.add(sim.visibility(frame), frame)
        result = self.pipeline.process(frame)
        started = time.perf_counter()
        events = self.memory.observe(frame, result.observations)
        update_ms = (time.perf_counter() - started) * 1e3
        for other in self.others.values():
            other.observe(frame, result.observations)
        explorer.update(
            frame.stamp_ns, sim.T_map_base, frame.depth_m, frame.depth_camera or frame.camera, frame.T_map_camera
        )
        return Tick(phase, frame, result, events, explorer.step(), update_ms)

    def coverage(self) -> dict[str, float]:
        """Room -> share of its truly reachable free floor that was in view within the useful range in this run."""
        grid, origin = self.sim.free_floor(0.1)
        rows, columns = np.nonzero(grid)
        points = np.stack([columns, rows], axis=1) * 0.1 + 0.05 + origin
        raster = self.explorer.grid.raster
        cell_rows, cell_columns = raster.index(points)
        inside = raster.inside(cell_rows, cell_columns)
        seen = np.zeros(len(points), dtype=bool)
        seen[inside] = raster["seen"][cell_rows[inside], cell_columns[inside]] > 0
        shares = {}
        for room in self.sim.rooms:
            here = ((points >= room.minimum) & (points < room.maximum)).all(axis=1)
            if here.any():
                shares[room.name] = float(seen[here].mean())
        return shares

    def edit(self, seed: int, eligible: set[int] | None = None) -> Changed:
        """Change the world where the robot does not look; see :func:`memory_agent_ros.evaluation.visible.changed`."""
        rng = np.random.default_rng(seed % 2**32)
        frame = self.sim.frame()
        wanted = self.config.edits
        edits = self.sim.sample_edits(4 * wanted, rng, kinds=("move", "remove"), avoid_visible_from=frame)
        edits = [e for e in edits if eligible is None or e.object_id in eligible][:wanted]
        before = {t.id: t for t in self.sim.truth()}
        self.sim.apply_edits(edits)
        after = {t.id: t for t in self.sim.truth()}
        moved = {e.object_id: after[e.object_id].box.center for e in edits if e.kind == "move"}
        removed = [e.object_id for e in edits if e.kind == "remove"]
        named = {e.object_id for e in edits}
        disturbed = [
            i
            for i, t in after.items()
            if i in before and i not in named and np.linalg.norm(t.box.center - before[i].box.center) > 0.05
        ]
        return Changed(moved, removed, disturbed)


@dataclass(frozen=True, eq=False)
class Changed:
    """What was changed in the world.

    Attributes:
        moved: true id -> (3,) new box centre.
        removed: true ids.
        disturbed: true ids that moved by the way.
    """

    moved: Mapping[int, NDArray[np.float64]]
    removed: list[int]
    disturbed: list[int]


def make_simulation(split: str, seed: int, config: EpisodeConfig) -> Simulation:
    """Build the apartment of a seed.

    Raises:
        MissingExtraError: the simulator is not installed.
    """
    try:
        from memory_agent_sim.simulation import Simulation, SimulationConfig
    except ImportError as error:
        raise MissingExtraError(f"{error}; install the simulator: pip install ./sim (or `make setup`)") from error
    return Simulation(
        split,
        seed,
        SimulationConfig(
            width=config.width,
            height=config.height,
            rate_hz=config.rate_hz,
            rooms=config.rooms,
            cluttered=config.cluttered,
            placement=config.placement,
            tipped=config.tipped,
            depth_noise=config.depth_noise,
            sensor=config.sensor,
        ),
    )
