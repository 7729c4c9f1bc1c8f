"""Service calls that wait for their answer, made from a thread of the node while its executor spins elsewhere."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.client import Client

from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError


class BlockingCalls:
    """Calls to the services of one other node.

    Args:
        what: of what the other node is, "memory".
        timeout_s: how long a call may take, wall seconds.
        error: raised where there is no answer.
    """

    def __init__(self, what: str, timeout_s: float, error: type[MemoryAgentError]) -> None:
        self.timeout_s = timeout_s
        self._what, self._error = what, error
        self._pending: set[threading.Event] = set()
        self._closed = False

    def interrupt(self) -> None:
        """Let every call under way, and all later ones, fail at once."""
        self._closed = True
        for waiting in list(self._pending):
            waiting.set()

    def call(self, client: Client, request: Any) -> Any:
        """The response.

        Raises:
            MemoryAgentError: of the given class; nobody offers the service, it took too long, or refused.
        """
        name = client.service_name
        if self._closed:
            raise self._error("the node that asks is being cleaned up")
        if not client.service_is_ready():
            raise self._error(f"service {name} is not there; start and activate the {self._what} node")
        answered = threading.Event()
        self._pending.add(answered)
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        in_time = answered.wait(self.timeout_s)
        self._pending.discard(answered)
        if not in_time or not future.done():
            client.remove_pending_request(future)
            raise self._error(f"service {name} did not answer within {self.timeout_s} s")
        response = future.result()
        if response is None or not response.success:
            reason = "no response" if response is None else response.message
            raise self._error(f"the {self._what} refused the query: {reason}")
        try:
            check_limits(response)
        except BadInputError as error:
            raise self._error(f"the answer of the {self._what} cannot be used: {error}") from error
        return response
