"""The layers of a picture of the map, by name."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.relation import RelationKind

#: Every layer, in the order it is drawn.
LAYERS = ("rooms", "anchors", "objects", "relations", "trails", "moves", "labels")
#: What is shown unless asked otherwise: relations and anchors are many.
DEFAULT_LAYERS = ("rooms", "objects", "trails", "moves", "labels")

#: Colours that people with any colour vision tell apart (after Okabe and Ito).
RELATION_COLORS = {
    RelationKind.ON: "#0072b2",
    RelationKind.INSIDE: "#009e73",
    RelationKind.UNDER: "#cc79a7",
    RelationKind.NEXT_TO: "#8a8a8a",
    RelationKind.IN: "#56b4e9",
}
TRAIL_COLOR = "#d55e00"
ANCHOR_COLOR = "#56b4e9"
ROOM_COLOR = "#b8a06a"
SEEN_COLOR, MISSING_COLOR, NEW_COLOR = "#0072b2", "#d55e00", "#009e73"


def parse_layers(text: str | None, default: Sequence[str] = DEFAULT_LAYERS) -> frozenset[str]:
    """Comma-separated names -> layers; ``all`` is every one, None the usual ones.

    Raises:
        BadInputError: ``unknown_layer``.
    """
    if text is None:
        return frozenset(default)
    names = [name.strip() for name in text.split(",") if name.strip()]
    if "all" in names:
        return frozenset(LAYERS)
    unknown = [name for name in names if name not in LAYERS]
    if unknown or not names:
        wrong = unknown[0] if unknown else text
        raise BadInputError("unknown_layer", f"there is no layer {wrong!r}; choose from {', '.join(LAYERS)} or all")
    return frozenset(names)
