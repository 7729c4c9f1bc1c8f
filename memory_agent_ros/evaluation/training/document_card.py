"""The card of a trained document network and its learning curve, from what its file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memory_agent_ros.adapters.document import read_about
from memory_agent_ros.records.errors import MissingExtraError

_CARD = """# {file}

A network that writes a LoRA for {base} from a text in one forward pass (Doc-to-LoRA, arXiv 2602.15902;
`memory_agent_ros/adapters/document.py`).

- Data: documents of facts about things in places among noise, drawn without end
  (`memory_agent_ros/evaluation/adapters/facts.py`). No data of others.
- Built: rank {rank} for each chunk of at most {chunk_tokens} tokens; trained on documents of one chunk, then of up to
  {longest}.
- Loss: {loss}; the language model stays as it is.
- Command: `memory-agent train document-lora --size {size} --seed {seed} --minutes {minutes:g} --out FILE`; {steps}
  steps in {seconds:.0f} s in {processes} process(es), at commit {commit}.
- Size: {megabytes:.1f} MB.
- Licence: Apache-2.0, as the package.

Answers word for word on `val`, of combinations and ways to say that are held out, by the number of chunks, with the
adapter alone and without the document; the weights are those of the best mean:

| steps | {names} |
|---|{lines}|
{rows}
"""
_LOSSES = {"kl": "context distillation on the teacher's likeliest tokens", "next_token": "the answers' tokens"}


def write_document_card(weights: Path, size: str) -> None:
    """A page beside the weights."""
    told = read_about(weights)
    about, config = told["about"], told["config"]
    names = [name for name in about["curve"][-1] if name.startswith("exact_match")]
    rows = [f"| {p['steps']:.0f} | " + " | ".join(f"{p[n]:.3f}" for n in names) + " |" for p in about["curve"][-12:]]
    text = _CARD.format(
        file=weights.name, base=told["base"], rank=config["rank"], chunk_tokens=config["chunk_tokens"],
        longest=about["training"]["longest"], loss=_LOSSES[about["training"]["loss"]["kind"]], size=size,
        seed=about["training"]["seed"], megabytes=weights.stat().st_size / 1e6, names=" | ".join(names),
        lines="|".join("---" for _ in names), rows="\n".join(rows),
        **{name: about[name] for name in ("minutes", "steps", "seconds", "processes", "commit")},
    )  # fmt: skip
    weights.with_suffix(".md").write_text(text)


def write_document_curve(weights: Path) -> Path | None:
    """The learning curve as a picture beside the weights; None where matplotlib is not installed."""
    try:
        from memory_agent_ros.viz.panels import panels, save_panels
    except MissingExtraError:
        return None
    curve: list[dict[str, Any]] = read_about(weights)["about"]["curve"]
    figure, (axes,) = panels()
    for name in (n for n in curve[-1] if n.startswith("exact_match")):
        axes.plot([p["steps"] for p in curve], [p[name] for p in curve], marker="o", markersize=3, label=name)
    axes.set_xlabel("steps")
    axes.set_ylabel("exact match, val")
    axes.set_ylim(0.0, 1.0)
    return save_panels(figure, weights.with_suffix(".png"))
