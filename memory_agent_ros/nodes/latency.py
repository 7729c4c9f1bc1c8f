"""How fast and how often a camera's images become memory over DDS.

A camera process (:mod:`memory_agent_ros.nodes.latency_camera`) publishes pre-made 640x480 RGB-D pairs, so that nothing
renders while it is measured, to a real ``perception_node`` and a real ``memory_node``: three processes, threads pinned,
with the shared-memory profile of ``config/``, images best effort, ground-truth detector, colour-histogram appearance,
map on disk. The time of a pair runs from its stamp, taken when publishing begins, to the arrival at the camera process
of ``memory/frame_done``, and of the first ``memory/events`` with its stamp. Objects come and go, so that there is news.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros import bringup
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure
from memory_agent_ros.nodes.supervisor import Supervisor
from memory_agent_ros.records.errors import MemoryAgentError

#: A rate is sustained if this share of the pairs came through.
SUSTAINED_SHARE = 0.99
RATES_HZ = (5.0, 10.0, 15.0, 20.0, 30.0)


@dataclass(frozen=True)
class LatencySettings:
    """How the measurement is made.

    Attributes:
        duration_s: seconds each rate runs, 1 or more.
        rates_hz: rates to try, ascending; it ends with the first that is not sustained.
        latency_rate_hz: the rate whose latencies are reported, pairs per second.
        objects: boxes standing in the scene, 1 to 40.
        shared_memory: use the shipped Fast DDS profile (never over the user's own).
        seed: of the scene.
    """

    duration_s: float = 60.0
    rates_hz: tuple[float, ...] = RATES_HZ
    latency_rate_hz: float = 5.0
    objects: int = 10
    shared_memory: bool = True
    seed: int = 0


@dataclass(frozen=True)
class RateResult:
    """What was measured at one rate.

    Attributes:
        rate_hz: pairs published per second, as asked for.
        published: pairs published.
        achieved_hz: the rate at which that succeeded.
        processed: pairs that the memory reported as done.
        frame_p50_ms: median from stamp to ``memory/frame_done``, milliseconds.
        frame_p95_ms: its 95th percentile.
        event_p50_ms: median from stamp to the first memory event of that stamp, milliseconds.
        event_p95_ms: its 95th percentile.
        frames_with_events: over how many frames the event latency was taken.
    """

    rate_hz: float
    published: int
    achieved_hz: float
    processed: int
    frame_p50_ms: float
    frame_p95_ms: float
    event_p50_ms: float
    event_p95_ms: float
    frames_with_events: int

    @property
    def sustained(self) -> bool:
        """At least 99 % of the pairs were processed, and the camera kept its rate."""
        return self.processed >= SUSTAINED_SHARE * self.published and self.achieved_hz >= 0.97 * self.rate_hz


class LatencyError(MemoryAgentError):
    """The measurement could not be made; the message says which process failed."""


def bench_latency(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """The ``latency`` benchmark in the form of :mod:`memory_agent_ros.evaluation.bench`; one scene, of the first seed.

    Args:
        split: not used, the scene is a box world.
        seeds: the first is the seed of the scene.
        jobs: not used, the machine must be free.
        options: fields of :class:`LatencySettings`; ``progress`` shows a bar.
    """
    names = {field.name for field in fields(LatencySettings)}
    given = {name: value for name, value in options.items() if name in names}
    settings = replace(LatencySettings(seed=seeds.start), **given)
    return run_latency(settings, progress=bool(options.get("progress", False)))


def run_latency(settings: LatencySettings, log_directory: Path | None = None, progress: bool = False) -> Outcome:
    """Measure latency and sustained rate.

    Args:
        settings: durations and rates.
        log_directory: where the nodes' logs go; a temporary folder if None.
        progress: show a bar on stderr.

    Returns:
        Figures ``event_p50_ms``, ``event_p95_ms`` (interval: bootstrap over frames) and ``sustained_hz``; ``details``
        holds a :class:`RateResult` as a dictionary for each rate.

    Raises:
        LatencyError: the camera process failed.
        NodesNotReadyError: a node could not be started.
    """
    results: list[RateResult] = []
    latencies: NDArray[np.float64] = np.zeros(0)
    for rate_hz in tqdm(sorted({*settings.rates_hz, settings.latency_rate_hz}), disable=not progress, unit="rate"):
        result, events_ms = measure_rate(rate_hz, settings, log_directory)
        results.append(result)
        if rate_hz == settings.latency_rate_hz:
            latencies = events_ms
        if not result.sustained and rate_hz >= settings.latency_rate_hz:
            break
    sustained = [r.rate_hz for r in results if r.sustained and r.rate_hz in settings.rates_hz]
    nan = float("nan")
    return Outcome(
        figures={
            "event_p50_ms": _percentile(latencies, 50),
            "event_p95_ms": _percentile(latencies, 95),
            "sustained_hz": Figure(max(sustained, default=0.0), nan, nan, "Hz"),
        },
        details=[asdict(result) | {"sustained": result.sustained} for result in results],
    )


def measure_rate(
    rate_hz: float, settings: LatencySettings, log_directory: Path | None = None
) -> tuple[RateResult, NDArray[np.float64]]:
    """Fresh nodes and a fresh map, one rate; gives the result and every event latency in milliseconds.

    Raises:
        LatencyError: the camera process failed.
        NodesNotReadyError: a node could not be started.
    """
    with tempfile.TemporaryDirectory(prefix="memory_agent_latency_") as folder:
        values = {
            "params_file": "simulation",
            "use_sim_time": "false",
            "map_path": str(Path(folder) / "latency.map"),
            "fastdds_profile": "shared_memory" if settings.shared_memory else "none",
        }
        environment = {**bringup.environment(values), **_own_graph()}
        nodes = [_as_measured(n) for n in bringup.only(bringup.robot_nodes(values), ["memory_node", "perception_node"])]
        with Supervisor(nodes, environment, log_directory or Path(folder) / "log") as supervisor:
            supervisor.wait_active(120.0)
            measured = _run_camera(rate_hz, settings, environment, Path(folder) / "camera.json")
            supervisor.check()
        return summary(rate_hz, measured)


def _own_graph() -> dict[str, str]:
    """Variables that keep the measurement away from a robot that runs on the same network; the user's own stay."""
    apart = {"ROS_DOMAIN_ID": str(1 + os.getpid() % 101), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    return {name: value for name, value in apart.items() if name not in os.environ}


def _as_measured(node: bringup.NodeSpec) -> bringup.NodeSpec:
    if node.name != "perception_node":
        return node
    changes = {"image_embedder": "color_histogram", "reliable_images": False, "queue_depth": 2}
    return replace(node, parameters={**node.parameters, **changes})


def _run_camera(
    rate_hz: float, settings: LatencySettings, environment: Mapping[str, str], output: Path
) -> dict[str, Any]:
    request = {
        "rate_hz": rate_hz,
        "duration_s": settings.duration_s,
        "objects": settings.objects,
        "seed": settings.seed,
        "output": str(output),
    }
    done = subprocess.run(
        [sys.executable, "-m", "memory_agent_ros.nodes.latency_camera", json.dumps(request)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=settings.duration_s + 120.0,
        check=False,
    )
    if done.returncode != 0:
        raise LatencyError(f"the camera process failed:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return measured


def summary(rate_hz: float, measured: Mapping[str, Any]) -> tuple[RateResult, NDArray[np.float64]]:
    """What a camera process wrote -> result, and event latencies in milliseconds.

    Args:
        rate_hz: the rate asked for.
        measured: ``sent``, ``done`` and ``events``, each stamp (nanoseconds, text) -> seconds of one steady clock.
    """
    sent = {int(stamp): float(t) for stamp, t in measured["sent"].items()}
    frames, events = _latencies_ms(sent, measured["done"]), _latencies_ms(sent, measured["events"])
    span_s = max(sent.values()) - min(sent.values()) if len(sent) > 1 else 0.0
    p = [float(np.percentile(v, q)) if len(v) else float("nan") for v in (frames, events) for q in (50, 95)]
    achieved = (len(sent) - 1) / span_s if span_s > 0 else 0.0
    return RateResult(rate_hz, len(sent), achieved, len(frames), p[0], p[1], p[2], p[3], len(events)), events


def _latencies_ms(sent: Mapping[int, float], received: Mapping[str, float]) -> NDArray[np.float64]:
    pairs = [(int(stamp), float(t)) for stamp, t in received.items() if int(stamp) in sent]
    return np.array([(t - sent[stamp]) * 1e3 for stamp, t in pairs], dtype=np.float64)


def _percentile(values_ms: NDArray[np.float64], percentile: float, draws: int = 1000) -> Figure:
    """A percentile with its percentile-bootstrap interval over frames."""
    if len(values_ms) == 0:
        return Figure(float("nan"), float("nan"), float("nan"), "ms")
    rng = np.random.default_rng(0)
    again = np.percentile(rng.choice(values_ms, (draws, len(values_ms))), percentile, axis=1)
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(float(np.percentile(values_ms, percentile)), float(low), float(high), "ms")
