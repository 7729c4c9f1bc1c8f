"""What is never to be taken in again: rules that know a category, a place or a look, but keep none of them in clear.

A category is kept as a keyed hash of its normal form; a look as the signs of secret random projections, of which the
share that differs estimates the angle between two appearances (Charikar 2002, "Similarity estimation techniques from
rounding algorithms"). A rule is sealed, and without the keys of the map it tells nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import unit
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.forgetting.zones import Zone, screened
from memory_agent_ros.memory.storage.object_keys import INDEX
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Owners among the index keys: of the rules, and of the secret that hashes and projects.
_RULES, _SECRET = -1, -2
_BITS = 256
#: A label that a detector gives this probability counts as named.
_NAMED = 0.3


@dataclass(frozen=True, eq=False)
class Rule:
    """What is refused: all that meets every condition that is not None.

    Attributes:
        category: keyed hash of a label's normal form.
        zone: where.
        looks: (K, _BITS) signs of projected appearances; what comes near any of them is meant.
        most_apart: signs that may differ at most.
    """

    category: str | None = None
    zone: Zone | None = None
    looks: NDArray[np.bool_] | None = None
    most_apart: int = 0
    id: int = field(default=0)

    def to_json(self) -> str:
        """As it is sealed."""
        zone, looks = self.zone, self.looks
        return json.dumps({
            "category": self.category,
            "zone": None if zone is None else [zone.polygon.tolist(), zone.low_m, zone.high_m],
            "looks": None if looks is None else [base64.b64encode(np.packbits(b).tobytes()).decode() for b in looks],
            "most_apart": self.most_apart,
        })  # fmt: skip

    @staticmethod
    def from_json(rule_id: int, text: str) -> Rule:
        """Inverse of :meth:`to_json`."""
        content: dict[str, Any] = json.loads(text)
        zone, looks = content["zone"], content["looks"]
        return Rule(
            content["category"],
            None if zone is None else Zone(np.array(zone[0], dtype=np.float64), zone[1], zone[2]),
            None if looks is None else np.stack([_unpacked(text) for text in looks]),
            content["most_apart"],
            rule_id,
        )


class Refusals:
    """The rules of one map.

    Args:
        store: of the map; asked again after :meth:`reload`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: list[Rule] | None = None
        self._projections: dict[int, NDArray[np.float32]] = {}

    def reload(self) -> None:
        """Read the rules again when they are needed next."""
        self._rules = None

    def rules(self) -> list[Rule]:
        """All of them, oldest first."""
        if self._rules is None:
            rows = self._store.rows("SELECT id, body FROM refusals ORDER BY id")
            opened = ((i, self._store.keys.open_text(INDEX, _RULES, f"refusals.body/{i}", text)) for i, text in rows)
            self._rules = [Rule.from_json(i, text) for i, text in opened]
        return self._rules

    def rule(
        self,
        label: str | None = None,
        zone: Zone | None = None,
        looks: Sequence[NDArray[np.float32]] = (),
        similarity: float = 0.8,
    ) -> Rule:
        """A rule of what is to be refused, in the form in which it is kept.

        Raises:
            BadInputError: ``refusal_unspecific``: it would refuse everything.
        """
        if label is None and zone is None and not looks:
            raise BadInputError(
                "refusal_unspecific", "never_again needs a label, an appearance or a place; a time span is none"
            )
        signs = np.stack([self._signs(v) for v in looks]) if looks else None
        most = math.floor(_BITS * math.acos(similarity) / math.pi)
        return Rule(None if label is None else self._hash(label), zone, signs, most)

    def add(self, cursor: Cursor, rule: Rule) -> int:
        """Keep a rule; returns its id."""
        rule_id = int(cursor.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM refusals").fetchone()[0])
        sealed = self._store.keys.seal_text(INDEX, _RULES, f"refusals.body/{rule_id}", rule.to_json())
        cursor.execute("INSERT INTO refusals (id, body) VALUES (?,?)", (rule_id, sealed))
        self.reload()
        return rule_id

    def drop(self, rule_id: int) -> None:
        """Take what a rule refused in again from now on.

        Raises:
            BadInputError: ``unknown_refusal``.
        """
        if rule_id not in {rule.id for rule in self.rules()}:
            raise BadInputError("unknown_refusal", f"there is no refusal {rule_id}; list them with refusals")
        with self._store.transaction("refusals") as cursor:
            cursor.execute("DELETE FROM refusals WHERE id=?", (rule_id,))
        self.reload()

    def screen(self, frame: Frame, observations: Sequence[Observation]) -> tuple[Frame, list[Observation]]:
        """A frame and its observations without what is refused: neither pixels nor depth of it are left."""
        if not self.rules():
            return frame, list(observations)
        refused = [o for o in observations if any(self._fits(rule, o) for rule in self.rules())]
        gone = {id(o) for o in refused}
        zones = [r.zone for r in self.rules() if r.zone is not None and r.category is None and r.looks is None]
        return screened(frame, zones, [o.box_xyxy for o in refused]), [o for o in observations if id(o) not in gone]

    def among(self, tracks: Iterable[Track]) -> list[int]:
        """Ids of the objects that a rule refuses: they came in past the border, with another map."""
        rules = self.rules()
        return [t.id for t in tracks if any(self._refuses_track(r, t) for r in rules)] if rules else []

    def _fits(self, rule: Rule, obs: Observation) -> bool:
        named = {obs.label, *(label for label, p in (obs.label_scores or {}).items() if p >= _NAMED)}
        looks = [] if obs.embedding is None else [obs.embedding]
        return self._meets(rule, named, obs.centroid_map, looks)

    def _refuses_track(self, rule: Rule, track: Track) -> bool:
        return self._meets(rule, {track.label}, track.centroid, list(track.bank.vectors))

    def _meets(
        self, rule: Rule, labels: set[str], place: NDArray[np.float64], looks: Sequence[NDArray[np.float32]]
    ) -> bool:
        """Whether something of some labels, at a (3,) place, with some views, is what a rule refuses."""
        if rule.category is not None and rule.category not in {self._hash(label) for label in labels}:
            return False
        if rule.zone is not None and not rule.zone.holds(place[None])[0]:
            return False
        if rule.looks is None:
            return True
        apart = [(rule.looks ^ self._signs(v)).sum(axis=1).min() for v in looks]
        return bool(apart) and bool(min(apart) <= rule.most_apart)

    def _secret(self) -> bytes:
        return self._store.keys.key(INDEX, _SECRET)

    def _hash(self, label: str) -> str:
        return hashlib.blake2b(normal_label(label).encode(), key=self._secret(), digest_size=16).hexdigest()

    def _signs(self, vector: NDArray[np.floating]) -> NDArray[np.bool_]:
        dimension = len(vector)
        if dimension not in self._projections:
            seed = hashlib.blake2b(f"projection {dimension}".encode(), key=self._secret()).digest()
            drawn = np.random.default_rng(int.from_bytes(seed, "big")).standard_normal((_BITS, dimension))
            self._projections[dimension] = drawn.astype(np.float32)
        return np.asarray(self._projections[dimension] @ unit(vector) > 0)


def _unpacked(text: str) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8)).astype(bool)
