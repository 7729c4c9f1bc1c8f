"""Services that are answered later, from a thread of the node, while its executor goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.service import Service


class Later:
    """A response that is still to come; what a callback of :func:`answered_later` returns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._send: Callable[[Any], None] | None = None
        self._response: Any = None

    def conclude(self, response: Any) -> None:
        """Send the response; once."""
        with self._lock:
            self._response = response
            send = self._send
        if send is not None:
            send(response)

    def send_by(self, send: Callable[[Any], None]) -> None:
        """How the response is sent; at once if it is there."""
        with self._lock:
            self._send = send
            response = self._response
        if response is not None:
            send(response)


def answered_later(service: Service) -> Service:
    """Let the service's callback return a :class:`Later` too.

    rclpy sends what a callback returns when it returns; awaiting in the callback would keep its callback group busy,
    and the executor spinning. Here sending waits for the response instead.
    """
    send = service.send_response

    def send_when_there(response: Any, header: Any) -> None:
        if isinstance(response, Later):
            response.send_by(lambda done: send(done, header))
        else:
            send(response, header)

    service.send_response = send_when_there
    return service
