"""Services by which people correct the memory, make it forget, and check it."""

from __future__ import annotations

import json
from collections.abc import Collection

from memory_agent_msgs.srv import (
    EditObject,
    ForgetObjects,
    GetProvenance,
    ListCorrections,
    ListReceipts,
    ProveObject,
    VerifyMemory,
)
from memory_agent_ros.memory.corrections.book import Corrected
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.conversions import event_message, point_from_message
from memory_agent_ros.nodes.service_answers import MemoryHolder, answering, region_of
from memory_agent_ros.nodes.trust_messages import (
    checkpoint_from,
    correction_message,
    finding_message,
    forget_request,
    receipt_message,
)
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent

_OPERATIONS = ("relabel", "move", "merge", "split", "delete", "undo")


class TrustServices:
    """Callbacks of the services."""

    def __init__(self, holder: MemoryHolder) -> None:
        self._holder = holder

    @answering
    def edit(self, request: EditObject.Request, response: EditObject.Response) -> None:
        """``memory/edit_object``."""
        made = _edit(self._holder.memory, request)
        response.correction_id = made.correction.id
        response.other_id = made.correction.other_id or 0
        response.event = event_message(made.event)
        self._holder.publish_events(made.events)

    @answering
    def corrections(self, request: ListCorrections.Request, response: ListCorrections.Response) -> None:
        """``memory/corrections``."""
        found = self._holder.memory.corrections.all(int(request.object_id) or None)
        response.corrections = [correction_message(correction) for correction in found]

    @answering
    def forget(self, request: ForgetObjects.Request, response: ForgetObjects.Response) -> None:
        """``memory/forget_objects``."""
        memory = self._holder.memory
        wanted = forget_request(request)
        if not wanted.conditions:
            raise BadInputError(
                "forget_nothing", "say what to forget: ids, a label, a look, a place or a time; all: a large region"
            )
        before = len(memory.receipts())
        response.forgotten = memory.forget(wanted)
        for receipt in memory.receipts()[before:]:
            response.receipt = receipt_message(receipt)
        self._holder.publish_events(forgotten_events(memory, list(response.forgotten)))

    @answering
    def receipts(self, request: ListReceipts.Request, response: ListReceipts.Response) -> None:
        """``memory/receipts``."""
        response.receipts = [receipt_message(receipt) for receipt in self._holder.memory.receipts()]

    @answering
    def verify(self, request: VerifyMemory.Request, response: VerifyMemory.Response) -> None:
        """``memory/verify``."""
        ledger = self._holder.memory.ledger
        findings = ledger.verify(checkpoint_from(request.checkpoint_json))
        response.sound, response.findings = not findings, [finding_message(f) for f in findings]
        if request.sign and not findings:
            response.checkpoint_json = json.dumps(ledger.checkpoint().to_dict())

    @answering
    def prove(self, request: ProveObject.Request, response: ProveObject.Response) -> None:
        """``memory/prove``."""
        response.proof_json = json.dumps(self._holder.memory.ledger.prove(int(request.object_id)))

    @answering
    def provenance(self, request: GetProvenance.Request, response: GetProvenance.Response) -> None:
        """``memory/provenance``."""
        found = self._holder.memory.provenance(int(request.object_id))
        response.provenance_json = json.dumps(found.to_dict())


def _edit(memory: SpatialMemory, request: EditObject.Request) -> Corrected:
    """Make one correction.

    Raises:
        BadInputError: ``edit_operation``, and what the correction refuses.
    """
    book, object_id = memory.corrections, int(request.object_id)
    who = {"author": request.author, "reason": request.reason}
    match request.operation:
        case "relabel":
            return book.relabel(object_id, request.label, **who)
        case "move":
            return book.move(object_id, point_from_message(request.position), **who)
        case "merge":
            return book.merge(object_id, int(request.other_id), **who)
        case "split":
            at = region_of(request) or point_from_message(request.position)
            return book.split(object_id, at, label=request.label, **who)
        case "delete":
            return book.delete(object_id, **who)
        case "undo":
            return book.undo(int(request.correction_id), **who)
        case _:
            raise BadInputError(
                "edit_operation", f"operation must be one of {', '.join(_OPERATIONS)}, got {request.operation!r}"
            )


def forgotten_events(memory: SpatialMemory, object_ids: Collection[int]) -> list[MemoryEvent]:
    """What the event log keeps of erased objects: their ids, neither label nor place."""
    events = memory.changes(memory.last_stamp_ns or 0)
    return [event for event in events if event.kind == EventKind.FORGOTTEN and event.object_id in object_ids]
