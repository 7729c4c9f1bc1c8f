"""The memory node over real DDS: map, events, pictures, services, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from geometry_msgs.msg import Point
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from memory_agent_msgs.msg import MemoryEvent, ObservationArray
from memory_agent_msgs.srv import (
    EditObject,
    ForgetObjects,
    GetProvenance,
    ListCorrections,
    ListReceipts,
    LoadMemory,
    ProveObject,
    QueryObjects,
    SaveMemory,
    VerifyMemory,
)
from memory_agent_ros.memory.ledger.proofs import check_proof
from memory_agent_ros.memory.ledger.receipts import check_receipt
from memory_agent_ros.memory.ledger.signing import public_bytes, signing_key
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import time_message
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.observation_frames import observation_array
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline

SECOND = 1_000_000_000


def make_node(graph, map_path="", **parameters):
    settings = {"map_path": str(map_path), "text_embedder": "none", "marker_period_s": 0.05, "points_period_s": 0.1}
    overrides = [Parameter(name, value=value) for name, value in {**settings, **parameters}.items()]
    return graph.add(MemoryNode(parameter_overrides=overrides))


class Feeder:
    """Plays the perception node: sends frames of the room and waits until the memory has worked them off."""

    def __init__(self, graph, room):
        self.graph, self.room = graph, room
        self.pipeline = PerceptionPipeline(GroundTruthDetector({7: "chair"}, NO_NOISE))
        self.publisher = graph.helper.create_publisher(ObservationArray, "observations", qos.reliable(10))
        self.done = graph.listen(Header, "memory/frame_done", qos.reliable(50))
        self.stamp_ns = 100 * SECOND

    def message(self, stamp_ns):
        frame = self.room.frame(stamp_ns)
        return observation_array(frame, self.pipeline.process(frame).observations)

    def ready(self):
        return self.publisher.get_subscription_count() and self.graph.helper.count_publishers("memory/frame_done")

    def send(self, message):
        self.graph.until(self.ready)
        before = len(self.done)
        self.publisher.publish(message)
        self.graph.until(lambda: len(self.done) > before)

    def offer(self):
        """Publish the next frame whoever listens (the middleware counts a killed listener for a while)."""
        self.stamp_ns += SECOND // 5
        self.publisher.publish(self.message(self.stamp_ns))

    def feed(self, frames=6):
        for _ in range(frames):
            self.stamp_ns += SECOND // 5
            self.send(self.message(self.stamp_ns))


@pytest.fixture()
def feeder(graph, room):
    return Feeder(graph, room)


def query(graph, **fields):
    return graph.call(QueryObjects, "memory/query_objects", QueryObjects.Request(**fields))


def test_chair_is_remembered_shown_and_found(graph, feeder):
    node = make_node(graph)
    assert bring_up(node)
    events = graph.listen(MemoryEvent, "memory/events", qos.reliable(100))
    markers = graph.listen(MarkerArray, "memory/markers", qos.latched())
    clouds = graph.listen(PointCloud2, "memory/points", qos.latched())
    graph.until(lambda: graph.helper.count_publishers("memory/events"))
    feeder.feed()
    graph.until(lambda: [e for e in events if e.kind == MemoryEvent.ADDED])
    answer = query(graph, mode="find", label="chair")
    assert answer.success and answer.count == 1
    chair = answer.objects[0]
    np.testing.assert_allclose([chair.box.center.x, chair.box.center.y, chair.box.center.z], [2.0, 0, 1.2], atol=0.06)
    assert chair.evidence and chair.evidence[0].object_id == chair.id
    graph.until(lambda: markers and len(markers[-1].markers) == 3)
    clear, box, text = markers[-1].markers
    assert (clear.action, box.type, text.text) == (Marker.DELETEALL, Marker.CUBE, f"chair {chair.id}")
    assert box.color.a < 1 and box.scale.y == pytest.approx(chair.box.size.y)
    graph.until(lambda: clouds and clouds[-1].width > 20)
    assert [f.name for f in clouds[-1].fields] == ["x", "y", "z", "rgb"]


def test_query_modes(graph, feeder):
    node = make_node(graph)
    assert bring_up(node)
    feeder.feed()
    assert query(graph, mode="count", label="chair").count == 1
    assert query(graph, mode="count", label="sofa").count == 0
    assert query(graph, mode="near", has_center=True, center=Point(x=2.0, z=1.2), radius_m=0.5).count == 1
    assert query(graph, mode="near", has_center=True, center=Point(x=9.0), radius_m=0.5).count == 0
    assert query(graph, mode="last_seen", label="chair").objects[0].label == "chair"
    object_id = query(graph, mode="find", label="chair").objects[0].id
    (everything,) = query(graph, mode="objects").objects
    assert (everything.id, everything.label, list(everything.evidence)) == (object_id, "chair", [])
    assert query(graph, mode="history", object_id=object_id).events[0].kind == "added"
    assert [e.kind for e in query(graph, mode="changes").events] == ["added"]
    inside = query(graph, mode="find", has_region=True, region_min=Point(), region_max=Point(x=3.0, y=1.0, z=3.0))
    assert inside.success
    for wrong in ({"mode": "guess"}, {"mode": "near"}, {"mode": "find", "state": "asleep"}):
        answer = query(graph, **wrong)
        assert not answer.success and answer.message
    assert not query(graph, mode="history", object_id=999).success


def test_edit_and_forget(graph, feeder, tmp_path):
    node = make_node(graph, tmp_path / "home.map")
    assert bring_up(node)
    events = graph.listen(MemoryEvent, "memory/events", qos.reliable(100))
    graph.until(lambda: graph.helper.count_publishers("memory/events"))
    feeder.feed()
    object_id = query(graph, mode="find", label="chair").objects[0].id

    def edit(**fields):
        request = EditObject.Request(**{"object_id": object_id, "author": "Ada", "reason": "test", **fields})
        return graph.call(EditObject, "memory/edit_object", request)

    assert edit(operation="relabel", label="armchair").correction_id == 1
    assert query(graph, mode="count", label="armchair").count == 1
    moved = edit(operation="move", position=Point(x=5.0, y=5.0, z=1.0))
    assert moved.success and moved.event.position.x == pytest.approx(5.0)
    assert not edit(operation="paint").success and not edit(operation="delete", author="").success
    assert edit(operation="delete").success and query(graph, mode="find").count == 0
    assert edit(operation="undo", correction_id=3).success and query(graph, mode="find").count == 1
    part = edit(operation="split", position=Point(x=5.0, y=5.2, z=1.0), label="stool")
    assert part.success and query(graph, mode="find", label="stool").objects[0].id == part.other_id
    assert edit(operation="merge", other_id=part.other_id).success
    listed = graph.call(ListCorrections, "memory/corrections", ListCorrections.Request(object_id=object_id)).corrections
    assert [c.kind for c in listed] == ["relabel", "move", "delete", "undo", "split", "merge"]
    assert (listed[2].undone_by, listed[3].undoes, listed[0].previous_label, listed[0].author) == (4, 3, "chair", "Ada")
    empty = graph.call(ForgetObjects, "memory/forget_objects", ForgetObjects.Request())
    assert not empty.success
    wanted = ForgetObjects.Request(label="armchair", author="Bo", reason="asked to")
    gone = graph.call(ForgetObjects, "memory/forget_objects", wanted)
    assert gone.success and list(gone.forgotten) == [object_id] and gone.receipt.author == "Bo"
    assert query(graph, mode="find").count == 0
    (receipt,) = graph.call(ListReceipts, "memory/receipts", ListReceipts.Request()).receipts
    assert receipt == gone.receipt and list(receipt.object_ids) == [object_id] and "objects" in receipt.kinds
    assert check_receipt(json.loads(receipt.signed_json), [public_bytes(signing_key())]).id == receipt.id
    graph.until(lambda: [e for e in events if e.kind == MemoryEvent.FORGOTTEN])
    assert {e.label for e in events if e.kind == MemoryEvent.FORGOTTEN} == {""}


def test_what_was_forgotten_for_good_is_not_admitted_again(graph, feeder):
    node = make_node(graph)
    assert bring_up(node)
    feeder.feed()
    outline = [Point(x=-9.0, y=-9.0), Point(x=9.0, y=-9.0), Point(x=9.0, y=9.0), Point(x=-9.0, y=9.0)]
    wanted = ForgetObjects.Request(polygon=outline, label="chair", never_again=True)
    assert graph.call(ForgetObjects, "memory/forget_objects", wanted).receipt.never_again
    feeder.feed()
    assert query(graph, mode="find").count == 0


def test_verify_prove_and_provenance(graph, feeder, tmp_path):
    node = make_node(graph, tmp_path / "home.map")
    assert bring_up(node)
    feeder.feed()
    object_id = query(graph, mode="find", label="chair").objects[0].id

    def verify(**fields):
        return graph.call(VerifyMemory, "memory/verify", VerifyMemory.Request(**fields))

    first = verify(sign=True)
    assert first.success and first.sound and not first.findings
    assert verify(checkpoint_json=first.checkpoint_json).sound
    forged = json.loads(first.checkpoint_json) | {"size": 10**6}
    found = verify(checkpoint_json=json.dumps(forged), sign=True)
    assert found.success and not found.sound and not found.checkpoint_json and found.findings[0].text
    assert not verify(checkpoint_json="{}").success
    proof = graph.call(ProveObject, "memory/prove", ProveObject.Request(object_id=object_id))
    key = bytes.fromhex(json.loads(first.checkpoint_json)["key"])
    assert check_proof(json.loads(proof.proof_json), [key]).object_id == object_id
    assert not graph.call(ProveObject, "memory/prove", ProveObject.Request(object_id=99)).success
    told = graph.call(GetProvenance, "memory/provenance", GetProvenance.Request(object_id=object_id))
    assert told.success and json.loads(told.provenance_json)


def test_services_that_are_not_offered_do_not_exist(graph, feeder):
    kept = {"memory/query_objects", "memory/forget_objects"}
    names = ("picture", "edit", "forget", "receipts", "provenance", "verify", "prove", "save", "load", "tips")
    parameters = {"text_embedder": "none", **{f"services.{name}": name == "forget" for name in names}}
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    node = graph.add(MemoryNode(node_name="shut_memory", parameter_overrides=overrides))
    assert bring_up(node)

    def offered():
        names = {n.removeprefix("/") for n, _ in node.get_service_names_and_types_by_node("shut_memory", "/")}
        return {n for n in names if n.startswith("memory/")}

    graph.until(lambda: offered() == kept)


def test_the_retention_policy_is_applied_at_start(graph, feeder, tmp_path):
    path = tmp_path / "old.map"
    node = make_node(graph, path)
    assert bring_up(node)
    feeder.feed()  # stamps of 1970
    assert node.trigger_deactivate() and node.trigger_cleanup()
    node.set_parameters([Parameter("retention.label_days", value="chair=1")])
    assert bring_up(node)
    (receipt,) = node.memory.receipts()
    assert receipt.author == "retention policy" and node.memory.objects() == []


def test_save_and_load(graph, feeder, tmp_path):
    node = make_node(graph, tmp_path / "a.map")
    assert bring_up(node)
    feeder.feed()
    copy = str(tmp_path / "copy.map")
    saved = graph.call(SaveMemory, "memory/save", SaveMemory.Request(path=copy))
    assert saved.success and saved.objects == 1
    graph.call(ForgetObjects, "memory/forget_objects", ForgetObjects.Request(label="chair"))
    loaded = graph.call(LoadMemory, "memory/load", LoadMemory.Request(path=copy))
    assert loaded.success and loaded.objects == 1
    missing = graph.call(LoadMemory, "memory/load", LoadMemory.Request(path=str(tmp_path / "none.map")))
    assert not missing.success and "none.map" in missing.message
    assert query(graph, mode="count", label="chair").count == 1


def test_bad_frames_are_refused_counted_and_acknowledged(graph, feeder):
    node = make_node(graph)
    assert bring_up(node)
    diagnostics = graph.diagnostics("memory_node")
    feeder.feed(3)
    backwards = feeder.message(50 * SECOND)
    feeder.send(backwards)
    assert node.counts["stamp_runs_back"] == 1
    broken = feeder.message(200 * SECOND)
    broken.camera_pose.position.x = float("nan")
    feeder.send(broken)
    assert node.counts["pose_not_finite"] == 1
    elsewhere = feeder.message(200 * SECOND)
    elsewhere.header.frame_id = "odom"
    feeder.send(elsewhere)
    assert node.counts["unknown_frame"] == 1
    graph.until(lambda: "map_frame" in diagnostics().get("waiting refused", ""))
    unreadable = feeder.message(200 * SECOND)
    unreadable.color.data = b"no picture"
    feeder.send(unreadable)
    assert node.counts["color_compressed"] == 1
    assert node.counts["frames"] == 3
    feeder.feed(1)
    graph.until(lambda: "waiting refused" not in diagnostics() and diagnostics().get("objects present") == "1")


def test_diagnostics_tell_what_is_held_back_and_who_is_believed(graph, feeder):
    node = make_node(graph, **{"memory.quarantine.vocabulary": ["table"], "memory.gate.require_source": True})
    assert bring_up(node)
    stamp_ns = feeder.stamp_ns = feeder.stamp_ns + SECOND
    message = feeder.message(stamp_ns)
    message.sensor, message.detector = "/robot/perception_node", "ssd 1"
    feeder.send(message)
    feeder.feed(1)
    told = node.status()
    assert (told["images admitted"], told["images refused"], told["memory refused.source_unknown"]) == (1, 1, 1)
    assert (told["in quarantine"], told["in quarantine vocabulary"], told["memory quarantine.vocabulary"]) == (1, 1, 1)
    assert told["sources"] == 1 and told["least trusted source"] == "/robot/perception_node (ssd 1): 0.75"
    assert node.memory.objects(include_tentative=True) == []


@pytest.mark.parametrize(("late_s", "refused"), [(0.3, 0), (5.0, 1), (-5.0, 1)])
def test_the_age_of_a_stamp_is_taken_by_the_clock_of_the_node(graph, feeder, late_s, refused):
    node = make_node(
        graph, use_sim_time=True, **{"memory.gate.max_stamp_age_s": 1.0, "memory.gate.max_stamp_ahead_s": 0.5}
    )
    assert bring_up(node)
    clock = graph.helper.create_publisher(Clock, "/clock", 1)
    stamp_ns = feeder.stamp_ns + SECOND // 5
    now_ns = stamp_ns + int(late_s * SECOND)

    def told():
        clock.publish(Clock(clock=time_message(now_ns)))
        return node.get_clock().now().nanoseconds == now_ns

    graph.until(told)
    feeder.feed(1)
    assert node.counts["frames"] == 1 - refused
    assert node.counts["stamp_old"] + node.counts["stamp_ahead"] == refused


def test_map_lasts_over_cleanup_and_a_second_writer_is_refused(graph, feeder, tmp_path, capfd):
    path = tmp_path / "home.map"
    node = make_node(graph, path)
    assert bring_up(node)
    feeder.feed()
    second = graph.add(
        MemoryNode(
            node_name="second_memory",
            parameter_overrides=[Parameter("map_path", value=str(path)), Parameter("text_embedder", value="none")],
        )
    )
    assert not bring_up(second)
    assert "open for writing elsewhere" in capfd.readouterr().err

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return graph.call(ChangeState, "memory_node/change_state", request).success

    assert change(Transition.TRANSITION_DEACTIVATE)
    assert query(graph, mode="count", label="chair").count == 1
    assert change(Transition.TRANSITION_CLEANUP)
    assert not change(Transition.TRANSITION_ACTIVATE)
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.verify() == []
    assert change(Transition.TRANSITION_CONFIGURE) and change(Transition.TRANSITION_ACTIVATE)
    assert graph.call(GetState, "memory_node/get_state", GetState.Request()).current_state.label == "active"
    feeder.feed(1)
    assert query(graph, mode="count", label="chair").count == 1


def test_a_session_waits_to_be_found_in_the_map(graph, feeder, tmp_path):
    """One chair looks alike everywhere: the map stays as it is, and diagnostics say what is missing."""
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        for stamp in range(1, 7):
            frame = feeder.room.frame(stamp * SECOND)
            memory.observe(frame, feeder.pipeline.process(frame).observations)
        last = memory.last_stamp_ns
    node = make_node(graph, path, session_start="relocalise")
    assert bring_up(node)
    feeder.feed()
    status = node.status()
    assert status["session localised"] is False and status["session in map x y z yaw"] == "unknown"
    assert "1 of at least" in node._session.waiting_for
    assert node.memory.last_stamp_ns == last
    assert query(graph, mode="count", label="chair").count == 1


def start_process(map_path):
    arguments = ["-p", f"map_path:={map_path}", "-p", "text_embedder:=none", "-p", "auto_activate:=true"]
    command = [sys.executable, "-m", "memory_agent_ros.nodes.memory_node", "--ros-args", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment)


def test_killed_process_goes_on_with_its_map(graph, feeder, tmp_path):
    path = tmp_path / "home.map"
    process = start_process(path)
    try:
        graph.until(feeder.ready, timeout_s=30)
        feeder.feed()
        before = query(graph, mode="find", label="chair").objects[0]
        feeder.publisher.publish(feeder.message(feeder.stamp_ns + SECOND // 5))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.verify() == []
        assert [thing.id for thing in memory.objects()] == [before.id]
    process = start_process(path)
    try:
        acknowledged = len(feeder.done)
        graph.until(lambda: feeder.offer() or len(feeder.done) >= acknowledged + 3, timeout_s=30)
        with SpatialMemory.open(path, read_only=True) as memory:
            after = memory.objects()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=20)
    assert [thing.id for thing in after] == [before.id]
    assert after[0].observations > before.observations
    assert code == 0
