"""Sound messages that hostile ones are made from."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from geometry_msgs.msg import Point, PoseStamped, Transform
from nav_msgs.msg import OccupancyGrid, Path
from sensor_msgs.msg import CompressedImage

from memory_agent_msgs.action import AnswerQuestion, Explore
from memory_agent_msgs.msg import (
    AdapterChunk,
    ExplorationCandidate,
    ExplorationDecision,
    MemoryEvent,
    ObservationArray,
    RecalledView,
    Relation,
    Room,
)
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
from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.memory.ledger.checkpoints import sign
from memory_agent_ros.nodes.conversions import camera_info_message, time_message
from memory_agent_ros.nodes.image_conversion import color_message, depth_message, jpeg_message
from memory_agent_ros.nodes.observation_frames import observation_array
from memory_agent_ros.nodes.tips_exchange import tip_message

_STAMP = time_message(sample.START_NS)


def observations(stamp_ns: int) -> ObservationArray:
    """What perception sends of one image."""
    frame = sample.frame(3)
    message = observation_array(frame, sample.observations(frame))
    message.header.stamp = time_message(stamp_ns)
    return message


def query_requests() -> list[QueryObjects.Request]:
    """One of each mode."""
    R = QueryObjects.Request
    place = {"has_center": True, "center": Point(x=2.0, z=1.0), "radius_m": 5.0}
    region = {"has_region": True, "region_max": Point(x=9.0, y=9.0, z=9.0)}
    return [
        R(mode=R.MODE_FIND, label="chair", text="thing to sit on", **region),
        R(mode=R.MODE_FIND, label="mug", room="room 1", relation="on", relation_to="desk"),
        R(mode=R.MODE_FIND, relation="next to", relation_ids=[1, 2], state="present"),
        R(mode=R.MODE_NEAR, **place),
        R(mode=R.MODE_NEAR, object_id=1),
        R(mode=R.MODE_LAST_SEEN, label="desk"),
        R(mode=R.MODE_COUNT, label="chair", **region),
        R(mode=R.MODE_OBJECTS, object_id=1, with_appearance=True),
        R(mode=R.MODE_HISTORY, object_id=1),
        R(mode=R.MODE_CHANGES, since=time_message(1)),
        R(mode=R.MODE_ROOMS, object_id=1),
        R(mode=R.MODE_RELATIONS, object_id=1, relation_kinds=["on"]),
        R(mode=R.MODE_VIEWS, **place),
    ]  # fmt: skip


@cache
def checkpoint() -> str:
    """One that holds, of another map."""
    key = Ed25519PrivateKey.generate()
    return json.dumps(sign(key, bytes(16), 5, bytes(32), bytes(32), 0, sample.START_NS).to_dict())


def requests() -> dict[str, list[Any]]:
    """Service name -> sound requests."""
    E, who = EditObject.Request, {"author": "operator", "reason": "by hand"}
    return {
        "memory/query_objects": query_requests(),
        "memory/picture": [GetPicture.Request(keyframe_id=1)],
        "memory/forget_objects": [
            ForgetObjects.Request(object_ids=[1], **who),
            ForgetObjects.Request(label="mug", like_object=4, similarity=0.9, never_again=True, **who),
            ForgetObjects.Request(room="room 1", has_region=True, region_max=Point(x=9.0, y=9.0, z=9.0), **who),
            ForgetObjects.Request(polygon=[Point(), Point(x=9.0), Point(x=9.0, y=9.0)], never_again=True, **who),
            ForgetObjects.Request(since=time_message(1), until=time_message(2 * sample.START_NS), **who),
        ],
        "memory/edit_object": [
            E(operation=E.RELABEL, object_id=1, label="sofa", **who),
            E(operation=E.MOVE, object_id=1, position=Point(x=1.0), **who),
            E(operation=E.MERGE, object_id=1, other_id=4, **who),
            E(operation=E.SPLIT, object_id=1, has_region=True, region_max=Point(x=9.0, y=0.0, z=9.0), **who),
            E(operation=E.DELETE, object_id=2, **who),
            E(operation=E.UNDO, correction_id=1, **who),
        ],
        "memory/corrections": [ListCorrections.Request(object_id=3)],
        "memory/receipts": [ListReceipts.Request()],
        "memory/verify": [VerifyMemory.Request(checkpoint_json=checkpoint()), VerifyMemory.Request(sign=True)],
        "memory/prove": [ProveObject.Request(object_id=1)],
        "memory/provenance": [GetProvenance.Request(object_id=1)],
        "memory/save": [SaveMemory.Request(), SaveMemory.Request(path="copy.map")],
        "memory/load": [LoadMemory.Request(path="home.map"), LoadMemory.Request(path="copy.map")],
        "memory/tips": [Tips.Request(remember=[tip_message(t) for t in sample.tips()], domain="search")],
    }


def plain() -> dict[str, Any]:
    """Name -> message that a function of a node reads."""
    frame = sample.frame(0)
    grid = OccupancyGrid(data=[0] * 200)
    grid.header.frame_id, grid.info.width, grid.info.height, grid.info.resolution = "map", 20, 10, 0.05
    path = Path(poses=[PoseStamped() for _ in range(3)])
    path.header.frame_id = "map"
    event = MemoryEvent(kind=MemoryEvent.MOVED, object_id=1, label="chair", has_previous_position=True)
    candidate = ExplorationCandidate(kind="frontier", term_names=["a"], term_values=[1.0], tips=["look"])
    return {
        "event": event,
        "relation": Relation(kind=Relation.ON, subject_id=1, object_id=2),
        "room": Room(id=1, name="kitchen", object_ids=[1]),
        "view": RecalledView(keyframe_id=1, object_ids=[1]),
        "decision": ExplorationDecision(candidates=[candidate, candidate], number=1),
        "chunk": AdapterChunk(name="room 1", kind="memory", object_ids=["1"]),
        "tip": tip_message(sample.tips()[0]),
        "grid": grid,
        "transform": Transform(),
        "info": camera_info_message(sample.camera(), "optical", _STAMP),
        "color": color_message(frame.rgb, "optical", _STAMP),
        "jpeg": jpeg_message(frame.rgb, "optical", _STAMP),
        "depth": depth_message(np.asarray(frame.depth_m), "optical", _STAMP, millimetres=True),
        "packed depth": CompressedImage(format="16UC1; compressedDepth png", data=bytes(12) + sample.png16()),
        "explore": Explore.Goal(goal_kind="search", goal_text="mug", budget_m=5.0),
        "question": AnswerQuestion.Goal(question="where is the mug", dialogue="a"),
    }
