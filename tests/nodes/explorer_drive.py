"""An explorer node, a camera that stands in a room, a client of the action, and a memory service."""

from __future__ import annotations

from rclpy.action import ActionClient
from rclpy.parameter import Parameter

from memory_agent_msgs.action import Explore
from memory_agent_msgs.srv import QueryObjects, Tips
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.nodes.conversions import object_message
from memory_agent_ros.nodes.explorer_node import ExplorerNode
from memory_agent_ros.nodes.structure_messages import room_message

SECOND = 1_000_000_000


class Drive:
    """An explorer node, a camera that stands in a room, and a client of the action."""

    def __init__(self, graph, robot_camera, **parameters):
        settings = {"publish_period_s": 0.05, "max_update_hz": 60.0, **parameters}
        overrides = [Parameter(name, value=value) for name, value in settings.items()]
        self.graph, self.camera = graph, robot_camera()
        self.node = graph.add(ExplorerNode(parameter_overrides=overrides))
        self.client = ActionClient(graph.helper, Explore, "explore")
        self.feedback = []
        self.stamp_ns = 100 * SECOND
        self.yaw = 0.0
        graph.until(self.client.server_is_ready) if self.node.state != "unconfigured" else None

    def send(self, **goal):
        self.graph.until(self.client.server_is_ready)
        future = self.client.send_goal_async(
            Explore.Goal(**goal), feedback_callback=lambda message: self.feedback.append(message.feedback)
        )
        self.graph.until(future.done)
        return future.result()

    def result(self, handle, **look):
        """Feed images until the goal has ended."""
        future = handle.get_result_async()
        # The first search of a process loads the text embedder, which takes long on a busy machine.
        self.graph.until(lambda: future.done() or self.shoot(**look), 90.0)
        return future.result()

    def shoot(self, step_s=0.2):
        """The next image of a standing robot; waits shortly until it was used."""
        self.stamp_ns += int(step_s * SECOND)
        self.camera.localise(self.stamp_ns, planar(0.0, 0.0, self.yaw))
        self.camera.describe()
        self.camera.shoot(self.stamp_ns)
        for _ in range(20):
            self.graph.executor.spin_once(timeout_sec=0.005)

    def until(self, condition):
        """Feed images until ``condition`` holds."""
        self.graph.until(lambda: condition() or self.shoot())


class FakeMemory:
    """The memory node's services with things, rooms and tips of the test."""

    def __init__(self, graph, things=(), rooms=()):
        self.things, self.rooms, self.asked, self.refusal = list(things), list(rooms), [], ""
        self._node = graph.helper
        self.tips = []
        self._services = [
            self._node.create_service(QueryObjects, "memory/query_objects", self._answer),
            self._node.create_service(Tips, "memory/tips", self._exchange),
        ]

    def vanish(self):
        """The memory node dies."""
        for service in self._services:
            self._node.destroy_service(service)

    def _exchange(self, request, response):
        self.tips += request.remember
        response.success, response.fresh = True, len(request.remember)
        response.tips = [tip for tip in self.tips if tip.domain == request.domain]
        return response

    def _answer(self, request, response):
        self.asked.append(request.mode)
        response.success, response.message = not self.refusal, self.refusal
        if request.mode == QueryObjects.Request.MODE_OBJECTS:
            response.objects = [object_message(thing) for thing in self.things]
        elif request.mode == QueryObjects.Request.MODE_ROOMS:
            response.rooms = [room_message(room) for room in self.rooms]
        return response
