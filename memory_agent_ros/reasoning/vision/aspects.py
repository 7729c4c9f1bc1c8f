"""How an aspect of looks is asked for, in one wording for use and several for training."""

from __future__ import annotations

from collections.abc import Mapping

from memory_agent_ros.records.looks import COLOUR, MATERIAL, STATE

#: Aspect -> the question that a reader of pictures is asked. It does not name the thing: what a mug is made of could be
#: guessed from the word, and only the pixels are to tell.
QUESTIONS: Mapping[str, str] = {
    COLOUR: "What colour is it?",
    MATERIAL: "What is it made of?",
    STATE: "How does it stand or lie?",
    "text": "What is written on it?",
}
#: Other wordings of the same questions.
WORDINGS: Mapping[str, tuple[str, ...]] = {
    COLOUR: (
        QUESTIONS[COLOUR], "What color is it?", "Which colour does this thing have?", "What is the colour of this?",
    ),
    MATERIAL: (
        QUESTIONS[MATERIAL], "What material is it?", "Which material is this thing made of?", "What is this made from?",
    ),
    STATE: (
        QUESTIONS[STATE], "Is it upright, on its side or upside down?", "What position is it in?",
        "How is it standing?",
    ),
}  # fmt: skip
