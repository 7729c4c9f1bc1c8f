"""``reasoner_node``: the ``answer_question`` action over the memory node's query service.

A question is worked on in a thread of its own, so that the node's executor can carry the answers of the memory.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from typing import Any

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.nodes.conversions import evidence_message
from memory_agent_ros.nodes.goal_server import GoalServer
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import Answer


@dataclass(frozen=True)
class ReasonerNodeConfig:
    """Parameters of ``reasoner_node``."""

    query_timeout_s: float = parameter(5.0, "Wall seconds a query may take.", minimum=0.1, maximum=120.0)


class ReasonerNode(AgentNode[ReasonerNodeConfig]):
    """See the module's docstring."""

    node_name = "reasoner_node"
    config_class = ReasonerNodeConfig

    def setup(self) -> None:
        """Offer the action and look for the memory."""
        self.memory = RemoteMemory(self, timeout_s=self.config.query_timeout_s)
        self._reasoner = RuleReasoner(self.memory)
        self._server = GoalServer(self, AnswerQuestion, "answer_question", self._on_goal, self._on_cancel)

    def start(self) -> None:
        """Report a missing memory."""
        self.waiting.add("memory", self._memory_problem)

    def teardown(self) -> None:
        """Withdraw the action."""
        server = getattr(self, "_server", None)
        if server is not None:
            server.destroy()
            self.memory.close()
            del self._server

    def status(self) -> dict[str, object]:
        """Whether a question is worked on."""
        return {"answering": hasattr(self, "_server") and self._server.busy}

    def _memory_problem(self) -> str | None:
        return None if self.memory.available else f"service {self.memory.service_name}: nobody offers it"

    def _on_goal(self, goal: AnswerQuestion.Goal) -> None:
        if self.state != "active":
            self._fail(AnswerQuestion.Result.NOT_ACTIVE, "the reasoner node is not active; activate it")
            return
        now_ns = self.get_clock().now().nanoseconds
        work = (goal.question, now_ns, self._server.current)
        threading.Thread(target=self._answer, args=work, daemon=True).start()

    def _on_cancel(self) -> None:
        self._fail(AnswerQuestion.Result.CANCELLED, "cancelled by the client")

    def _answer(self, question: str, now_ns: int, goal: Any) -> None:
        self._server.feedback(AnswerQuestion.Feedback(stage="recalling"))
        try:
            answer = self._reasoner.answer(question, now_ns=now_ns)
        except QuestionNotUnderstoodError as error:
            self._fail(AnswerQuestion.Result.NOT_UNDERSTOOD, str(error), goal)
            return
        except MemoryUnavailableError as error:
            self._fail(AnswerQuestion.Result.MEMORY_UNAVAILABLE, str(error), goal)
            return
        self._server.feedback(AnswerQuestion.Feedback(stage="wording"))
        self._server.conclude(result_message(answer), success=True, only=goal)

    def _fail(self, code: int, message: str, goal: Any = None) -> None:
        self.counts[f"error_{code}"] += 1
        result = AnswerQuestion.Result(error_code=code, message=message, state="unknown")
        self._server.conclude(result, success=False, only=goal)


def result_message(answer: Answer) -> AnswerQuestion.Result:
    """Answer -> result of the action."""
    return AnswerQuestion.Result(
        error_code=AnswerQuestion.Result.NONE,
        answer=answer.text,
        state=str(answer.state),
        confidence=float(answer.confidence),
        value_json=json.dumps(answer.value),
        evidence=[evidence_message(evidence) for evidence in answer.evidence],
    )


def main() -> None:
    """Entry point of ``reasoner_node``."""
    sys.exit(run_node(ReasonerNode))


if __name__ == "__main__":
    main()
