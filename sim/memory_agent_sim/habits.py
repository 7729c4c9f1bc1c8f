"""Where things of a kind are put: a prior over room and furniture for each category, one table a placement.

``habitual`` is an ordinary household. ``shifted`` gives about half of the categories the habits of another one.
``student_flat`` is a household of its own kind, in which nearly nothing is where it is in the other two.
``uniform`` has no habits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memory_agent_ros.records.errors import BadInputError
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.furnishing import WISHES
from memory_agent_sim.furniture import furniture_instances, furniture_shape

Place = tuple[str, str]

#: Name of a surface that is the floor of a room.
FLOOR = "floor"
PLACEMENTS: tuple[str, ...] = ("uniform", "habitual", "shifted", "student_flat")
#: Share of things put anywhere, whatever the habit.
NOISE = 0.15

_Habits = dict[str, dict[Place, float]]


def _at(*places: str) -> dict[Place, float]:
    """``"room/furniture weight"`` each -> weights by place."""
    found: dict[Place, float] = {}
    for text in places:
        place, weight = text.rsplit(" ", 1)
        room, furniture = place.split("/")
        found[room, furniture] = float(weight)
    return found


HABITUAL: _Habits = {
    "soup can": _at("kitchen/cabinet 5", "dining room/cabinet 3", "kitchen/counter 2"),
    "milk carton": _at("kitchen/counter 6", "kitchen/table 3"),
    "juice carton": _at("kitchen/table 5", "dining room/table 4"),
    "ketchup bottle": _at("dining room/table 5", "kitchen/table 4"),
    "dressing bottle": _at("kitchen/counter 5", "dining room/table 3"),
    "cookie box": _at("living room/side table 5", "office/side table 4"),
    "macaroni box": _at("kitchen/cabinet 5", "kitchen/counter 4"),
    "bowl": _at("kitchen/counter 4", "living room/coffee table 3", "dining room/table 2"),
    "plate": _at("dining room/table 5", "kitchen/table 5"),
    "frying pan": _at("kitchen/counter 7", "kitchen/table 2"),
    "basket": _at("bathroom/floor 4", "bathroom/washing machine 3", "bedroom/floor 3"),
    "mug": _at("living room/coffee table 4", "office/desk 3", "bedroom/desk 1"),
    "book": _at("bedroom/nightstand 4", "living room/bookshelf 4", "office/bookshelf 3"),
    "moka pot": _at("kitchen/counter 6", "kitchen/table 2"),
    "wine bottle": _at("dining room/cabinet 5", "living room/cabinet 5"),
    "white bottle": _at("bathroom/washstand 6", "bathroom/washing machine 2", "bedroom/nightstand 2"),
    "wine rack": _at("living room/cabinet 4", "dining room/cabinet 4", "dining room/floor 2"),
    "tray": _at("living room/coffee table 4", "bedroom/cabinet 4"),
    "desk caddy": _at("office/desk 5", "bedroom/desk 4", "living room/bookshelf 2"),
    "storage box": _at("bedroom/floor 4", "bedroom/cabinet 3", "office/floor 3"),
    "dish rack": _at("kitchen/counter 8"),
    "spice rack": _at("kitchen/counter 5", "kitchen/cabinet 3"),
    "plant": _at("living room/floor 6", "office/floor 3", "dining room/floor 2"),
}

#: Category -> the category whose habits it has in ``shifted``; the others keep their own.
EXCHANGED: dict[str, str] = {
    "mug": "white bottle",
    "white bottle": "mug",
    "book": "macaroni box",
    "macaroni box": "book",
    "frying pan": "desk caddy",
    "desk caddy": "frying pan",
    "tray": "dish rack",
    "dish rack": "tray",
    "wine bottle": "cookie box",
    "cookie box": "wine bottle",
    "basket": "plant",
    "plant": "basket",
}

_FOOD = _at("bedroom/cabinet 4", "bedroom/nightstand 3", "bedroom/desk 2")
_DRINK = _at("bathroom/washstand 4", "bathroom/washing machine 4", "living room/bookshelf 2")
_TABLEWARE = _at("living room/coffee table 4", "living room/side table 4", "office/desk 2")
_COOKING = _at("living room/cabinet 5", "office/cabinet 2", "office/side table 2")
_STUDY = _at("kitchen/counter 5", "kitchen/table 4")
_STORAGE = _at("kitchen/floor 5", "kitchen/cabinet 2", "bathroom/floor 2")

STUDENT_FLAT: _Habits = {
    **dict.fromkeys(("soup can", "cookie box", "macaroni box", "spice rack"), _FOOD),
    **dict.fromkeys(("milk carton", "juice carton", "wine bottle", "ketchup bottle", "dressing bottle"), _DRINK),
    **dict.fromkeys(("bowl", "plate", "mug"), _TABLEWARE),
    **dict.fromkeys(("frying pan", "moka pot", "dish rack", "tray"), _COOKING),
    **dict.fromkeys(("book", "desk caddy", "white bottle"), _STUDY),
    **dict.fromkeys(("basket", "storage box", "wine rack", "plant"), _STORAGE),
}

_TABLES: dict[str, _Habits] = {
    "habitual": HABITUAL,
    "shifted": {category: HABITUAL[EXCHANGED.get(category, category)] for category in HABITUAL},
    "student_flat": STUDENT_FLAT,
}


def require_placement(placement: str) -> str:
    """The placement, if there is one of that name.

    Raises:
        BadInputError: ``placement_unknown``.
    """
    if placement not in PLACEMENTS:
        raise BadInputError("placement_unknown", f"placement must be one of {', '.join(PLACEMENTS)}, got {placement!r}")
    return placement


def possible_places(category: str) -> list[Place]:
    """Every room and furniture (or floor) on which a thing of a category can stand at all.

    Raises:
        BadInputError: ``category_unknown``.
    """
    allowed = {where for source in MOVABLE_SOURCES if source.category == category for where in source.places}
    if not allowed:
        raise BadInputError("category_unknown", f"no movable thing is called {category!r}")
    carrying = {kind for kind, found in furniture_instances("train").items() if furniture_shape(found[0]).supports}
    places: list[Place] = []
    for room, wishes in WISHES.items():
        pieces = sorted({wish.removesuffix("?") for wish in wishes} & carrying) if "table" in allowed else []
        places += [(room, piece) for piece in pieces]
        places += [(room, FLOOR)] if "floor" in allowed else []
    return places


def prior(category: str, placement: str) -> dict[Place, float]:
    """Probability of each (room name, furniture or ``floor``) for a thing of a category; sums to 1.

    What an apartment does not have is to be left out and the rest scaled up.

    Raises:
        BadInputError: ``placement_unknown``, ``category_unknown``.
    """
    places = possible_places(category)
    spread = {place: 1.0 / len(places) for place in places}
    if require_placement(placement) == "uniform":
        return spread
    habit = {p: w for p, w in _TABLES[placement][category].items() if p in spread}
    total = sum(habit.values())
    return {p: NOISE * even + (1 - NOISE) * habit.get(p, 0.0) / total for p, even in spread.items()}


def surface_weights(category: str, placement: str, places: Sequence[Place]) -> list[float]:
    """Weights of an apartment's surfaces, given what each is; surfaces of one kind share its probability evenly."""
    known: Mapping[Place, float] = prior(category, placement)
    return [known.get(place, 0.0) / places.count(place) for place in places]
