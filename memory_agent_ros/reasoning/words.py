"""The words of a text, as questions and names are compared by them."""

from __future__ import annotations

import re

_WITH_NUMBERS = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_WITHOUT = re.compile(r"[^\W\d_]+(?:'[^\W_]+)?")


def words_in(text: str, *, numbers: bool = True) -> list[str]:
    """Words in their order, lower case; "Anna's" is one. Without ``numbers`` digits are no part of any."""
    return [word.lower() for word in (_WITH_NUMBERS if numbers else _WITHOUT).findall(text)]
