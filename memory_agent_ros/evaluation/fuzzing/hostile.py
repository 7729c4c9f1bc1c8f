"""Values that break programs, and small damage to what is sound; all drawn from one generator of random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")

NUMBERS = (
    math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-308, 5e-324, 1e-45, 1e-9, 1e5, 1e9, 1e15, 1e38, 3.5e38,
    1e154, 1.8e308, -1e-9, -1e6, -1e38, -1e300, math.pi, 2.0**31, 2.0**53, 2.0**63, 2.0**64,
)  # fmt: skip
WHOLE = (
    0, 1, 2, 3, 7, 100, 127, 128, 255, 256, 1000, 32767, 32768, 65535, 65536, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
    2**62, 2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
TEXTS = (
    "", " ", "\t\n", "a", "chair", "Chair ", "chairs", "the red mug", "*", "%", "_", "'", '"',
    "''; DROP TABLE objects;--", '"\' OR 1=1', "(", ")", "(((((", "[", "\\", "\\u0000", "\x00", "a\x00b", "\x7f",
    "\ufeff", "\u202e", "é" * 20, "\U0001f600", "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\ufdfa", "\u0130", "\xdf", "Ω" * 200, "x" * 255, "x" * 256, "x" * 257, "x" * 5000, "x" * 70000,
    "../../etc/passwd", "/dev/null", "/", ".", "..", "~", "~root", "NaN", "null", "None", "true", "-1", "1e999",
    "{}", "[]", '{"a":', "<b>", "%s%n", "{0}", "${HOME}", "$(id)", "\r\n", "AND", "OR", "NOT", "NEAR", "a AND", "a*",
    "^a", 'a"b', "label:a", "-a", "-" * 50, "find(", "count()", "postgresql://", "postgresql://localhost/x?map=y",
    "#1", "room 1", "#99999999999999999999", "\u0967\u0968\u0969", "\xb2", "\u01c5",
)  # fmt: skip


_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")


class Hostile:
    """Draws from one generator, so that a case can be repeated by its number."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def chance(self, probability: float) -> bool:
        """True so often."""
        return bool(self.rng.random() < probability)

    def pick(self, items: Sequence[Item]) -> Item:
        """One of them."""
        return items[int(self.rng.integers(len(items)))]

    def count(self, most: int) -> int:
        """0 to ``most``, small ones more often."""
        return int(min(most, self.rng.geometric(0.4) - 1))

    def number(self) -> float:
        """A float of any kind: special, plain, or any bits."""
        kind = self.rng.random()
        if kind < 0.5:
            return self.pick(NUMBERS)
        if kind < 0.8:
            return float(self.rng.normal() * 10.0 ** self.rng.integers(-3, 4))
        return float(np.frombuffer(self.rng.bytes(8), dtype=np.float64)[0])

    def whole(self, low: int, high: int) -> int:
        """An integer in [low, high]: a limit of some type, a small one, or any."""
        kind = self.rng.random()
        if kind < 0.5:
            found = self.pick(WHOLE) * (-1 if low < 0 and self.chance(0.4) else 1)
        elif kind < 0.8:
            found = int(self.rng.integers(-3, 12))
        else:
            found = low + int.from_bytes(self.rng.bytes(16), "little") % (high - low + 1)
        return min(max(found, low), high)

    def text(self) -> str:
        """A string: from the list, random characters, or two pieces of others."""
        kind = self.rng.random()
        if kind < 0.6:
            return self.pick(TEXTS)
        if kind < 0.8:
            codes = self.rng.integers(1, self.pick([0x7F, 0x2FF, 0xD7FF]), size=self.rng.integers(0, 40))
            return "".join(map(chr, codes.tolist()))
        return self.pick(TEXTS) + self.pick(["", " ", ",", "(", "\x00"]) + self.pick(TEXTS)

    def numbers(self, like: NDArray[Any]) -> NDArray[Any]:
        """An array with some hostile numbers in it, or of another length."""
        out = np.array(like, copy=True)
        kind = self.rng.random()
        if kind < 0.5 and out.size:
            for index in self.rng.integers(0, out.size, size=1 + self.count(5)).tolist():
                with np.errstate(over="ignore"):
                    out.reshape(-1)[index] = self.number()
        elif kind < 0.7:
            with np.errstate(over="ignore"):
                out[...] = self.number()
        else:
            out = np.resize(out.reshape(-1), self.pick([0, 1, 2, 3, 4, 5, 7, 64, 1000]))
        return out

    def damaged(self, data: bytes) -> bytes:
        """Bytes with a few small damages: bits, runs, cuts, repeats, numbers at the limits of their types."""
        out = bytearray(data)
        for _ in range(1 + self.count(6)):
            out = self._damage_once(out)
        return bytes(out)

    def _damage_once(self, out: bytearray) -> bytearray:
        size = len(out)
        if not size:
            return bytearray(self.rng.bytes(int(self.rng.integers(0, 64))))
        at = int(self.rng.integers(size)) if self.chance(0.7) else int(self.rng.integers(min(size, 128)))
        length = min(size - at, int(self.rng.integers(1, 64)))
        kind = int(self.rng.integers(8))
        if kind <= 1:
            out[at] ^= 1 << int(self.rng.integers(8))
        elif kind == 2:
            out[at : at + length] = self.rng.bytes(length)
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = self.rng.bytes(length) if self.chance(0.5) else out[at : at + length]
        elif kind == 5:
            width = self.pick([1, 2, 4, 8])
            value = self.pick(WHOLE) % (1 << (8 * width))
            out[at : at + width] = value.to_bytes(width, self.pick(_ORDERS))
        elif kind == 6:
            out[at : at + length] = bytes([self.pick([0, 255])]) * length
        elif self.chance(0.3):
            del out[at:]
        else:
            other = int(self.rng.integers(size))
            out[at : at + length] = out[other : other + length]
        return out

    def damaged_text(self, text: str) -> str:
        """Text with a few small damages: words replaced, doubled, dropped, characters changed."""
        for _ in range(1 + self.count(3)):
            words = text.split(" ")
            at = int(self.rng.integers(len(words)))
            kind = int(self.rng.integers(5))
            if kind == 0:
                words[at] = self.text()
            elif kind == 1:
                words.insert(at, self.text())
            elif kind == 2 and len(words) > 1:
                del words[at]
            elif kind == 3:
                words[at] = words[at] * self.pick([2, 3, 50])
            else:
                letters = list(words[at]) or ["x"]
                letters[int(self.rng.integers(len(letters)))] = self.pick(TEXTS)[:1]
                words[at] = "".join(letters)
            text = " ".join(words)
        return text
