"""Tunables of rooms and relations, with unit and range."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StructureConfig:
    """Parameters of rooms and relations. Lengths in metres.

    Rooms:
        cell_m: edge of a cell of the free-space grid, 0.03 to 0.2.
        range_m: depth beyond this is not used, 1 to 20.
        wall_from_m: a wall is seen at least that high above the floor, where the camera reaches so high, 0.5 to 2.5.
        block_share: a cell is solid if it was hit in at least this share of the looks that reached it, 0 to 1.
        door_m: a wider passage joins two halves of one room, 0.6 to 3.
        neck_share: a passage separates if it is at most this share of the narrower room's width, 0.3 to 1.
        room_m2: smaller rooms belong to their neighbour, 0.5 to 20.
        new_looks: rooms are found again after so many new depth thumbnails, 1 to 1000.
        room_reach_m: an object stands in the nearest room if that is within this distance, 0 to 2.
        name_confidence: a room is named by its things from this posterior on, 0.3 to 1.

    Relations:
        rest_above_m: largest gap between the underside of a thing and the surface it rests on, 0.01 to 0.3.
        rest_below_m: how far the underside may lie below that surface (noise), 0.01 to 0.3.
        overlap_share: share of a thing's footprint that lies over what carries or covers it, 0.1 to 1.
        cover_share: share of a footprint that must be roofed over to be ``inside`` or ``under``, 0.1 to 1.
        next_m: largest gap between the footprints of things next to each other, 0.05 to 2.
        next_height_m: largest difference of the heights at which they rest, 0.02 to 1.
        next_count: neighbours kept of each thing, nearest first, 1 to 20.
        least_confidence: less sure relations are not told, 0 to 1.
    """

    cell_m: float = 0.05
    range_m: float = 7.0
    wall_from_m: float = 1.5
    block_share: float = 0.3
    door_m: float = 1.4
    neck_share: float = 0.75
    room_m2: float = 2.5
    new_looks: int = 4
    room_reach_m: float = 0.75
    name_confidence: float = 0.6

    rest_above_m: float = 0.06
    rest_below_m: float = 0.06
    overlap_share: float = 0.5
    cover_share: float = 0.5
    next_m: float = 0.3
    next_height_m: float = 0.15
    next_count: int = 4
    least_confidence: float = 0.3
