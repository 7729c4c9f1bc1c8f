"""A question with words around it, or written carelessly."""

from __future__ import annotations

import re

import numpy as np

_GREETING = (
    "Hello, ", "Hi. ", "Hey, ", "Good morning. ", "Robot, ", "Hey robot, ", "Excuse me, ", "Sorry, ", "OK. ", "Well, ",
    "Um, ", "Hm, ", "Right. ", "Listen: ", "Good evening: ", "Dear robot, ", "Pardon me, ", "Alright, ",
)  # fmt: skip
_BEFORE_QUESTION = (
    "Please, ", "Tell me: ", "Please tell me: ", "Quick question: ", "Let me ask you: ", "I have a question. ",
    "One more thing: ", "By the way, ", "So, ", "Now, ", "Just to be sure: ", "From what you have seen: ",
    "According to your memory, ", "As far as you know, ", "Remind me: ", "Help me: ", "I forgot: ", "Next: ",
    "Another question: ", "If you remember, ", "If you know, ", "Maybe you know: ", "My question is: ", "Again: ",
    "I would like to know: ", "I want to know: ", "Could you help me? ", "Can I ask something? ", "Question: ",
    "You have been around. ", "Going by your map, ", "To your knowledge, ", "I can't remember. ",
    "It is urgent: ", "No hurry, ", "Let me see: ", "Tell me this: ", "And ", "But ", "Then ",
)  # fmt: skip
_AFTER_QUESTION = (
    " Please.", " Thanks.", " Thank you.", " Answer briefly.", " I need to know.", " Do you know?", " Tell me.",
    " As far as you know.", " Be exact.", " I forgot.", " Just wondering.", " Any idea?", " I can't remember.",
    " Do you remember?", " It is urgent.", " Take your time.", " Thanks a lot.", " Be quick.", " I am in a hurry.",
    " Many thanks!", " If you know.", " Can you help?", " Cheers.", " I am asking for a friend.", " I wonder.",
)  # fmt: skip
_MISTYPED_TEXT = """
where which what whats where's what's please could would should things anything everything something closest
nearest largest biggest smallest highest placed moved missing between distance colour color material
beside stands whether somebody anybody someone anyone locate location changed changes happened disappeared
before earlier yesterday hours minutes metres height width length number there different apartment
"""
#: Words that are part of no name: slips in them leave the question clear.
_MISTYPED = frozenset(_MISTYPED_TEXT.split())
#: Slips that make another word.
_OTHER_WORDS = frozenset(("three", "here", "were", "hat", "hose", "paced", "mover", "late", "thing"))
_AROUND, _GREETED, _AFTER, _SLIP = 0.22, 0.07, 0.12, 0.08


def reworded(question: str, rng: np.random.Generator) -> str:
    """A question as it is, or with words around it, or written carelessly."""
    for words, often in ((_BEFORE_QUESTION, _AROUND), (_GREETING, _GREETED)):
        if rng.random() < often:
            before = words[int(rng.integers(len(words)))]
            keeps = before[-2] in ".:?" and rng.random() < 0.5
            question = before + (question if keeps else question[:1].lower() + question[1:])
    if rng.random() < _AFTER:
        question += _AFTER_QUESTION[int(rng.integers(len(_AFTER_QUESTION)))]
    if rng.random() < _SLIP:
        question = _mistyped(question, rng)
    if rng.random() < 0.12:
        question = re.sub(r"[?.!,:;]+$", "", question)
    if rng.random() < 0.12:
        question = question.lower()
    return question


def _mistyped(question: str, rng: np.random.Generator) -> str:
    """A letter inside a word left out, doubled or swapped with the next; never in a word that names something."""
    words = [m for m in re.finditer(r"[A-Za-z']+", question) if m[0].lower() in _MISTYPED]
    if not words:
        return question
    word = words[int(rng.integers(len(words)))]
    text, at = word[0], int(rng.integers(1, len(word[0]) - 1))
    slip = (
        text[:at] + text[at + 1 :],
        text[:at] + text[at] + text[at:],
        text[:at] + text[at + 1] + text[at] + text[at + 2 :],
    )[int(rng.integers(3))]
    return question if slip.lower() in _OTHER_WORDS else question[: word.start()] + slip + question[word.end() :]
