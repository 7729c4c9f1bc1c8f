"""The card of a trained reader and its learning curve, from what its file says of itself."""

from __future__ import annotations

from pathlib import Path

from memory_agent_ros.reasoning.language.lora import read_lora
from memory_agent_ros.records.errors import MissingExtraError

_CARD = """# {file}

A LoRA for {base}, merged into it at loading (`memory_agent_ros/reasoning/language`): it writes the calls that answer a
question, and reads short answers from facts.

- Data: questions with the calls that answer them, and facts of a memory with questions and answers, drawn without end
  from random worlds in simulated apartments of `train`, with other names for things and rooms
  (`memory_agent_ros/evaluation/training/reader_examples.py`). The benchmark's held-out families are not among them, nor
  is one in twelve of the others. No data of others.
- Learnt: the tokens of calls and answers alone; rank {rank}, all linear layers from the {lowest}th on; the model itself
  stays as it is.
- Command: `memory-agent train reader --seed {seed} --minutes {minutes:g}{start} --out FILE`; {steps} steps, {tokens}
  tokens in {seconds} s on one shared core, at commit {commit}.{before}
- Size: {parameters} parameters, bfloat16, {megabytes:.1f} MB.
- Licence: Apache-2.0, as the package and the model.

Worlds of `val`, given the right beginning, the likeliest token each time and no constraint; a question counts if every
token of all its calls is right:

| figure | value |
|---|---|
{rows}
"""
_BEFORE = """
- BEFORE is what the same command without `--start` and with `--seed {seed}` wrote at commit {commit}: {steps} steps,
  {tokens} tokens in {seconds} s."""
#: What each figure is called.
_NAMES = {
    "calls_seen": "all calls right, families trained on",
    "calls_left_out": "all calls right, families left out",
    "reading": "facts read right",
}


def write_card(weights: Path) -> None:
    """A page beside the weights."""
    tensors, _, about = read_lora(weights)
    last = {k: v for k, v in about["curve"][-1].items() if k not in ("steps", "seconds")}
    before = about.get("start")
    text = _CARD.format(
        file=weights.name,
        start=" --start BEFORE" if before else "",
        before=_BEFORE.format(**before, seed=before["training"]["seed"]) if before else "",
        rows="\n".join(f"| {_NAMES.get(name, name)} | {value:.3f} |" for name, value in last.items()),
        parameters=sum(t.numel() for t in tensors.values()),
        megabytes=weights.stat().st_size / 1e6,
        **{name: about["training"][name] for name in ("rank", "lowest", "seed")},
        **{name: about[name] for name in ("base", "minutes", "steps", "tokens", "seconds", "commit")},
    )
    weights.with_suffix(".md").write_text(text)


def write_curve(weights: Path) -> Path | None:
    """The learning curve as a picture beside the weights; None where matplotlib is not installed."""
    try:
        from memory_agent_ros.viz.panels import panels, save_panels
    except MissingExtraError:
        return None
    curve = read_lora(weights)[2]["curve"]
    figure, (axes,) = panels()
    for name, title in _NAMES.items():
        points = [(p["steps"], p[name]) for p in curve if name in p]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=title)
    axes.set_xlabel("steps of about 1000 tokens")
    axes.set_ylabel("share of examples, val")
    axes.set_ylim(0.0, 1.0)
    return save_panels(figure, weights.with_suffix(".png"))
