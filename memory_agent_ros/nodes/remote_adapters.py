"""The adapters behind ``adapters/recall``, for a reasoner in another process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node

from memory_agent_msgs.srv import RecallAdapters
from memory_agent_ros.nodes.adapter_messages import source_from_message
from memory_agent_ros.nodes.blocking import BlockingCalls
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.recall import Recall

#: Relative name of the adapter node's service.
SERVICE = "adapters/recall"


class AdaptersUnavailableError(MemoryAgentError):
    """The adapter node did not answer, or could not; the message says why."""


class RemoteAdapters:
    """Adapters to be asked from a thread; while the adapter node is not there, there are none.

    Args:
        node: owner of the service client.
        timeout_s: how long an answer may take, wall seconds.
        counts: counts the questions that could not be asked, and says why in its key.
    """

    def __init__(self, node: Node, timeout_s: float, counts: Counter[str]) -> None:
        self._node, self._counts = node, counts
        self._client = node.create_client(RecallAdapters, SERVICE)
        self._calls = BlockingCalls("adapter", timeout_s, AdaptersUnavailableError)
        self.problem = ""

    def interrupt(self) -> None:
        """Let a call under way fail at once."""
        self._calls.interrupt()

    def close(self) -> None:
        """Withdraw the client."""
        self.interrupt()
        self._node.destroy_client(self._client)

    def relevance(self, question: str) -> float | None:
        """See :class:`~memory_agent_ros.reasoning.internalised.Internalised`."""
        answer = self._call(RecallAdapters.Request(question=question[:1024], relevance_only=True))
        return None if answer is None or answer.relevance < 0 else float(answer.relevance)

    def recall(self, question: str, choices: Sequence[str] = ()) -> Recall | None:
        """See :class:`~memory_agent_ros.reasoning.internalised.Internalised`."""
        answer = self._call(RecallAdapters.Request(question=question[:1024], choices=[c[:256] for c in choices]))
        if answer is None or answer.relevance < 0:
            return None
        shares = dict(zip(choices, (float(p) for p in answer.probabilities), strict=False))
        sources = tuple(source_from_message(chunk) for chunk in answer.chunks)
        return Recall(answer.answer, float(answer.share), float(answer.relevance), sources, shares)

    def _call(self, request: RecallAdapters.Request) -> Any:
        try:
            answer = self._calls.call(self._client, request)
        except AdaptersUnavailableError as error:
            self._counts["adapters not asked"] += 1
            self.problem = str(error)
            return None
        self.problem = ""
        return answer
