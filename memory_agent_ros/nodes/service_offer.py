"""Which services the memory node offers: those that are not offered do not exist, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from memory_agent_msgs.srv import (
    EditObject,
    ForgetObjects,
    GetPicture,
    GetProvenance,
    ListCorrections,
    ListReceipts,
    LoadMemory,
    ProveObject,
    QueryObjects,
    SaveMemory,
    Tips,
    VerifyMemory,
)
from memory_agent_ros.nodes.memory_services import MemoryServices
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.service_answers import MemoryHolder
from memory_agent_ros.nodes.tips_exchange import SERVICE as TIPS_SERVICE
from memory_agent_ros.nodes.trust_services import TrustServices

#: Makes a service of a type, under a name, answered by a callback.
Serve = Callable[[type, str, Callable[[Any, Any], Any]], Any]


@dataclass(frozen=True)
class ServicesConfig:
    """Parameters ``services.*`` of the memory node."""

    picture: bool = parameter(True, "Offer memory/picture: what the robot has seen, as images.")
    edit: bool = parameter(True, "Offer memory/edit_object and memory/corrections: correcting by hand.")
    forget: bool = parameter(True, "Offer memory/forget_objects: erasing for good.")
    receipts: bool = parameter(True, "Offer memory/receipts: what was erased on request.")
    verify: bool = parameter(True, "Offer memory/verify: checking the map against its ledger.")
    prove: bool = parameter(True, "Offer memory/prove: what the map holds of an object, as a proof.")
    provenance: bool = parameter(True, "Offer memory/provenance: where an object comes from.")
    save: bool = parameter(True, "Offer memory/save: writing a copy of the map to any path of this user.")
    load: bool = parameter(True, "Offer memory/load: opening another map.")
    tips: bool = parameter(True, "Offer memory/tips: reading and writing the explorer's tips.")


def offer_services(holder: MemoryHolder, config: ServicesConfig, serve: Serve) -> None:
    """Make the services that the parameters allow; questions are always answered."""
    plain, trust = MemoryServices(holder), TrustServices(holder)
    serve(QueryObjects, "memory/query_objects", plain.query)
    offered: list[tuple[bool, type, str, Callable[[Any, Any], Any]]] = [
        (config.picture, GetPicture, "memory/picture", plain.picture),
        (config.edit, EditObject, "memory/edit_object", trust.edit),
        (config.edit, ListCorrections, "memory/corrections", trust.corrections),
        (config.forget, ForgetObjects, "memory/forget_objects", trust.forget),
        (config.receipts, ListReceipts, "memory/receipts", trust.receipts),
        (config.verify, VerifyMemory, "memory/verify", trust.verify),
        (config.prove, ProveObject, "memory/prove", trust.prove),
        (config.provenance, GetProvenance, "memory/provenance", trust.provenance),
        (config.save, SaveMemory, "memory/save", plain.save),
        (config.load, LoadMemory, "memory/load", plain.load),
        (config.tips, Tips, TIPS_SERVICE, plain.tips),
    ]
    for wanted, kind, name, callback in offered:
        if wanted:
            serve(kind, name, callback)
