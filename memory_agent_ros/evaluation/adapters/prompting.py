"""How the two base models are given passages and questions. Needs transformers."""

from __future__ import annotations

from typing import Any

from memory_agent_ros.adapters.prompts import Prompts, sentences
from memory_agent_ros.evaluation.adapters.tiny_model import BEGIN
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.transcript import context_text


def tiny_prompts(tokenizer: Any) -> Prompts:
    """As the tiny model learnt them: a passage, then the question, then the answer."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text).input_ids
        return found

    return Prompts(
        lambda passage: [BEGIN, *ids(passage)],
        lambda passage, question: [BEGIN, *(ids(passage) if passage else []), *ids(question)],
        ids,
    )


def embedded_prompts(tokenizer: Any) -> Prompts:
    """As the embedded reader learnt them: facts line by line, the question, and the answer until the line ends."""
    encoder = Encoder(tokenizer)

    def lines(passage: str | None) -> list[str]:
        return [s[:1].upper() + s[1:] for s in sentences(passage or "")]

    return Prompts(
        lambda passage: encoder.text("Memory:\n" + "".join(f"- {line}\n" for line in lines(passage))),
        lambda passage, question: encoder.text(context_text(lines(passage), question[:1].upper() + question[1:])),
        lambda answer: [*encoder.text(f" {answer}"), *encoder.text("\n")],
    )
