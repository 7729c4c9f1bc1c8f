"""What a piece of an adapter was made from: the trail of whatever is answered from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """What a chunk of an adapter was made from.

    Attributes:
        kind: ``document``, ``text`` or ``memory``.
        name: of the document, the task or the place: "kitchen", "manual.md 3/7".
        digest: hash of the content; of a memory's chunk the ledger's where there is one.
        stamp_ns: of the newest thing in it.
        object_ids: of a memory's chunk, the objects that were read.
        made_by: name and hash of the hypernetwork's weights.
    """

    kind: str
    name: str
    digest: str
    stamp_ns: int = 0
    object_ids: tuple[str, ...] = ()
    made_by: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**dataclasses.asdict(self), "object_ids": list(self.object_ids)}
