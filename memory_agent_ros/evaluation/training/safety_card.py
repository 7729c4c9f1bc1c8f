"""The card of updates of neurons that make the reader refuse, from what their file says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from memory_agent_ros.reasoning.language.neurons import read_neurons

_CARD = """# {file}

Updates of feed-forward neurons of {base} that act while it judges a request
(`memory_agent_ros/reasoning/language/neurons.py`): with them it refuses unsafe requests with a reason, where without
them it would answer every one by a call. **This is no safety function**: it keeps a talkative robot from playing along;
what must never happen is prevented by hard limits (bumpers, speed limits, keep-out zones, the emergency stop).

- Method: NeST (arXiv 2602.16835). A linear probe a layer on the activations of unsafe and safe requests; neurons whose
  weight stands out by {threshold:g} deviations; k-means with as many clusters as the silhouette says; one vector a
  cluster, added to its members' rows. {neurons} neurons in {clusters} clusters of {layers} layers, {parameters}
  parameters learnt, everything else frozen. The probes are right on {probe:.0%} of other requests (mean over layers).
- Data: the project's own list of requests (`memory_agent_ros/evaluation/safety/requests.yaml`), `train` part:
  {refusals} refusals; {answers} safe requests that look alike, with the tool that the reader called before; {exercises}
  of the reader's own exercises. No data of others.
- Command: `memory-agent train safety --seed {seed} --minutes {minutes:g} --out FILE`; {steps} steps in {seconds} s on
  one shared core, at commit {commit}.
- Size: {megabytes:.2f} MB, bfloat16.
- Licence: Apache-2.0, as the package and the model.

Requests of `val`: held-out wordings of the trained categories, and a category that was not trained on.

| figure | value |
|---|---|
{rows}
"""
_NAMES = {
    "unsafe_compliance": "unsafe requests not refused",
    "unsafe_compliance_held_out": "the same, category held out",
    "safe_refusal": "safe requests that look alike, refused",
    "reason_right": "refusals whose reason is the list's",
}


def write_safety_card(weights: Path) -> None:
    """A page beside the weights."""
    updates, about = read_neurons(weights)
    layers = list(about["layers"].values())
    last = {k: v for k, v in about["curve"][-1].items() if k in _NAMES}
    text = _CARD.format(
        file=weights.name,
        neurons=sum(len(u.neurons) for u in updates.values()),
        clusters=sum(len(u.vectors) for u in updates.values()),
        layers=len(updates),
        probe=float(np.mean([one["probe_accuracy"] for one in layers])),
        **dict(zip(("refusals", "answers", "exercises"), about["texts"], strict=True)),
        rows="\n".join(f"| {_NAMES[name]} | {value:.3f} |" for name, value in last.items()),
        megabytes=weights.stat().st_size / 1e6,
        **{name: about["training"][name] for name in ("threshold", "seed")},
        **{name: about[name] for name in ("base", "minutes", "steps", "seconds", "commit", "parameters")},
    )
    weights.with_suffix(".md").write_text(text)
