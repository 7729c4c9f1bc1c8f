"""From a question in English to what is asked, by templates."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from memory_agent_ros.records.errors import MemoryAgentError


class QuestionKind(enum.StrEnum):
    """What the templates understand."""

    WHERE = "where"
    COUNT = "count"
    EXISTS = "exists"
    NEAR = "near"
    ON = "on"
    LAST_SEEN = "last_seen"
    CHANGES = "changes"
    LIST = "list"
    REGION = "region"


@dataclass(frozen=True)
class Question:
    """A parsed question.

    Attributes:
        kind: what is asked.
        subject: the thing asked about, lower case, without article; attribute words kept ("red mug"); "" if none.
        since_s: for changes, how many seconds back from now, or None for everything.
        numbers: for regions, the numbers in the question (x, y, radius or x0, y0, x1, y1), metres.
    """

    kind: QuestionKind
    subject: str = ""
    since_s: float | None = None
    numbers: tuple[float, ...] = ()


class QuestionNotUnderstoodError(MemoryAgentError):
    """No template fits; the message names what can be asked."""


EXAMPLES = (
    "where is the mug?",
    "how many chairs are there?",
    "is there a bottle?",
    "what is near the table?",
    "what is on the table?",
    "when did you last see the book?",
    "what changed in the last 5 minutes?",
    "what objects are there?",
    "what is within 2 m of (1.0, 2.5)?",
)

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_BE = r"(?:is|are|was|were|'s|’s)"
_THERE = r"(?:\s+(?:are|is|were|do|did|have)\b.*)?"
_UNIT_S = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400}
_NOBODY = ("the", "a", "an", "it", "they", "you", "i", "anything", "something", "things", "objects", "everything")
_ARTICLE = re.compile(r"^(?:the|a|an|any|some|my|your|our|his|her|their|this|that|these|those|all|of)\s+")
_TAIL = re.compile(
    r"\s+(?:here|there|before|now|right now|at the moment|currently|"
    r"in (?:the|this) (?:apartment|flat|house|home|world|map|"
    r"memory|place)|please|do you (?:know|remember|see)|have you seen|did you see|can you see|located|around)$"
)

_BESIDE = r"(?:near|next to|beside|close to|by|around)"
_THINGS = rf"^what(?: else| objects| things)?\s*{_BE}?\s*(?:there )?"
_SEE = r"(?:see|saw|seen|find|have|get|leave|put)"
_CHANGED = r"(?:chang\w+|moved?|gone|disappear\w*|went missing)"
_LAST = r"(?: last)?(?: the)?\s*(?:see|saw|seen)?\s+"
_K = QuestionKind

#: Tried in order; the first that fits decides. Group ``x`` is the subject.
_PATTERNS: tuple[tuple[QuestionKind, str], ...] = (
    (_K.REGION, rf"^what\b.*\b(?:within|in|inside|between)\b.*\(\s*{_NUMBER}\s*,\s*{_NUMBER}.*$"),
    (_K.REGION, rf"^what\b.*\b(?:at|{_BESIDE})\s*\(?\s*{_NUMBER}\s*,\s*{_NUMBER}.*$"),
    (_K.CHANGES, rf"^(?:did|has|have) (?P<x>.+?)(?: been)? (?:{_CHANGED})\b.*$"),
    (_K.CHANGES, rf"^(?:what|which)\b.*\b{_CHANGED}\b.*$"),
    (
        _K.LAST_SEEN,
        rf"^when (?:did you|was|were|have you|had you){_LAST}(?P<x>.+?)(?:\s+(?:last\s+)?(?:seen|observed))?$",
    ),
    (_K.LAST_SEEN, rf"^how long ago (?:did you|was|were){_LAST}(?P<x>.+?)(?:\s+(?:last )?seen)?$"),
    (_K.COUNT, rf"^(?:how many|count|number of|what is the number of)\s+(?P<x>.+?){_THERE}$"),
    (_K.NEAR, rf"{_THINGS}{_BESIDE}\s+(?P<x>.+)$"),
    (_K.ON, rf"{_THINGS}(?:lying |standing )?(?:on top of|on|upon)\s+(?P<x>.+)$"),
    (_K.LIST, r"^(?:what|which) (?:objects|things|items)\b.*$"),
    (_K.LIST, r"^what (?:do|did|have) you (?:see|seen|know|remember)$"),
    (_K.LIST, r"^(?:what is (?:here|there)|list\b.*)$"),
    (_K.WHERE, rf"^where\s*{_BE}\s+(?P<x>.+)$"),
    (_K.WHERE, rf"^where (?:did|do|have|can|could|may|might) (?:you|i|we)(?: last)? {_SEE}\s+(?P<x>.+)$"),
    (_K.WHERE, r"^(?:find|locate|show me|look for)\s+(?P<x>.+)$"),
    (_K.EXISTS, rf"^{_BE} there\s+(?P<x>.+)$"),
    (_K.EXISTS, r"^(?:have|did|do|can) you (?:ever )?(?:seen|see|know|remember|have)\s+(?P<x>.+)$"),
    (_K.EXISTS, r"^(?:is|are)\s+(?P<x>.+?)\s+(?:still\s+)?(?:there|here|present|around)$"),
)
_TEMPLATES = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)


def parse(question: str) -> Question:
    """A question -> what is asked.

    Raises:
        QuestionNotUnderstoodError: no template fits.
    """
    text = re.sub(r"\s+", " ", question.strip().lower()).rstrip("?!. ").strip()
    for kind, pattern in _TEMPLATES:
        match = pattern.match(text)
        if match is None:
            continue
        subject = noun_phrase(match.groupdict().get("x") or "")
        if "x" in pattern.groupindex and not subject and kind is not QuestionKind.CHANGES:
            continue
        numbers = tuple(float(n) for n in re.findall(_NUMBER, text)) if kind is QuestionKind.REGION else ()
        return Question(kind, subject, _since(text) if kind is QuestionKind.CHANGES else None, numbers)
    examples = "; ".join(EXAMPLES)
    raise QuestionNotUnderstoodError(f"I do not understand {question!r}. I can answer questions like: {examples}")


def noun_phrase(text: str) -> str:
    """Strip articles in front and filler behind."""
    text = text.strip(" \"'?!.,")
    previous = ""
    while text != previous:
        previous = text
        text = _TAIL.sub("", _ARTICLE.sub("", text)).strip()
    return "" if text in _NOBODY else text


def _since(text: str) -> float | None:
    match = re.search(rf"(?:({_NUMBER})\s*|\b)(seconds?|sec|s|minutes?|min|hours?|h|days?)\b", text)
    if match is None or not re.search(r"\b(?:since|last|past|ago|within)\b", text):
        return None
    unit = match.group(2)
    factor = _UNIT_S.get(unit) or _UNIT_S[unit.rstrip("s")]
    return float(match.group(1) or 1) * factor


_IRREGULAR = {
    "knives": "knife", "shelves": "shelf", "bookshelves": "bookshelf", "loaves": "loaf", "leaves": "leaf",
    "mice": "mouse", "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot",
    "glasses": "glass", "sofas": "sofa", "movies": "movie", "cookies": "cookie", "brownies": "brownie",
}  # fmt: skip


def singular(phrase: str) -> str:
    """The phrase with its last word in the singular ("coffee mugs" -> "coffee mug")."""
    *front, last = phrase.split(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif re.search(r"(?:s|x|z|ch|sh)es$", last) and not last.endswith(("cases", "vases", "hoses")):
        last = last[:-2]
    elif last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif last.endswith("oes"):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return " ".join([*front, last])
