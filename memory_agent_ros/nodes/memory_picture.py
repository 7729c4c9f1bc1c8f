"""What the explorer knows of the memory: a picture of things and rooms, asked for again and again, never waited for."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.task import Future

from memory_agent_msgs.srv import QueryObjects
from memory_agent_ros.exploration.known_world import StillWorld
from memory_agent_ros.nodes.conversions import object_from_message
from memory_agent_ros.nodes.structure_messages import room_from_message


class MemoryPicture:
    """Asks the memory node's query service without blocking the node that asks.

    Args:
        node: its executor carries the answers.
        period_s: time between two questions for the objects, wall seconds; rooms are asked for every third time.
        timeout_s: an answer that takes longer is given up.
        service: relative name of the service.

    Attributes:
        world: the newest picture; None before the first.
        refused: what the memory said when it last refused, or empty.
    """

    def __init__(
        self, node: Node, period_s: float = 1.0, timeout_s: float = 5.0, service: str = "memory/query_objects"
    ) -> None:
        self.world: StillWorld | None = None
        self.refused = ""
        self._node = node
        self._client = node.create_client(QueryObjects, service)
        self._period_ns, self._timeout_ns = int(period_s * 1e9), int(timeout_s * 1e9)
        self._asked_ns = self._answered_ns = -(1 << 62)
        self._questions = 0
        self._pending: Future | None = None

    @property
    def service_name(self) -> str:
        """Full name of the service."""
        return str(self._client.service_name)

    def problem(self) -> str | None:
        """Why there is no new picture, or None."""
        if not self._client.service_is_ready():
            return f"service {self.service_name}: nobody offers it"
        return f"service {self.service_name}: {self.refused}" if self.refused else None

    def age_s(self, now_ns: int) -> float:
        """Wall seconds since the last picture."""
        return (now_ns - self._answered_ns) * 1e-9

    def refresh(self, now_ns: int) -> None:
        """Ask if it is time to; call it often.

        Args:
            now_ns: a steady clock.
        """
        if self._pending is not None:
            if now_ns - self._asked_ns < self._timeout_ns:
                return
            self._client.remove_pending_request(self._pending)
            self._pending, self.refused = None, "no answer in time"
        if now_ns - self._asked_ns < self._period_ns or not self._client.service_is_ready():
            return
        with_rooms = self._questions % 3 == 0
        self._asked_ns, self._questions = now_ns, self._questions + 1
        self._ask(QueryObjects.Request.MODE_OBJECTS, lambda answer: self._on_objects(answer, with_rooms, now_ns))

    def close(self) -> None:
        """Withdraw the client."""
        self._node.destroy_client(self._client)

    def _ask(self, mode: str, use: Any) -> None:
        future = self._client.call_async(QueryObjects.Request(mode=mode))
        self._pending = future

        def on_answer(done: Future) -> None:
            if future is not self._pending:
                return
            self._pending = None
            answer = done.result()
            self.refused = "" if answer is not None and answer.success else getattr(answer, "message", "no answer")
            if not self.refused:
                use(answer)

        future.add_done_callback(on_answer)

    def _on_objects(self, answer: QueryObjects.Response, with_rooms: bool, asked_ns: int) -> None:
        objects = tuple(object_from_message(message) for message in answer.objects)
        rooms = self.world.places if self.world is not None else ()
        if with_rooms:
            self._ask(
                QueryObjects.Request.MODE_ROOMS,
                lambda told: self._keep(objects, tuple(room_from_message(m) for m in told.rooms), asked_ns),
            )
        else:
            self._keep(objects, rooms, asked_ns)

    def _keep(self, objects: Any, rooms: Any, asked_ns: int) -> None:
        self.world, self._answered_ns = StillWorld(objects, rooms), asked_ns
