"""The language model's own part of the ``qa`` benchmark: the calls that its questions become.

The same families of questions, held-out ones among them, on random worlds of a split. A question counts if the model
does not refuse it and if every token of all its calls is the likeliest one given those before: nothing but the model
can then lose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from memory_agent_ros.evaluation.qa.families.catalogue import FAMILIES
from memory_agent_ros.evaluation.safety.judging import refusal_shares
from memory_agent_ros.evaluation.training.reader_examples import Dialogue, encoded_dialogue
from memory_agent_ros.evaluation.training.reader_figures import drawn_dialogues
from memory_agent_ros.evaluation.training.train_reader import whole_right
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.refusing import LIMIT


def questions(split: str, count: int, meaning: Meaning | None) -> list[Dialogue]:
    """Questions of all classes of ``qa`` in worlds of a split."""
    return drawn_dialogues(FAMILIES, count, meaning, 1000, split)


def done_right(loaded: LoadedModel, encoder: Encoder, asked: Sequence[Dialogue]) -> list[bool]:
    """Which questions are not refused and become the right calls; refused is with the updates, called without."""
    right = whole_right(loaded.model, [encoded_dialogue(one, encoder) for one in asked])
    with loaded.safety.acting() if loaded.safety else nullcontext():
        refused = refusal_shares(loaded.model, encoder, [one.opening for one in asked])
    return [hit and share < LIMIT for hit, share in zip(right, refused, strict=True)]
