"""The ``sessions`` benchmark: yesterday's map opened at an unknown pose, part of the things moved.

Each seed is an apartment, mapped once all over. Then 0, 10, 20 or 30 % of its movable things (by seed) are moved,
removed or added in turn, and a second robot enters one to three of its rooms in a frame of its own. Detections are
those of the simulated detector on ray-cast boxes; everything reaches the memory through ``observe``.

What ships is measured as it runs: a :class:`Session` is fed image by image, is localised or not, and continues in the
stored map. Arms search once, with the whole second visit in the local map. False relocalisation: each second visit is
held against the maps of other apartments.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from tqdm import tqdm

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.sessions.play import (
    SHARES,
    Attempt,
    Kept,
    Place,
    attempt,
    continue_session,
    grow,
    visit,
)
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median, ratio_of_sums
from memory_agent_ros.memory.sessions.relocalisation import RelocalisationConfig

SHIPS = RelocalisationConfig()
#: Arm -> (parameters, whether depth thumbnails are used).
ARMS: dict[str, tuple[RelocalisationConfig, bool]] = {
    "whole_session": (SHIPS, True),
    "objects_only": (SHIPS, False),
    "labels_only": (RelocalisationConfig(appearance=False), True),
    "geometry_only": (RelocalisationConfig(labels=False, appearance=False), True),
    "no_verification": (RelocalisationConfig(verify=False), False),
}
#: Other apartments that each second visit is held against.
_OTHERS = 2
_BINS = ((1, 2), (3, 4), (5, 6), (7, 9), (10, 99))


@dataclass(frozen=True, eq=False)
class Scene:
    """One apartment's numbers.

    Attributes:
        tries: attempts while the session grew, and with all of it.
        kept: what became of identities.
        arms: arm -> attempt with the whole session; false: arm -> (accepted, chances) in other apartments.
        problems: what ``verify`` found in the merged map.
    """

    seed: int
    share: float
    rooms: int
    tries: Sequence[Attempt]
    kept: Kept
    arms: Mapping[str, Attempt]
    false: Mapping[str, tuple[int, int]]
    problems: int


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments, one second visit each.
        jobs: processes; each takes a stretch of the seeds.
        options: ``progress`` (bool).
    """
    scenes: list[Scene] = []
    show = bool(options.get("progress", False))
    for scene in tqdm(_scenes(split, seeds, jobs), total=len(seeds), desc=f"sessions {split}", disable=not show):
        scenes.append(scene)
    scenes.sort(key=lambda s: s.seed)
    arms = {name: _arm(scenes, name) for name in ARMS}
    return Outcome(_figures(scenes), arms, [_details(s) for s in scenes])


def _scenes(split: str, seeds: range, jobs: int) -> Iterator[Scene]:
    if jobs == 1:
        yield from run_stretch(split, seeds)
        return
    size = -(-len(seeds) // jobs)
    stretches = [seeds[k : k + size] for k in range(0, len(seeds), size)]
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_stretch, split, s) for s in stretches]):
            yield from done.result()


def _stretch(split: str, seeds: range) -> list[Scene]:
    return list(run_stretch(split, seeds))


def run_stretch(split: str, seeds: range) -> Iterator[Scene]:
    """Apartments one after the other, each second visit also held against the maps of those before it."""
    others: list[Place] = []
    for seed in seeds:
        scene, place = run_scene(split, seed, others)
        others = [*others, place][-_OTHERS:]
        yield scene


def run_scene(split: str, seed: int, others: Sequence[Place]) -> tuple[Scene, Place]:
    """One apartment: the growing session, the arms, other apartments, then the session as it ships."""
    played = visit(split, seed)
    tries = grow(played, SHIPS)
    local = Place.of(played.local)
    arms = {
        name: attempt(played.place, local, config, played.T_map_session, looks=looks)
        for name, (config, looks) in ARMS.items()
    }
    false = {}
    for name, (config, looks) in ARMS.items():
        found = [attempt(other, local, config, None, looks=looks).found for other in others]
        false[name] = sum(f is not None for f in found), len(found)
    place = played.place
    kept = continue_session(played)
    tries = [*tries, arms["whole_session"]]
    scene = Scene(seed, played.share, played.rooms, tries, kept, arms, false, len(played.memory.verify()))
    return scene, place


def _figures(scenes: Sequence[Scene]) -> dict[str, Figure]:
    kept = [s.kept for s in scenes]
    found = {
        "relocalised": figure([[k.right, 1] for k in kept], ratio_of_sums, "", Goal("min", 0.90)),
        "identity_kept": figure([[k.kept, k.unmoved] for k in kept], ratio_of_sums, "", Goal("min", 0.95)),
        **_false(scenes, "whole_session", Goal("max", 0.0)),
        "wrong_pose": figure([[k.localised and not k.right, 1] for k in kept], ratio_of_sums),
        "error_m": figure([[k.error_m] for k in kept], median, "m"),
        "error_deg": figure([[k.error_deg] for k in kept], median, "deg"),
        "moved_followed": figure([[k.followed, k.moved] for k in kept], ratio_of_sums),
        "duplicate_ratio": figure([[k.present, k.distinct] for k in kept], ratio_of_sums),
        "pairs_when_found": figure([[k.seen_at if k.localised else np.nan] for k in kept], median),
        "images_until_found": figure([[k.images if k.localised else np.nan] for k in kept], median),
        "search_ms": figure([[s.arms["whole_session"].cpu_ms] for s in scenes], median, "ms", Goal("max", 100.0)),
        "search_p95_ms": figure([[s.arms["whole_session"].cpu_ms] for s in scenes], _p95, "ms"),
        "sound_maps": figure([[s.problems == 0, 1] for s in scenes], ratio_of_sums),
        "sessions": figure([[1.0] for _ in scenes], lambda d: float(d.sum())),
    }
    for share in SHARES:
        some = [s.kept for s in scenes if s.share == share]
        name = f"changed{round(100 * share)}"
        found[f"relocalised@{name}"] = figure([[k.right, 1] for k in some] or [[0, 0]], ratio_of_sums)
        found[f"identity_kept@{name}"] = figure([[k.kept, k.unmoved] for k in some] or [[0, 0]], ratio_of_sums)
    for low, high in _BINS:
        rows = [_binned(s, low, high) for s in scenes]
        found[f"found@seen{low}to{high}"] = figure([r for r in rows if r[1]] or [[0.0, 0.0]], ratio_of_sums)
    return found


def _binned(scene: Scene, low: int, high: int) -> list[float]:
    """Right attempts, and attempts, with so many objects seen."""
    tries = [t for t in scene.tries if low <= t.seen <= high]
    return [float(sum(t.right for t in tries)), float(len(tries))]


def _arm(scenes: Sequence[Scene], name: str) -> dict[str, Figure]:
    tries = [s.arms[name] for s in scenes]
    wrong = [[t.found is not None and not t.right, 1] for t in tries]
    return {
        "relocalised": figure([[t.right, 1] for t in tries], ratio_of_sums),
        **_false(scenes, name, None),
        "wrong_pose": figure(wrong, ratio_of_sums),
        "error_m": figure([[t.error_m] for t in tries], median, "m"),
        "error_deg": figure([[t.error_deg] for t in tries], median, "deg"),
        "search_ms": figure([[t.cpu_ms] for t in tries], mean, "ms"),
    }


def _false(scenes: Sequence[Scene], name: str, goal: Goal | None) -> dict[str, Figure]:
    """Acceptances in other apartments, with the upper end of the exact 95 % interval over apartments."""
    rows = [s.false[name] for s in scenes if s.false[name][1]]
    accepted, apartments = sum(a > 0 for a, _ in rows), len(rows)
    upper = _upper(accepted, apartments)
    return {
        "false_relocalised": dataclasses.replace(
            figure([list(r) for r in rows] or [[0, 0]], ratio_of_sums, "", goal), high=upper
        ),
        "false_upper95": Figure(upper, float("nan"), float("nan")),
        "false_apartments": Figure(float(apartments), float("nan"), float("nan")),
        "false_chances": Figure(float(sum(n for _, n in rows)), float("nan"), float("nan")),
    }


def _upper(accepted: int, chances: int) -> float:
    """Upper one-sided 95 % limit of a share (Clopper and Pearson, 1934); 3 / n where none was accepted."""
    if chances == 0:
        return float("nan")
    return 1.0 if accepted == chances else float(stats.beta.ppf(0.95, accepted + 1, chances - accepted))


def _p95(data: NDArray[np.float64]) -> float:
    return float(np.nanquantile(data, 0.95))


def _details(scene: Scene) -> dict[str, Any]:
    def told(t: Attempt) -> dict[str, Any]:
        found = t.found
        return {
            "seen": t.seen,
            "right": t.right,
            "accepted": found is not None,
            "pairs": len(found.pairs) if found else 0,
            "probability": found.probability if found else None,
            "error_m": None if np.isnan(t.error_m) else round(t.error_m, 4),
            "error_deg": None if np.isnan(t.error_deg) else round(t.error_deg, 3),
        }

    kept = {k: (None if isinstance(v, float) and np.isnan(v) else v) for k, v in dataclasses.asdict(scene.kept).items()}
    return {
        "seed": scene.seed,
        "share": scene.share,
        "rooms": scene.rooms,
        "tries": [told(t) for t in scene.tries],
        "kept": kept,
        "arms": {name: told(t) for name, t in scene.arms.items()},
        "false": {name: list(f) for name, f in scene.false.items()},
    }
