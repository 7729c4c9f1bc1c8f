"""The card of a trained explorer and its learning curve, from what its weights say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from memory_agent_ros.exploration.learned_policy import LearnedPolicy

_CARD = """# {file}

The exploration policy of `memory_agent_ros/exploration/policy_network.py`, trained by EMPO2
(`memory_agent_ros/exploration/empo2.py`) from random weights. {guide}

- Data: searches and discovery in simulated apartments, `train` seeds 0 to {apartments} (half-open) with habitual
  placement and {variants} variants of each with most things put elsewhere by the same habits, {goals} searches in each;
  {discover:.0%} of the updates practise discovery. The twin, no rendering. No data of others.
- Reward of a search: 1 at a right declaration, else 0. Of discovery: what a step adds to the area under the curve of
  things found over metres.
- Label vectors: `{labels}`.
- Command: `{command}`; {decisions}
  environment steps, {updates} updates in {seconds} s on one shared core, at commit {commit}.
- Size: {parameters} parameters, float32.
- Licence: Apache-2.0, as the package.

| figure on `val`, tips off | value |
|---|---|
{rows}
"""
#: What each figure of the curve is called in the picture.
_NAMES = {"val_success": "search: success", "val_spl": "search: SPL", "val_auc": "discovery: area under the curve"}


def write_card(weights: Path) -> None:
    """A page beside the weights."""
    policy = LearnedPolicy.load(weights)
    about, training = policy.about, json.loads(policy.about["training"])
    seed, steps = training["empo2"]["seed"], training["empo2"]["decisions"]
    command = (
        f"memory-agent train explorer --seed {seed} --steps {steps} --minutes {about['minutes']} "
        f"--apartments {training['apartments']} --out FILE"
    )
    text = _CARD.format(
        file=weights.name,
        command=command,
        guide="Its scores are added to those of the rule `" + about["guide"] + "`." if about.get("guide") else "",
        parameters=sum(p.numel() for p in policy.module.parameters()),
        rows="\n".join(f"| {name} | {value:.3f} |" for name, value in json.loads(about["figures"]).items()),
        **{name: training[name] for name in ("apartments", "goals", "variants", "discover")},
        **{name: about[name] for name in ("labels", "decisions", "updates", "seconds", "commit")},
    )
    weights.with_suffix(".md").write_text(text)


def write_curve(weights: Path) -> Path | None:
    """The learning curve as a picture beside the weights; None where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    about = LearnedPolicy.load(weights).about
    curve: list[dict[str, Any]] = json.loads(about["curve"])
    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    for name, title in _NAMES.items():
        points = [(p["decisions"] / 1000.0, p[name]) for p in curve if name in p]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=title)
    axes.set_xlabel("environment steps, thousands")
    axes.set_ylabel("on val, tips off")
    axes.set_ylim(0.0, 1.0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    target = weights.with_suffix(".png")
    figure.savefig(target, dpi=130)
    plt.close(figure)
    return target
