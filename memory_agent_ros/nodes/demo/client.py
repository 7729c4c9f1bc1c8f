"""The demo's own ROS 2 client: it watches, asks for rounds and edits, puts questions, and records."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import rclpy
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from memory_agent_msgs.action import AnswerQuestion, Explore
from memory_agent_msgs.msg import ExplorationDecision, ObservationArray
from memory_agent_msgs.msg import MemoryEvent as MemoryEventMessage
from memory_agent_msgs.srv import SaveMemory
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import (
    camera_from_info,
    event_from_message,
    matrix_from_pose,
    nanoseconds,
    point_from_message,
)
from memory_agent_ros.nodes.decision_messages import decision_from_message
from memory_agent_ros.nodes.demo.diary import Diary, Seen, Snapshot
from memory_agent_ros.nodes.demo.recorder import BagRecorder
from memory_agent_ros.nodes.demo.world import World, WorldEdit, parse_world
from memory_agent_ros.perception.image_decoding import decode_depth, decode_image
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.viz.scene import FloorMap

T = TypeVar("T")


class DemoError(MemoryAgentError):
    """A node did not do its part; the message says which and what it said."""


class DemoClient:
    """A context manager with its own rclpy context and one executor thread.

    Args:
        diary: takes what is seen on the way.
        recorder: takes the messages for the bag.
        record_every_s: simulated seconds between recorded camera frames.
        alive: called while waiting; raises if a node has died.
    """

    def __init__(self, diary: Diary, recorder: BagRecorder, record_every_s: float, alive: Callable[[], None]) -> None:
        self._diary = diary
        self._recorder = recorder
        self._record_every_ns = round(record_every_s * 1e9)
        self._alive = alive
        self._context = Context()
        self._world: World | None = None
        self._recorded_ns = -(10**18)
        self._grid_recorded_ns = -(10**18)

    def __enter__(self) -> DemoClient:
        rclpy.init(context=self._context, signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
        self._node = Node("demo", context=self._context, enable_rosout=False)
        self._explore = ActionClient(self._node, Explore, "explore")
        self._answer = ActionClient(self._node, AnswerQuestion, "answer_question")
        self._save = self._node.create_client(SaveMemory, "memory/save")
        self._edit = self._node.create_publisher(String, "sim/edit", qos.reliable(10))
        self._subscribe()
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="demo-executor")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(timeout_sec=2.0)
        self._thread.join(timeout=5.0)
        self._node.destroy_node()
        self._context.try_shutdown()

    @property
    def world(self) -> World:
        """The truth as last told."""
        self._until(lambda: self._world is not None, 20.0, "sim_node did not tell its truth on sim/truth")
        assert self._world is not None
        return self._world

    def explore(self, mode: str, limit_s: float, on_feedback: Callable[[Any], None], policy: str = "") -> Any:
        """Send the robot on a round; returns the result of the Explore action.

        With a policy the round is a discovery by it, else ``mode`` says what it is.
        """
        goal = Explore.Goal(mode=mode, time_limit_s=limit_s, coverage_goal=1.0)
        if policy:
            goal.goal_kind, goal.policy = Explore.Goal.KIND_DISCOVER, policy
        result: Explore.Result = self._act(self._explore, goal, on_feedback, "explorer_node")
        if result.error_code not in (Explore.Result.NONE, Explore.Result.TIME_LIMIT):
            raise DemoError(f"explorer_node stopped with code {result.error_code}: {result.message}")
        return result

    def ask(self, question: str) -> Any:
        """Put a question; returns the result of the AnswerQuestion action."""
        result: AnswerQuestion.Result = self._act(
            self._answer, AnswerQuestion.Goal(question=question), lambda _: None, "reasoner_node"
        )
        return result

    def edit_world(self, kind: str, count: int, seed: int) -> list[WorldEdit]:
        """Let the simulation change things the camera does not see now; returns the new edits."""
        before = len(self.world.edits)
        request = {"id": f"{kind}{seed}", "sample": {"count": count, "kinds": [kind], "seed": seed, "hidden": True}}
        self._edit.publish(String(data=json.dumps(request)))
        self._until(lambda: len(self.world.edits) > before or bool(self.world.errors), 20.0, "sim_node made no edit")
        if self.world.errors:
            raise DemoError(f"sim_node refused the edit: {self.world.errors[-1]}")
        return list(self.world.edits[before:])

    def save_memory(self) -> int:
        """Flush the map; returns the number of objects in it."""
        self._until(self._save.service_is_ready, 20.0, "memory_node offers no memory/save")
        response: SaveMemory.Response = self._wait(self._save.call_async(SaveMemory.Request()), "memory_node")
        if not response.success:
            raise DemoError(f"memory_node could not save: {response.message}")
        return int(response.objects)

    def wait_for_subscribers(self) -> None:
        """Block until the simulation listens to edits and both actions are offered."""
        self._until(lambda: self._edit.get_subscription_count() > 0, 20.0, "sim_node does not listen on sim/edit")
        self._until(self._explore.server_is_ready, 20.0, "explorer_node offers no explore action")
        self._until(self._answer.server_is_ready, 20.0, "reasoner_node offers no answer_question action")

    # -- waiting ------------------------------------------------------------------------------------------------

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    def _act(self, client: ActionClient, goal: Any, on_feedback: Callable[[Any], None], who: str) -> Any:
        self._until(client.server_is_ready, 20.0, f"{who} offers no action")
        handle = self._wait(client.send_goal_async(goal, feedback_callback=lambda m: on_feedback(m.feedback)), who)
        if not handle.accepted:
            raise DemoError(f"{who} did not accept the goal")
        return self._wait(handle.get_result_async(), who).result

    def _wait(self, future: Future, who: str) -> Any:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not done.wait(0.2):
            self._alive()
        if future.exception() is not None:
            raise DemoError(f"{who}: {future.exception()}")
        return future.result()

    def _until(self, condition: Callable[[], bool], limit_s: float, complaint: str) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            self._alive()
            if time.monotonic() > deadline:
                raise DemoError(complaint)
            time.sleep(0.02)

    # -- watching -----------------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        wanted: list[tuple[type[Any], str, Callable[[Any], None], Any]] = [
            (MemoryEventMessage, "memory/events", self._on_event, qos.reliable(100)),
            (ObservationArray, "observations", self._on_observations, qos.reliable(10)),
            (Image, "camera/instances", self._on_instances, qos.sensor(5)),
            (Odometry, "odom", self._on_odometry, qos.reliable(10)),
            (OccupancyGrid, "explorer/map", self._on_grid, qos.latched()),
            (ExplorationDecision, "explorer/decisions", self._on_decision, qos.latched(10)),
            (MarkerArray, "explorer/frontiers", self._on_frontiers, qos.latched()),
            (TFMessage, "/tf", self._on_tf, qos.tf()),
            (TFMessage, "/tf_static", self._on_tf_static, qos.tf_static()),
            (String, "sim/truth", self._on_truth, qos.latched()),
        ]
        for kind, topic, callback, profile in wanted:
            self._node.create_subscription(kind, topic, callback, profile)

    def _on_event(self, message: MemoryEventMessage) -> None:
        self._diary.add_event(event_from_message(message))
        self._recorder.write("/memory/events", message, nanoseconds(message.header.stamp))

    def _on_observations(self, message: ObservationArray) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        self._diary.frames += 1
        if stamp_ns - self._recorded_ns < self._record_every_ns:
            return
        self._recorded_ns = stamp_ns
        camera = camera_from_info(message.camera_info)
        self._diary.add_picture(_snapshot(message, camera, stamp_ns))
        self._record_camera(message, camera, stamp_ns)
        self._recorder.write("/observations", message, stamp_ns)

    def _record_camera(self, message: ObservationArray, camera: Camera, stamp_ns: int) -> None:
        """The camera's topics as any bag has them, from the pictures that travel with the observations."""
        stamp, frame = message.header.stamp, message.camera_frame_id
        color = CompressedImage(format="rgb8; jpeg compressed bgr8", data=message.color.data)
        info, depth = message.camera_info, message.depth
        scaled = camera.scaled(depth.width, depth.height)
        depth_info = CameraInfo(width=depth.width, height=depth.height, k=scaled.K.ravel().tolist())
        for part in (color, info, depth, depth_info):
            part.header.stamp, part.header.frame_id = stamp, frame
        self._recorder.write("/camera/color/image_raw/compressed", color, stamp_ns)
        self._recorder.write("/camera/color/camera_info", info, stamp_ns)
        self._recorder.write("/camera/depth/image_raw", depth, stamp_ns)
        self._recorder.write("/camera/depth/camera_info", depth_info, stamp_ns)

    def _on_instances(self, message: Image) -> None:
        pixels = decode_image(message.data, message.height, message.width, "i4", step=message.step)
        self._diary.sightings.add(pixels.astype(np.int32, copy=False), nanoseconds(message.header.stamp))

    def _on_odometry(self, message: Odometry) -> None:
        T = matrix_from_pose(message.pose.pose)
        self._diary.add_pose(nanoseconds(message.header.stamp), T)
        self._recorder.write("/odom", message, nanoseconds(message.header.stamp))

    def _on_grid(self, message: OccupancyGrid) -> None:
        stamp_ns, info = nanoseconds(message.header.stamp), message.info
        cells = np.array(message.data, dtype=np.int8).reshape(info.height, info.width)
        origin = np.array([info.origin.position.x, info.origin.position.y])
        self._diary.add_floor(stamp_ns, FloorMap(cells, float(info.resolution), origin))
        if stamp_ns - self._grid_recorded_ns >= 5 * self._record_every_ns:
            self._grid_recorded_ns = stamp_ns
            self._recorder.write("/explorer/map", message, stamp_ns)

    def _on_decision(self, message: ExplorationDecision) -> None:
        self._diary.decisions.append(decision_from_message(message))
        self._recorder.write("/explorer/decisions", message, nanoseconds(message.header.stamp))

    def _on_frontiers(self, message: MarkerArray) -> None:
        cells = [m for m in message.markers if m.ns == "frontiers" and m.action == Marker.ADD]
        xy = np.array([(p.x, p.y) for m in cells for p in m.points]).reshape(-1, 2)
        self._diary.add_frontiers(self._diary.now_ns, xy)

    def _on_tf(self, message: TFMessage) -> None:
        self._recorder.write("/tf", message, self._diary.now_ns)

    def _on_tf_static(self, message: TFMessage) -> None:
        self._recorder.write("/tf_static", message, self._diary.now_ns)

    def _on_truth(self, message: String) -> None:
        self._world = parse_world(message.data)
        self._recorder.write("/sim/truth", message, self._diary.now_ns)


def _snapshot(message: ObservationArray, camera: Camera, stamp_ns: int) -> Snapshot:
    depth = message.depth
    return Snapshot(
        stamp_ns,
        camera,
        matrix_from_pose(message.camera_pose),
        bytes(message.color.data),
        decode_depth(depth.data, depth.height, depth.width, depth.encoding, step=depth.step),
        tuple(
            Seen(o.label, point_from_message(o.box.center), np.array(o.box_xyxy, dtype=np.float32))
            for o in message.observations
        ),
    )
