"""Merge a second map into a first: of another session, or of another robot."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory_agent_ros.commands.output import print_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.records.relocalisation import Relocalisation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``merge A B [--out C] [--transform X,Y,Z,YAW] [--json]``."""
    parser.add_argument("a", type=Path, metavar="A", help="map that takes the other in; its ids continue")
    parser.add_argument("b", type=Path, metavar="B", help="map that comes in; it is left as it is")
    parser.add_argument(
        "--out", type=Path, default=None, metavar="C", help="write the result there and leave A as it is"
    )
    parser.add_argument(
        "--transform",
        default=None,
        metavar="X,Y,Z,YAW",
        help="where B's frame lies in A's, metres and degrees (0,0,0,0: both share it); found from the objects if not "
        "given",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0 once merged.

    Raises:
        BadInputError: ``map_missing``, ``merge_with_itself``, ``transform``, ``out_exists``, ``not_relocalised``.
    """
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.records.errors import BadInputError

    if args.a.resolve() == args.b.resolve():
        raise BadInputError("merge_with_itself", "A and B are the same map; name two")
    transform = None if args.transform is None else parse_transform(args.transform)
    with open_map(args.b) as other:
        target = _target(args)
        try:
            with SpatialMemory.open(target) as memory:
                document = merge(memory, other, transform)
        except BaseException:
            if args.out is not None:
                target.unlink(missing_ok=True)
            raise
    document = {"map": str(target), "merged": str(args.b), **document}
    print_json(document) if args.json else print(_summary(document))
    return 0


def parse_transform(text: str) -> NDArray[np.float64]:
    """``"x,y,z,yaw"`` in metres and degrees -> (4, 4).

    Raises:
        BadInputError: ``transform``.
    """
    import numpy as np

    from memory_agent_ros.geometry.se3 import planar
    from memory_agent_ros.records.errors import BadInputError

    try:
        x, y, z, yaw = (float(part) for part in text.split(","))
    except ValueError:
        x = y = z = yaw = float("nan")
    if not np.isfinite([x, y, z, yaw]).all():
        raise BadInputError("transform", f"--transform takes X,Y,Z,YAW in metres and degrees, got {text!r}")
    return planar(x, y, float(np.deg2rad(yaw)), z)


def merge(memory: SpatialMemory, other: SpatialMemory, transform: NDArray[np.float64] | None) -> dict[str, Any]:
    """Merge and tell what happened, JSON-ready.

    Raises:
        BadInputError: ``not_relocalised``.
    """
    import numpy as np

    from memory_agent_ros.geometry.se3 import yaw_of
    from memory_agent_ros.records.errors import BadInputError

    found: Relocalisation | None = None
    if transform is None and memory.objects():
        found = memory.relocalise(other)
        if found is None:
            raise BadInputError(
                "not_relocalised",
                f"no place in the first map is sure to be that of the second ({len(memory.objects())} and "
                f"{len(other.objects())} objects): they show another place, too little in common, or places that look "
                "alike; nothing was changed. Give --transform X,Y,Z,YAW if you know it",
            )
        transform = found.T_map_local
    events = memory.merge(other, transform)
    T = np.eye(4) if transform is None else transform
    return {
        "transform": {
            "x_m": round(float(T[0, 3]), 4),
            "y_m": round(float(T[1, 3]), 4),
            "z_m": round(float(T[2, 3]), 4),
            "yaw_deg": round(float(np.rad2deg(yaw_of(T))), 3),
            "found": found is not None,
            "pairs": len(found.pairs) if found else None,
            "residual_m": round(found.residual_m, 4) if found else None,
            "probability": round(found.probability, 6) if found else None,
        },
        "events": dict(Counter(str(e.kind) for e in events)),
        "objects": dict(sorted(Counter(o.label for o in memory.objects() if o.state == "present").items())),
        "problems": memory.verify(),
    }


def _target(args: argparse.Namespace) -> Path:
    """The map to change: A, or a copy of it."""
    from memory_agent_ros.commands.open_map import open_map
    from memory_agent_ros.records.errors import BadInputError

    with open_map(args.a) as memory:
        if args.out is None:
            return Path(args.a)
        if os.path.lexists(args.out):
            raise BadInputError("out_exists", f"{args.out} exists already; name another file or remove it")
        if not os.path.isdir(args.out.parent):
            raise BadInputError("out_folder", f"the folder {args.out.parent} does not exist; create it first")
        return memory.save(args.out)


def _summary(document: dict[str, Any]) -> str:
    t = document["transform"]
    how = f"found from {t['pairs']} objects, {t['residual_m']:.2f} m apart" if t["found"] else "as given"
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(document["events"].items())) or "nothing new"
    return (
        f"{document['map']}: took in {document['merged']} at x {t['x_m']:.2f} m, y {t['y_m']:.2f} m, z {t['z_m']:.2f} "
        f"m, yaw {t['yaw_deg']:.1f} deg ({how})\n{events}; {sum(document['objects'].values())} objects present"
    )
