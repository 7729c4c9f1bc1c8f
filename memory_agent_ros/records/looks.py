"""What can be asked of a thing's looks, and the closed sets of answers."""

from __future__ import annotations

from collections.abc import Mapping

COLOUR, MATERIAL, STATE = "colour", "material", "state"
COLOURS: tuple[str, ...] = (
    "black", "white", "gray", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "beige",
)  # fmt: skip
MATERIALS: tuple[str, ...] = ("wood", "metal", "ceramic", "plastic", "glass", "cardboard", "fabric", "paper", "wicker")
UPRIGHT, ON_ITS_SIDE, UPSIDE_DOWN = "upright", "on its side", "upside down"
STATES: tuple[str, ...] = (UPRIGHT, ON_ITS_SIDE, UPSIDE_DOWN)
#: Aspect of looks -> its closed set of answers.
LOOKS: Mapping[str, tuple[str, ...]] = {COLOUR: COLOURS, MATERIAL: MATERIALS, STATE: STATES}
