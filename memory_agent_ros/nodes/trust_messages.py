"""Corrections, findings and receipts as messages; what requests want forgotten, or compared with."""

from __future__ import annotations

import json

import numpy as np

from memory_agent_msgs.msg import Correction as CorrectionMessage
from memory_agent_msgs.msg import Finding as FindingMessage
from memory_agent_msgs.msg import Receipt as ReceiptMessage
from memory_agent_msgs.srv import ForgetObjects
from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.documents import parse_document
from memory_agent_ros.memory.ledger.verification import Finding
from memory_agent_ros.nodes.conversions import nanoseconds, point_message, time_message
from memory_agent_ros.nodes.service_answers import region_of
from memory_agent_ros.records.correction import Correction
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import ForgetRequest, Receipt


def correction_message(correction: Correction) -> CorrectionMessage:
    """A correction as a message."""
    message = CorrectionMessage(
        id=correction.id,
        kind=str(correction.kind),
        object_id=correction.object_id,
        other_id=correction.other_id or 0,
        undoes=correction.undoes or 0,
        undone_by=correction.undone_by or 0,
        author=correction.author,
        reason=correction.reason,
        stamp=time_message(max(correction.stamp_ns, 0)),
        made=time_message(correction.made_ns),
        label=correction.label,
        previous_label=correction.previous_label,
    )
    if correction.position_m is not None and correction.previous_position_m is not None:
        message.has_position = True
        message.position = point_message(correction.position_m)
        message.previous_position = point_message(correction.previous_position_m)
    return message


def forget_request(request: ForgetObjects.Request) -> ForgetRequest:
    """What a request wants forgotten; unset fields do not constrain.

    Raises:
        BadInputError: ``region_invalid``, ``forget_like`` (an object and an appearance), and as
            :class:`ForgetRequest`.
    """
    if request.like_object and len(request.like_appearance):
        raise BadInputError("forget_like", "name either like_object or like_appearance, not both")
    like = int(request.like_object) or None
    if len(request.like_appearance):
        like = np.array(request.like_appearance, dtype=np.float32)  # type: ignore[assignment]
    outline = [(point.x, point.y) for point in request.polygon]
    room = request.room or None
    return ForgetRequest(
        tuple(int(i) for i in request.object_ids),
        label=request.label or None,
        like=like,
        similarity=float(request.similarity),
        room=int(room[1:]) if room and room[0] == "#" and room[1:].isdigit() else room,
        region=region_of(request),
        polygon=np.array(outline) if outline else None,
        since_ns=nanoseconds(request.since) or None,
        until_ns=nanoseconds(request.until) or None,
        never_again=bool(request.never_again),
        author=request.author,
        reason=request.reason,
    )


def receipt_message(receipt: Receipt) -> ReceiptMessage:
    """A receipt as a message."""
    return ReceiptMessage(
        id=receipt.id,
        stamp=time_message(max(receipt.stamp_ns, 0)),
        conditions=list(receipt.conditions),
        object_ids=list(receipt.object_ids),
        kinds=list(receipt.counts),
        counts=list(receipt.counts.values()),
        never_again=receipt.never_again,
        author=receipt.author,
        reason=receipt.reason,
        elapsed_s=receipt.elapsed_s,
        signed_json=json.dumps(receipt.to_dict()) if receipt.signed else "",
    )


def finding_message(finding: Finding) -> FindingMessage:
    """A finding as a message."""
    record = -1 if finding.seq is None else finding.seq
    return FindingMessage(what=finding.what, place=finding.place, text=finding.text, record=record)


def checkpoint_from(text: str) -> Checkpoint | None:
    """The checkpoint in a request; None if it has none.

    Raises:
        BadInputError: ``checkpoint_unreadable``.
    """
    if not text:
        return None
    return Checkpoint.of(parse_document(text, "checkpoint_unreadable", "checkpoint of a map"))
