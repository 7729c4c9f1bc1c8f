"""A question with words around it, or written carelessly."""

from __future__ import annotations

import re

import numpy as np

_BEFORE_QUESTION = (
    "Hello, ", "Hi. ", "Please, ", "Tell me: ", "Please tell me: ", "Quick question: ", "Let me ask you: ", "Robot, ",
    "I have a question. ", "One more thing: ", "Listen: ", "By the way, ", "OK. ", "So, ", "Now, ", "Sorry, ",
    "Just to be sure: ", "Excuse me, ", "From what you have seen: ", "According to your memory, ",
    "As far as you know, ",
)  # fmt: skip
_AFTER_QUESTION = (
    " Please.", " Thanks.", " Thank you.", " Answer briefly.", " I need to know.", " Do you know?", " Tell me.",
    " As far as you know.", " Be exact.", " I forgot.", " Just wondering.",
)  # fmt: skip


def reworded(question: str, rng: np.random.Generator) -> str:
    """A question as it is, or with words around it, or written carelessly."""
    if rng.random() < 0.25:
        before = _BEFORE_QUESTION[int(rng.integers(len(_BEFORE_QUESTION)))]
        keeps = before[-2] in ".:" and rng.random() < 0.5
        question = before + (question if keeps else question[:1].lower() + question[1:])
    if rng.random() < 0.12:
        question += _AFTER_QUESTION[int(rng.integers(len(_AFTER_QUESTION)))]
    if rng.random() < 0.12:
        question = re.sub(r"[?.!,:;]+$", "", question)
    if rng.random() < 0.12:
        question = question.lower()
    return question
