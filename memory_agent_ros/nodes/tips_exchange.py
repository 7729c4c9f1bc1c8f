"""Tips of the explorer, read from and kept in the map of the memory node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.task import Future

from memory_agent_msgs.msg import Tip as TipMessage
from memory_agent_msgs.srv import Tips
from memory_agent_ros.exploration.situation import Array
from memory_agent_ros.exploration.tips import Retrieved, TipMemory
from memory_agent_ros.nodes.conversions import floats, nanoseconds, time_message
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tip import Tip, TipSource

#: Relative name of the memory node's service.
SERVICE = "memory/tips"


def tip_message(tip: Tip) -> TipMessage:
    """Tip -> message."""
    source = tip.source
    return TipMessage(
        domain=tip.domain,
        goal=tip.goal,
        situation=floats(tip.situation),
        choice=floats(tip.choice),
        kind=tip.kind,
        score=float(tip.score),
        text=tip.text,
        episode=source.episode,
        step=source.step,
        policy=source.policy,
        stamp=time_message(source.stamp_ns),
        world=source.world,
        object_ids=list(tip.objects),
    )


def tip_from_message(message: TipMessage, world: str = "") -> Tip:
    """Message -> tip; ``world`` stands in where the message names none."""
    return Tip(
        domain=message.domain,
        goal=message.goal,
        situation=np.array(message.situation, dtype=np.float32),
        choice=np.array(message.choice, dtype=np.float32),
        kind=message.kind,
        score=float(message.score),
        text=message.text,
        source=TipSource(
            message.episode, int(message.step), message.policy, nanoseconds(message.stamp), message.world or world
        ),
        objects=tuple(int(i) for i in message.object_ids),
    )


class RemoteTips:
    """A :class:`~memory_agent_ros.exploration.tips.TipStore` that never waits: what has arrived can be read.

    Args:
        node: its executor carries the answers.
        on_problem: told, in a sentence, when the memory refuses or cannot be asked.

    Attributes:
        arrived: domains whose tips were read since the last :meth:`fetch`.
    """

    def __init__(self, node: Node, on_problem: Callable[[str], None]) -> None:
        self._node, self._on_problem = node, on_problem
        self._client = node.create_client(Tips, SERVICE)
        self._known: dict[str, list[Tip]] = {}
        self._shelves: dict[tuple[str, int], TipMemory] = {}
        self.arrived: set[str] = set()

    def fetch(self, domain: str) -> None:
        """Ask for the tips of a domain."""
        self.arrived.discard(domain)
        self._call(Tips.Request(domain=domain), lambda answer: self._keep(domain, answer))

    def add(self, tips: Sequence[Tip]) -> None:
        """Send tips to the map; they can be read after the next :meth:`fetch`."""
        if tips:
            self._call(Tips.Request(remember=[tip_message(tip) for tip in tips]), lambda answer: None)

    def retrieve(self, domain: str, keys: Array) -> Retrieved:
        """(B, K) unit keys -> the tips for each; tips of another width (of other features) are left alone."""
        width = keys.shape[1]
        if (domain, width) not in self._shelves:
            fitting = [t for t in self._known.get(domain, ()) if len(t.situation) == width]
            shelf = self._shelves[domain, width] = TipMemory()
            shelf.add([t for t in fitting if len(t.choice) == len(fitting[-1].choice)])
        return self._shelves[domain, width].retrieve(domain, keys)

    def tips(self, domain: str) -> list[Tip]:
        """All tips of a domain that have arrived, oldest first."""
        return list(self._known.get(domain, ()))

    def close(self) -> None:
        """Withdraw the client."""
        self._node.destroy_client(self._client)

    def _keep(self, domain: str, answer: Any) -> None:
        self._known[domain] = [tip_from_message(message) for message in answer.tips]
        self._shelves = {key: shelf for key, shelf in self._shelves.items() if key[0] != domain}
        self.arrived.add(domain)

    def _call(self, request: Tips.Request, use: Callable[[Any], None]) -> None:
        if not self._client.service_is_ready():
            self._on_problem(f"service {self._client.service_name}: nobody offers it")
            return

        def on_answer(done: Future) -> None:
            answer = done.result()
            if answer is None or not answer.success:
                self._on_problem(f"tips: {'no answer' if answer is None else answer.message}")
                return
            try:
                use(answer)
            except BadInputError as error:
                self._on_problem(f"tips: {error}")

        self._client.call_async(request).add_done_callback(on_answer)
