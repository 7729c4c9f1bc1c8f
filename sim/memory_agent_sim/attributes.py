"""What pixels show of an instance: its colour by name, what it is made of, how it lies. Truth for scoring only.

A colour is named from the pictures on a thing's surface: each of many points is named by lightness, chroma and hue
angle in CIELAB, with borders between the eleven basic colour terms (Berlin and Kay, 1969) and beige, which indoor
things need; the name that most of the area bears is the thing's, if it is more than half of it by far enough. What a
thing is made of is known of each source of meshes and each kind of furniture; things of two equal halves have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.looks import COLOURS, ON_ITS_SIDE, UPRIGHT, UPSIDE_DOWN
from memory_agent_sim.assets import MeshPart
from memory_agent_sim.furniture import FurnitureInstance, furniture_instances, furniture_shape
from memory_agent_sim.instances import SPLITS, ObjectInstance, instance_parts, movable_instances

#: Source of meshes -> what it is made of.
_OF_SOURCE: dict[str, str] = {
    "alphabet_soup": "metal", "tomato_sauce": "metal", "milk": "cardboard", "orange_juice": "cardboard",
    "ketchup": "plastic", "salad_dressing": "plastic", "cookies": "cardboard", "macaroni_and_cheese": "cardboard",
    "akita_black_bowl": "ceramic", "white_bowl": "ceramic", "red_bowl": "ceramic", "plate": "ceramic",
    "chefmate_8_frypan": "metal", "basket": "wicker", "porcelain_mug": "ceramic", "red_coffee_mug": "ceramic",
    "white_yellow_mug": "ceramic", "libero_mug": "ceramic", "black_book": "paper", "yellow_book": "paper",
    "moka_pot": "metal", "wine_bottle": "glass", "white_bottle": "plastic", "wine_rack": "wood",
    "wooden_tray": "wood", "desk_caddy": "wood", "white_storage_box": "plastic", "bowl_drainer": "metal",
    "wooden_two_layer_shelf": "wood",
}  # fmt: skip
#: Kind of furniture -> what most of it is made of; chairs, beds, counters and washstands are of two materials.
_OF_FURNITURE: dict[str, str] = {
    "table": "wood", "coffee table": "wood", "side table": "wood", "desk": "wood", "nightstand": "wood",
    "cabinet": "wood", "bookshelf": "wood", "wardrobe": "wood", "stool": "wood", "sofa": "fabric",
    "armchair": "fabric", "refrigerator": "metal", "washing machine": "metal", "bathtub": "ceramic",
}  # fmt: skip
#: Categories that look different upright, on their side and upside down.
TIPPABLE: tuple[str, ...] = (
    "mug", "milk carton", "juice carton", "ketchup bottle", "dressing bottle", "white bottle", "wine bottle",
    "moka pot", "basket",
)  # fmt: skip
#: A colour counts if it covers so much of the surface.
DOMINANT = 0.6
_SAMPLES = 600


@dataclass(frozen=True)
class Attributes:
    """What can be asked of an instance's looks; None where there is no one answer.

    Attributes:
        colour: one of :data:`~memory_agent_ros.records.looks.COLOURS`.
        material: one of :data:`~memory_agent_ros.records.looks.MATERIALS`.
    """

    colour: str | None
    material: str | None


@lru_cache(maxsize=4096)
def attributes_of(instance_key: str) -> Attributes:
    """Attributes of the instance of a key, whichever its split.

    Raises:
        BadInputError: ``instance_unknown``.
        MissingExtraError: the asset packages are not installed.
    """
    instance = _instance(instance_key)
    if isinstance(instance, ObjectInstance):
        material = _OF_SOURCE.get(instance.source.name)
    else:
        material = _OF_FURNITURE.get(instance.category)
    return Attributes(dominant_colour(_parts(instance)), material)


def colour_of(instance_key: str, recoloured: NDArray[np.float64]) -> str | None:
    """The colour that an instance would have if each of its colours were multiplied by a (3, 3) matrix.

    Shading scales a colour; what a matrix makes of it is scaled alike. So pictures can be recoloured and their truth
    stays known.

    Raises:
        BadInputError: ``instance_unknown``.
    """
    return dominant_colour(_parts(_instance(instance_key)), recoloured)


def state_of(category: str, R_map_body: NDArray[np.float64]) -> str | None:
    """How a thing of a category lies, from its (3, 3) rotation; None if it does not tell or stands at a slant."""
    if category not in TIPPABLE:
        return None
    up = float(R_map_body[2, 2])
    if up > 0.9:
        return UPRIGHT
    if up < -0.9:
        return UPSIDE_DOWN
    return ON_ITS_SIDE if abs(up) < 0.3 else None


def _instance(key: str) -> ObjectInstance | FurnitureInstance:
    found = _by_key().get(key)
    if found is None:
        raise BadInputError("instance_unknown", f"no instance {key!r}; TruthObject.instance_key names them")
    return found


def _parts(instance: ObjectInstance | FurnitureInstance) -> tuple[MeshPart, ...]:
    return instance_parts(instance) if isinstance(instance, ObjectInstance) else furniture_shape(instance).parts


@lru_cache(maxsize=1)
def _by_key() -> dict[str, ObjectInstance | FurnitureInstance]:
    found: dict[str, ObjectInstance | FurnitureInstance] = {}
    for split in SPLITS:
        for instances in movable_instances(split).values():
            found |= {i.key: i for i in instances}
        for pieces in furniture_instances(split).values():
            found |= {i.key: i for i in pieces}
    return found


def dominant_colour(parts: Sequence[MeshPart], recoloured: NDArray[np.float64] | None = None) -> str | None:
    """Name of the colour of most of the surface, what looks down left out; None if none covers :data:`DOMINANT`.

    With a (3, 3) matrix: of the surface with each colour multiplied by it.
    """
    share = dict.fromkeys(COLOURS, 0.0)
    for part in parts:
        colours, area = _surface(part)
        if recoloured is not None:
            colours = np.clip(colours @ recoloured.T, 0.0, 255.0)
        names = colour_names(colours)
        for name in set(names.tolist()):
            share[name] += area * float((names == name).mean())
    best = max(share, key=lambda name: share[name])
    return best if share[best] >= DOMINANT * max(sum(share.values()), 1e-12) else None


def _surface(part: MeshPart) -> tuple[NDArray[np.float64], float]:
    """(N, 3) colours in [0, 255] at points spread evenly over a part, and its area."""
    corners = part.vertices[part.faces].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1)
    area = np.where(cross[:, 2] > -0.7 * area, area, 0.0)
    total = float(area.sum())
    if total <= 0.0 or part.texture is None:
        return np.array([part.rgb]) * 255.0, total
    rng = np.random.default_rng(0)
    picked = rng.choice(len(area), _SAMPLES, p=area / total)
    a, b = rng.random((2, _SAMPLES, 1))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    uv = part.uv[part.faces][picked].astype(np.float64)
    at = uv[:, 0] + a * (uv[:, 1] - uv[:, 0]) + b * (uv[:, 2] - uv[:, 0])
    height, width = part.texture.shape[:2]
    columns, rows = (at[:, 0] % 1.0 * width).astype(int) % width, (at[:, 1] % 1.0 * height).astype(int) % height
    return part.texture[rows, columns].astype(np.float64), total


def colour_names(rgb: NDArray[np.float64]) -> NDArray[np.str_]:
    """(N, 3) sRGB colours in [0, 255] -> (N,) names out of :data:`~memory_agent_ros.records.looks.COLOURS`."""
    from skimage.color import rgb2lab

    lightness, a, b = rgb2lab(np.asarray(rgb, dtype=np.float64)[None] / 255.0)[0].T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0
    red, warm = (hue < 35) | (hue >= 345) | ((hue < 48) & (chroma > 45)), (hue >= 35) & (hue < 105)
    rules = (
        ((lightness < 12) | ((chroma < 10) & (lightness < 28)), "black"),
        ((chroma < 10) & (lightness > 82), "white"),
        (chroma < 10, "gray"),
        ((red | (hue >= 325)) & (lightness > 62), "pink"),
        ((hue >= 325) & (hue < 345) & (lightness > 50), "pink"),
        (red, "red"),
        ((hue >= 70) & warm & (chroma > 45), "yellow"),
        (warm & (lightness < 58), "brown"),
        (warm & (chroma < 35), "beige"),
        ((hue >= 35) & (hue < 70), "orange"),
        (warm, "yellow"),
        (hue < 190, "green"),
        (hue < 303, "blue"),
    )
    names: NDArray[np.str_] = np.select([r for r, _ in rules], [name for _, name in rules], "purple")
    return names
