"""``memory-agent train explorer``: school, then EMPO2, with checkpoints, logs and a learning curve. Needs torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.explorer_card import write_card, write_curve
from memory_agent_ros.evaluation.training.explorer_courses import (
    ExplorerTraining,
    label_vectors,
    make_courses,
    make_policy,
    standardise,
)
from memory_agent_ros.evaluation.training.explorer_school import go_to_school
from memory_agent_ros.evaluation.training.logs import Logs
from memory_agent_ros.exploration.empo2 import Empo2
from memory_agent_ros.exploration.engines import make_engine
from memory_agent_ros.exploration.features import SHAPE
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.rollout import rollout

#: Updates between two checkpoints, and between two looks at ``val``.
CHECKPOINT_EVERY, VAL_EVERY = 20, 40
#: Seeds of ``val`` for the curve and the card.
VAL_SEEDS = range(0, 80)
#: Figures of an update that the bar shows.
_SHOWN = ("score", "length", "loss_entropy")


def train_explorer(
    training: ExplorerTraining,
    out: Path,
    *,
    minutes: float = 90.0,
    engine: str = "here",
    jobs: int = 1,
    resume: bool = True,
    progress: bool = False,
    courses: Callable[[ExplorerTraining], Any] = make_courses,
    examine: Callable[[LearnedPolicy, ExplorerTraining], dict[str, float]] | None = None,
) -> dict[str, float]:
    """School, then EMPO2 until the environment steps (if any) or the minutes are used up; write weights, card, curve.

    Without a school in ``training`` EMPO2 begins with random weights. Beside ``out`` there are, while it trains, a
    checkpoint with everything needed to go on, and ``out`` with the ending ``.logs``: figures of each update as JSON
    lines and, where TensorBoard is installed, as its event files.

    Args:
        training: what and how.
        out: safetensors file of the policy.
        minutes: longest time, over all sittings.
        engine: where rollouts are played, see :func:`~memory_agent_ros.exploration.engines.make_engine`.
        jobs: workers; the rollouts of an update are divided among them.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.
        courses: what is practised.
        examine: figures on ``val``; by default of search and discovery.

    Returns:
        the last figures on ``val``.
    """
    torch.set_num_threads(1)
    examine = examine or val_figures
    made = courses(training) if training.empo2.decisions > 0 else []
    shape = made[0].environment.shape if made else SHAPE
    policy = make_policy(training, shape)
    checkpoint = out.with_suffix(".checkpoint.pt")
    logs = Logs(out.with_suffix(".logs"), "explorer", "decisions", fresh=not resume)
    state = _checkpoint(checkpoint, training) if resume else None
    curve, spent = ([], 0.0) if state is None else (list(state["curve"]), float(state["spent"]))
    started = time.monotonic() - spent
    stepped = _prepare(policy, training, made, progress) if state is None else 0
    playing: AbstractContextManager[Any] = nullcontext()
    if engine != "here" and made:
        playing = make_engine(engine, partial(make_policy, training, shape), partial(courses, training), jobs)
    with playing as collect, logs:
        algorithm = Empo2(policy, made, training.empo2, collect, jobs)
        algorithm.decisions = stepped
        if state is not None:
            policy.about.update(state["about"])
            algorithm.restore(state["algorithm"])
        elif training.school is not None and not algorithm.done:
            curve.append(_point(algorithm, examine(policy, training), time.monotonic() - started, logs))
            _keep(checkpoint, algorithm, training, curve, time.monotonic() - started)
        total, before = training.empo2.decisions, algorithm.decisions
        bar = tqdm(total=total, initial=before, desc="train explorer", unit="decision", disable=not progress)
        while not algorithm.done and time.monotonic() - started < 60.0 * minutes:
            before, algorithm.time_used = algorithm.decisions, (time.monotonic() - started) / (60.0 * minutes)
            figures = algorithm.step()
            bar.update(algorithm.decisions - before)
            bar.set_postfix({name: f"{figures[name]:.3f}" for name in _SHOWN}, refresh=False)
            logs.write(algorithm.decisions, figures)
            if algorithm.updates % VAL_EVERY == 0:
                with algorithm.averaged():
                    seen = examine(policy, training)
                curve.append(_point(algorithm, seen, time.monotonic() - started, logs))
            if algorithm.updates % CHECKPOINT_EVERY == 0:
                _keep(checkpoint, algorithm, training, curve, time.monotonic() - started)
        bar.close()
        algorithm.settle()
        last = examine(policy, training)
        curve.append(_point(algorithm, last, time.monotonic() - started, logs))
    about = _about(algorithm, training, curve, last, time.monotonic() - started)
    policy.about.update(about | {"minutes": f"{minutes:g}"})
    policy.save(out)
    write_card(out)
    write_curve(out)
    checkpoint.unlink(missing_ok=True)
    return last


def val_figures(policy: LearnedPolicy, training: ExplorerTraining) -> dict[str, float]:
    """Success and SPL of searches, area under the curve of discovery, on ``val``, tips off, best score taken."""
    words, out = label_vectors(training.text_vectors), {}
    search = TwinEnvironment(search_tasks("val", VAL_SEEDS, goals=4), words)
    done = played_outcomes(search, policy)
    out["val_success"] = float(np.mean([o.success for o in done]))
    out["val_spl"] = float(np.mean([o.spl for o in done]))
    if training.discover > 0:
        discover = TwinEnvironment(discover_tasks("val", VAL_SEEDS), words)
        out["val_auc"] = float(np.mean([o.auc for o in played_outcomes(discover, policy)]))
    return out


def played_outcomes(environment: TwinEnvironment, policy: LearnedPolicy, batch: int = 64) -> list[Any]:
    """Outcomes of one episode of each task."""
    out = []
    for first in range(0, len(environment.tasks), batch):
        numbers = range(first, min(first + batch, len(environment.tasks)))
        rollout(environment, policy, numbers, temperature=0.0, words=False)
        out += environment.outcomes()
    return out


def _prepare(policy: LearnedPolicy, training: ExplorerTraining, courses: Any, progress: bool) -> int:
    """Send the policy to school, or standardise its inputs; returns the environment steps that took."""
    if training.school is None:
        return standardise(policy, courses)
    words = label_vectors(training.text_vectors)
    policy.about["school"] = json.dumps(go_to_school(policy, training.school, words, progress=progress))
    return 0


def _checkpoint(path: Path, training: ExplorerTraining) -> dict[str, Any] | None:
    """What a training of the same settings left behind when it was broken off."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state if state["training"] == json.dumps(asdict(training)) else None


def _keep(path: Path, algorithm: Empo2, training: ExplorerTraining, curve: list[Any], spent: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert isinstance(algorithm.policy, LearnedPolicy)
    about = dict(algorithm.policy.about)
    state = {"algorithm": algorithm.state(), "training": json.dumps(asdict(training)), "about": about}
    draft = path.with_suffix(".part")
    torch.save({**state, "curve": curve, "spent": spent}, draft)
    draft.replace(path)


def _point(algorithm: Empo2, figures: Mapping[str, float], seconds: float, logs: Logs) -> dict[str, float]:
    logs.write(algorithm.decisions, figures)
    return {"decisions": float(algorithm.decisions), "seconds": round(seconds, 1), **figures}


def _about(
    algorithm: Empo2, training: ExplorerTraining, curve: list[Any], figures: Mapping[str, float], seconds: float
) -> dict[str, str]:
    return {
        "training": json.dumps(asdict(training)),
        "figures": json.dumps(dict(figures)),
        "curve": json.dumps(curve),
        "labels": label_vectors(training.text_vectors).kind,
        "commit": commit() or "unknown",
        "decisions": str(algorithm.decisions),
        "updates": str(algorithm.updates),
        "seconds": f"{seconds:.0f}",
    }
