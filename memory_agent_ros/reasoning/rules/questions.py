"""From a question in English to what is asked, by templates."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from memory_agent_ros.reasoning.rules.phrases import ANYTHING, PREPOSITION, Phrase, Place, split_places
from memory_agent_ros.records.errors import MemoryAgentError


class QuestionKind(enum.StrEnum):
    """What the templates understand."""

    WHERE = "where"
    COUNT = "count"
    EXISTS = "exists"
    NEAR = "near"
    NEXT_TO = "next to"
    ON = "on"
    IN = "in"
    UNDER = "under"
    WHICH = "which"
    ROOM = "room"
    ROOMS = "rooms"
    LAST_SEEN = "last_seen"
    CHANGES = "changes"
    LIST = "list"
    REGION = "region"
    DESCRIBE = "describe"


@dataclass(frozen=True)
class Question:
    """A parsed question.

    Attributes:
        kind: what is asked.
        subject: the thing asked about, lower case, without article; attribute words kept ("red mug"); "" if none.
        places: where the subject is said to be, in the order said ("mugs in the kitchen": in, "kitchen").
        since_s: for changes, how many seconds back from now, or None for everything.
        numbers: for regions, the numbers in the question (x, y, radius or x0, y0, x1, y1), metres.
    """

    kind: QuestionKind
    subject: str = ""
    places: tuple[Place, ...] = ()
    since_s: float | None = None
    numbers: tuple[float, ...] = ()

    @property
    def phrase(self) -> Phrase:
        """The subject with its places."""
        return Phrase("" if self.subject in ANYTHING else self.subject, self.places)


class QuestionNotUnderstoodError(MemoryAgentError):
    """No template fits; the message names what can be asked."""


EXAMPLES = (
    "where is the mug?",
    "how many chairs are there?",
    "is there a bottle?",
    "what is near the table?",
    "what is on the table?",
    "what is next to the sofa?",
    "which mugs are in the kitchen?",
    "in which room is the book?",
    "mugs in the kitchen on the counter",
    "what rooms are there?",
    "when did you last see the book?",
    "what changed in the last 5 minutes?",
    "what objects are there?",
    "what is within 2 m of (1.0, 2.5)?",
    "what do you see at 2.0, 1.5?",
    "describe the kitchen",
    "what is in the corner of the kitchen?",
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

_BESIDE = r"(?:near|close to|by|around)"
_SAID_TO_BE = r"(?:lying |standing |located )?"
_SEES = r"(?:do|did|have|can|could) you (?:see|saw|seen|find|know(?: of)?|have|remember)"
_THINGS = rf"^what(?: else| objects| things)?\s*(?:{_BE}|{_SEES})?\s*(?:there )?"
_SEE = r"(?:see|saw|seen|find|have|get|leave|put)"
_CHANGED = r"(?:chang\w+|moved?|gone|disappear\w*|went missing)"
_LAST = r"(?: last)?(?: the)?\s*(?:see|saw|seen)?\s+"
_K = QuestionKind

#: Tried in order; the first that fits decides. Group ``x`` is the subject.
_PATTERNS: tuple[tuple[QuestionKind, str], ...] = (
    (_K.REGION, rf"^(?:what|describe)\b.*\b(?:within|in|inside|between)\b.*\(\s*{_NUMBER}\s*,\s*{_NUMBER}.*$"),
    (_K.REGION, rf"^(?:what|describe)\b.*\b(?:at|next to|beside|{_BESIDE})\s*\(?\s*{_NUMBER}\s*,\s*{_NUMBER}.*$"),
    (_K.REGION, rf"^describe\s+\(?\s*{_NUMBER}\s*,\s*{_NUMBER}.*$"),
    (
        _K.DESCRIBE,
        rf"^describe (?:what (?:{_BE}|you (?:see|know(?: of)?)) )?(?:(?:in|at|near|by) )?(?P<x>(?!what\b).+)$",
    ),
    (_K.DESCRIBE, r"^what does\s+(?P<x>.+?)\s+look like$"),
    (_K.CHANGES, rf"^(?:did|has|have) (?P<x>.+?)(?: been)? (?:{_CHANGED})\b.*$"),
    (_K.CHANGES, rf"^(?:what|which)\b.*\b{_CHANGED}\b.*$"),
    (
        _K.LAST_SEEN,
        rf"^when (?:did you|was|were|have you|had you){_LAST}(?P<x>.+?)(?:\s+(?:last\s+)?(?:seen|observed))?$",
    ),
    (_K.LAST_SEEN, rf"^how long ago (?:did you|was|were){_LAST}(?P<x>.+?)(?:\s+(?:last )?seen)?$"),
    (_K.ROOMS, r"^(?:what|which|how many) rooms\b(?!.*\b(?:has|have|hold|holds|contain|contains)\b).*$"),
    (_K.ROOMS, r"^(?:list|name|show)(?: me)?(?: all)?(?: the)? rooms$"),
    (_K.ROOM, rf"^(?:in )?(?:which|what) room\s+(?:{_BE}|did you (?:see|find|put))\s+(?P<x>.+?)(?: in)?$"),
    (
        _K.COUNT,
        rf"^(?:how many|count|number of|what is the number of)\s+(?P<x>.+?)"
        rf"(?:\s+(?:are|is|were|stand|lie)\s+(?:there\s+)?(?P<p>{PREPOSITION}\s.+)|{_THERE})$",
    ),
    (_K.NEAR, rf"{_THINGS}{_BESIDE}\s+(?P<x>.+)$"),
    (_K.NEXT_TO, rf"{_THINGS}{_SAID_TO_BE}(?:next to|beside)\s+(?P<x>.+)$"),
    (_K.ON, rf"{_THINGS}{_SAID_TO_BE}(?:on top of|on|upon)\s+(?P<x>.+)$"),
    (_K.UNDER, rf"{_THINGS}{_SAID_TO_BE}(?:underneath|under|below|beneath)\s+(?P<x>.+)$"),
    (_K.IN, rf"{_THINGS}{_SAID_TO_BE}(?:inside of|inside|in)\s+(?P<x>(?!this|there|memory|your|sight|view).+)$"),
    (_K.IN, r"^what (?:do|did|have) you (?:see|seen|know(?: of)?|have) (?:inside|in)\s+(?P<x>.+)$"),
    (
        _K.WHICH,
        rf"^(?:which|what)\s+(?P<x>.+?)\s+(?:are|is|were|stand|lie|do you (?:see|know(?: of)?|have))\s+(?:there\s+)?"
        rf"{_SAID_TO_BE}(?P<p>{PREPOSITION}\s.+)$",
    ),
    (_K.LIST, r"^(?:what|which) (?:objects|things|items)\b.*$"),
    (_K.LIST, r"^what (?:do|did|have) you (?:see|seen|know|remember)$"),
    (_K.LIST, r"^(?:what is (?:here|there)|list\b.*)$"),
    (_K.WHERE, rf"^where\s*{_BE}\s+(?P<x>.+)$"),
    (_K.WHERE, rf"^where (?:did|do|have|can|could|may|might) (?:you|i|we)(?: last)? {_SEE}\s+(?P<x>.+)$"),
    (_K.WHERE, r"^(?:find|locate|show me|look for)\s+(?P<x>.+)$"),
    (_K.EXISTS, rf"^{_BE} there\s+(?P<x>.+)$"),
    (_K.EXISTS, r"^(?:have|did|do|can) you (?:ever )?(?:seen|see|know|remember|have)\s+(?P<x>.+)$"),
    (_K.EXISTS, r"^(?:is|are)\s+(?P<x>.+?)\s+(?:still\s+)?(?:there|here|present|around)$"),
    (_K.EXISTS, rf"^(?:is|are)\s+(?P<x>.+?)\s+(?:still\s+)?{_SAID_TO_BE}(?P<p>{PREPOSITION}\s.+)$"),
    (_K.WHICH, rf"^(?P<x>(?!(?:what|who|why|how|when|where|tell|sing|say)\b)[^,]+?)\s+(?P<p>{PREPOSITION}\s.+)$"),
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
        groups = match.groupdict()
        subject, places = _with_places(kind, groups.get("x") or "", groups.get("p") or "")
        if "x" in pattern.groupindex and not subject and kind not in (QuestionKind.CHANGES, QuestionKind.WHICH):
            continue
        numbers = tuple(float(n) for n in re.findall(_NUMBER, text)) if kind is QuestionKind.REGION else ()
        return Question(kind, subject, places, _since(text) if kind is QuestionKind.CHANGES else None, numbers)
    examples = "; ".join(EXAMPLES)
    raise QuestionNotUnderstoodError(f"I do not understand {question!r}. I can answer questions like: {examples}")


def _with_places(kind: QuestionKind, text: str, more: str) -> tuple[str, tuple[Place, ...]]:
    """The subject without its places, and the places."""
    if kind is QuestionKind.CHANGES:
        return noun_phrase(text), ()
    while (shorter := _TAIL.sub("", f"{text} {more}".strip())) != f"{text} {more}".strip():
        text, more = shorter, ""
    head, said = split_places(f"{text} {more}")
    places = [Place(how, noun_phrase(name)) for how, name in said]
    return noun_phrase(head), tuple(p for p in places if p.name)


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
