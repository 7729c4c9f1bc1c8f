"""Forgetting on request: select, erase, refuse from now on, tell those who keep copies, and leave a receipt."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.forgetting.refusals import Refusals, Rule
from memory_agent_ros.memory.forgetting.selection import looks_of, only_span, views_of_all
from memory_agent_ros.memory.forgetting.zones import Zone
from memory_agent_ros.memory.ledger.receipts import signed_receipt
from memory_agent_ros.memory.ledger.signer import Signer
from memory_agent_ros.memory.ledger.signing import signing_key
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.erasure import erase_held, erase_objects, erase_span
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import HeldRow
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.forgetting import ForgetRequest, Forgotten, Receipt

#: Lets go of what it keeps of erased objects; returns how much of what, by kind.
Hook = Callable[[Forgotten], Mapping[str, int]]


class Forgetting:
    """How one map forgets. :meth:`SpatialMemory.forget` is the way in.

    Args:
        store: of the map.
        config: of the memory.
    """

    def __init__(self, store: Store, config: MemoryConfig) -> None:
        self._store = store
        self._config = config
        self.refusals = Refusals(store)
        self._hooks: list[Hook] = []

    def tell(self, hook: Hook) -> None:
        """Have somebody who keeps copies beside the map (adapters, cached prompts) let go of them with each erasure."""
        self._hooks.append(hook)

    def receipts(self) -> list[Receipt]:
        """What was erased so far, oldest first."""
        rows = self._store.rows("SELECT id, stamp_ns, body FROM receipts ORDER BY id")
        return [Receipt.from_dict({"id": i, "stamp_ns": stamp, **json.loads(body)}) for i, stamp, body in rows]

    def rule(
        self, request: ForgetRequest, tracks: Sequence[Track], state: MapState, rooms: Sequence[NDArray[np.float64]]
    ) -> Rule | None:
        """What a request wants refused from now on; None if it wants nothing refused.

        Args:
            request: as made.
            tracks: what it erases.
            state: before the erasure.
            rooms: (N, 2) outlines of the rooms that it names.

        Raises:
            BadInputError: ``refusal_unspecific``, ``unknown_room``.
        """
        if not request.never_again:
            return None
        if request.room is not None and not rooms:
            raise BadInputError("unknown_room", f"no room is called {request.room!r}; list them with rooms()")
        looks = [] if request.like is None else looks_of(request.like, state)
        if request.conditions == ("object_ids",):
            looks = views_of_all(tracks)
        return self.refusals.rule(request.label, _zone(request, rooms), looks, request.similarity)

    def erase(
        self,
        state: MapState,
        tracks: Sequence[Track],
        request: ForgetRequest,
        rule: Rule | None,
        note: Callable[[Cursor, MapState], None],
        held: Sequence[HeldRow] = (),
    ) -> Receipt:
        """Erase in one transaction, with rule and receipt, then rewrite the file so that no free page keeps anything.

        Args:
            state: working state; to be read again afterwards.
            tracks: what to erase.
            request: what was asked for.
            rule: to be kept, or None.
            note: writes what the state counts.
            held: what goes from quarantine, as the map has it now.

        Raises:
            StoreError: the file cannot be written; it says whether nothing was erased from it, or all is erased but
                what is free in the file could not be taken out.
        """
        started = time.monotonic()
        span = request.span if only_span(request) else None
        ids = sorted(set().union(*(state.absorbed_ids(t.id) for t in tracks)))
        told = Forgotten(tuple(ids), tuple(sorted({t.label for t in tracks})), span is not None)
        counts, body = Counter[str](), {"objects": ids}
        for hook in self._hooks:  # before the erasure: what they hold must not outlast it
            counts.update(hook(told))
        with self._store.transaction("forgotten", body) as cursor:
            if tracks:
                counts += erase_objects(state, self._store, cursor, tracks, self._config)
            counts += erase_held(state, self._store, cursor, held, self._config)
            if span is not None:
                counts += erase_span(self._store, cursor, span)
            if rule is not None:
                self.refusals.add(cursor, rule)
            note(cursor, state)
            receipt = self._receive(cursor, state, request, tracks, counts, time.monotonic() - started)
        try:
            self._store.vacuum()
        except StoreError as error:
            raise StoreError(
                f"all of it is erased, its keys are destroyed and receipt {receipt.id} says so, but {error}; until the "
                "map is closed its log may hold sealed rows"
            ) from error
        return receipt

    def _receive(
        self,
        cursor: Cursor,
        state: MapState,
        request: ForgetRequest,
        tracks: Sequence[Track],
        counts: Mapping[str, int],
        elapsed_s: float,
    ) -> Receipt:
        receipt_id = int(cursor.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM receipts").fetchone()[0])
        receipt = Receipt(
            receipt_id, state.last_stamp_ns, request.conditions, tuple(t.id for t in tracks),
            {kind: n for kind, n in sorted(counts.items()) if n}, request.never_again, request.author, request.reason,
            round(elapsed_s, 4),
        )  # fmt: skip
        receipt = self._signed(receipt)
        body = {k: v for k, v in receipt.to_dict().items() if k not in ("id", "stamp_ns")}
        cursor.execute("INSERT INTO receipts VALUES (?,?,?)", (receipt_id, receipt.stamp_ns, json.dumps(body)))
        return receipt

    def _signed(self, receipt: Receipt) -> Receipt:
        """With a signature, if the map is one whose ledger is signed and there is a key; what is forgotten goes anyway.

        The record under way is the one that the ledger gets for this transaction.
        """
        if self._store.ledger.signer is None:
            return receipt
        try:
            map_id = Signer(self._store).map_id()
            return signed_receipt(receipt, map_id, self._store.ledger.head()[0] + 1, signing_key())
        except StoreError as error:
            logging.getLogger(__name__).warning("the receipt could not be signed: %s", error)
            return receipt


def _zone(request: ForgetRequest, rooms: Sequence[NDArray[np.float64]]) -> Zone | None:
    """Where a request applies; None if it names no place.

    Raises:
        BadInputError: ``refusal_unspecific``.
    """
    region = request.region
    low, high = (-np.inf, np.inf) if region is None else (float(region.minimum[2]), float(region.maximum[2]))
    outlines = [o for o in (request.polygon, *rooms) if o is not None]
    if region is not None:
        (x0, y0), (x1, y1) = np.clip(region.minimum[:2], -1e6, 1e6), np.clip(region.maximum[:2], -1e6, 1e6)
        outlines.append(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    if len(outlines) > 1:
        raise BadInputError(
            "refusal_unspecific",
            "never_again takes one place: a room (by its id, if several are called so), a polygon or a box",
        )
    return Zone(np.asarray(outlines[0], dtype=np.float64), low, high) if outlines else None
