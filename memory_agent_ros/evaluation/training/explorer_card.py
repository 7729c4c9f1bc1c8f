"""The card of a trained explorer and its learning curve, from what its weights say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.records.errors import MissingExtraError

_CARD = """# {file}

The exploration policy of `memory_agent_ros/exploration/policy_network.py`. {guide}

{school}{empo2}- The twin, no rendering. No data of others. Label vectors: `{labels}`.
- Command: `{command}`; {decisions} environment steps of EMPO2;
  {seconds} s in all on one shared core, at commit {commit}.
- Size: {parameters} parameters, float32.
- Licence: Apache-2.0, as the package.

| figure on `val`, tips off | value |
|---|---|
{rows}
"""
_SCHOOL = """- School (`memory_agent_ros/evaluation/training/explorer_school.py`): {steps} steps on situations met in
  the large apartments among `train` seeds 0 to {apartments} (half-open), habitual placement, each candidate labelled
  with the return of going there and by the plain rule from then on; {discover:.0%} of them discovery, else searches.
  Examined on `val` seeds 0 to {held_out}; the best weights are kept.
"""
_EMPO2 = """- EMPO2 (`memory_agent_ros/exploration/empo2.py`): searches and discovery in `train` seeds 0 to {apartments}
  (half-open) with habitual placement and {variants} variants of each with most things put elsewhere by the same habits,
  {goals} searches in each; {discover:.0%} of the updates practise discovery. Reward of a search: 1 at a right
  declaration, else 0; of discovery: what a step adds to the area under the curve of things found over metres.
"""
#: What each figure of the curve is called in the picture.
_NAMES = {"val_success": "search: success", "val_spl": "search: SPL", "val_auc": "discovery: area under the curve"}


def write_card(weights: Path) -> None:
    """A page beside the weights."""
    policy = LearnedPolicy.load(weights)
    about, training = policy.about, json.loads(policy.about["training"])
    school = training.get("school")
    seed, steps = training["empo2"]["seed"], training["empo2"]["decisions"]
    command = f"memory-agent train explorer --seed {seed} --out FILE"
    if steps or not school:
        command += f" --steps {steps} --minutes {about['minutes']} --apartments {training['apartments']}"
    text = _CARD.format(
        file=weights.name,
        command=command,
        guide="Its scores are added to those of the rule `" + about["guide"] + "`." if about.get("guide") else "",
        parameters=sum(p.numel() for p in policy.module.parameters()),
        school=_SCHOOL.format(**school) if school else "",
        empo2=_EMPO2.format(**training) if int(about["updates"]) else "",
        rows="\n".join(f"| {name} | {value:.3f} |" for name, value in json.loads(about["figures"]).items()),
        **{name: about[name] for name in ("labels", "decisions", "seconds", "commit")},
    )
    weights.with_suffix(".md").write_text(text)


def write_curve(weights: Path) -> Path | None:
    """The learning curve as a picture beside the weights; None where matplotlib is not installed."""
    try:
        from memory_agent_ros.viz.panels import panels, save_panels
    except MissingExtraError:
        return None
    about = LearnedPolicy.load(weights).about
    curve: list[dict[str, float]] = json.loads(about["curve"])
    school: list[dict[str, float]] = json.loads(about.get("school", "[]"))
    parts = [name for name, points in (("school", school), ("empo2", curve)) if len(points) > 1] or ["empo2"]
    figure, axes = panels(len(parts), width_in=4.5 + 3.0 * len(parts))
    for axis, part in zip(axes, parts, strict=True):
        if part == "school":
            _draw_school(axis, school)
        else:
            _draw_empo2(axis, curve)
    return save_panels(figure, weights.with_suffix(".png"))


def _draw_school(axis: Any, school: list[dict[str, float]]) -> None:
    """By how much the policy's choices return more than the plain rule's, a decision."""
    steps = [point["step"] for point in school]
    for name, title in (("search", "search: SPL"), ("discover", "discovery: area under the curve")):
        gains = [point[name] - point[f"{name}_rule"] for point in school]
        axis.plot(steps, gains, marker="o", markersize=3, label=title)
    axis.axhline(0.0, color="black", linewidth=0.8)
    axis.set_xlabel("steps of the school")
    axis.set_ylabel("return of a choice over the rule's, on val")


def _draw_empo2(axis: Any, curve: list[dict[str, float]]) -> None:
    for name, title in _NAMES.items():
        points = [(p["decisions"] / 1000.0, p[name]) for p in curve if name in p]
        if points:
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=title)
    axis.set_xlabel("environment steps of EMPO2, thousands")
    axis.set_ylabel("on val, tips off")
    axis.set_ylim(0.0, 1.0)
