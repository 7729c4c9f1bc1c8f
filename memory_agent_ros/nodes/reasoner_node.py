"""``reasoner_node``: questions to answers, over the memory node's services.

Asked through the action ``answer_question`` or the topic ``reasoner/question``. Questions are worked on one after
another in a thread of their own, so that the node's executor can carry the answers of the memory and tell how it is
going; models are loaded in a thread too. What an answer rests on is shown on ``reasoner/evidence`` and
``reasoner/markers``.
"""

from __future__ import annotations

import json
import math
import queue
import sys
import threading
import time
import traceback
from collections import Counter

from std_msgs.msg import String

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.answer_view import AnswerView, picture_ids
from memory_agent_ros.nodes.answering import Answering, Asked, CancelledError
from memory_agent_ros.nodes.conversions import evidence_message
from memory_agent_ros.nodes.diagnostics import Timing
from memory_agent_ros.nodes.looking import Looker
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.question_server import Asker, QuestionServer, Ticket, TopicAsker
from memory_agent_ros.nodes.reasoner_config import THINK, ReasonerNodeConfig
from memory_agent_ros.nodes.remote_adapters import RemoteAdapters
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.records.answer import Answer, AnswerState

#: Dialogue of the questions that come on the topic: whoever types there goes on with what was said there.
TOPIC_DIALOGUE = "reasoner/question"
Result = AnswerQuestion.Result


class ReasonerNode(AgentNode[ReasonerNodeConfig]):
    """See the module's docstring."""

    node_name = "reasoner_node"
    config_class = ReasonerNodeConfig

    def setup(self) -> None:
        """Offer the action, advertise, begin to load the models, and look for the memory."""
        self.memory = RemoteMemory(self, timeout_s=self.config.query_timeout_s)
        self._looker = Looker(self) if self.config.allowed else None
        timeout_s = self.config.query_timeout_s
        self._adapters = RemoteAdapters(self, timeout_s, self.counts) if self.config.adapters else None
        self._answering = Answering(self.memory, self.config, self.get_logger().info, self._look, self._adapters)
        self._view = AnswerView(self, self.memory, self.config.map_frame, self.config.picture_height)
        self._said = self.advertise(String, "reasoner/answer", qos.reliable(10))
        self._time = Timing()
        self._routes: Counter[str] = Counter()
        self._asker: Asker | None = None
        self._waiting: queue.SimpleQueue[Asker | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="questions", daemon=True)
        self._worker.start()
        self._server = QuestionServer(self, "answer_question", self._on_question, self.config.queue)

    def start(self) -> None:
        """Report a missing memory and missing models; listen to questions on the topic."""
        self.waiting.add("memory", self._memory_problem)
        self.waiting.add("models", self._models_problem)
        self.subscribe(String, "reasoner/question", self._on_topic, qos.reliable(10), required=False)

    def stop(self) -> None:
        """End the questions under way."""
        self._server.conclude_all(_failure(Result.NOT_ACTIVE, "the reasoner node was deactivated"))

    def teardown(self) -> None:
        """Withdraw the action and end the thread."""
        server = getattr(self, "_server", None)
        if server is None:
            return
        server.conclude_all(_failure(Result.NOT_ACTIVE, "the reasoner node was cleaned up"))
        server.destroy()
        self._waiting.put(None)
        self.memory.interrupt()
        if self._adapters is not None:
            self._adapters.interrupt()
        self._worker.join(timeout=2.0)
        self.memory.close()
        if self._adapters is not None:
            self._adapters.close()
        if self._looker is not None:
            self._looker.close()
        del self._server

    def status(self) -> dict[str, object]:
        """Questions, times, models, routes."""
        if not hasattr(self, "_server"):
            return {}
        answered = sum(self._routes.values())
        values: dict[str, object] = {
            "answering": self._asker.request.question if self._asker is not None else "nothing",
            "questions waiting": max(0, self._waiting.qsize()),
            "questions answered": answered,
            "time answer": self._time.summary(),
            "models": self._answering.models,
            "language model": self._answering.model or "none",
            "dialogues": self._answering.dialogues,
            "acting tools": ", ".join(self.config.allowed) or "none",
            "adapters": "off" if self._adapters is None else self._adapters.problem or "on",
        }
        values.update({f"route {name}": number / answered for name, number in sorted(self._routes.items())})
        return values

    # -- asking ---------------------------------------------------------------------------------------------------

    def _memory_problem(self) -> str | None:
        return None if self.memory.available else f"service {self.memory.service_name}: nobody offers it"

    def _models_problem(self) -> str | None:
        failed = self._answering.models.startswith("failed")
        return f"models {self._answering.models}; templates and tools answer" if failed else None

    def _on_question(self, ticket: Ticket) -> None:
        goal = ticket.request
        problem = problem_of(goal)
        if self.state != "active":
            self._fail(ticket, Result.NOT_ACTIVE, "the reasoner node is not active; activate it")
        elif problem:
            self._fail(ticket, Result.BAD_REQUEST, problem)
        else:
            self._take(ticket)

    def _on_topic(self, message: String) -> None:
        if self._waiting.qsize() >= self.config.queue:
            self.counts["rejected"] += 1
            self._said.publish(String(data="I am still busy with other questions."))
            return
        goal = AnswerQuestion.Goal(question=message.data[:1024], dialogue=TOPIC_DIALOGUE)
        asker = TopicAsker(goal, lambda result: self._said.publish(String(data=spoken(result))))
        problem = problem_of(goal)
        if problem:
            self._fail(asker, Result.BAD_REQUEST, problem)
        else:
            self._take(asker)

    def _take(self, asker: Asker) -> None:
        if self._asker is not None or self._waiting.qsize():
            asker.feedback(stage="waiting")
        self._waiting.put(asker)

    # -- answering, in the thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while (asker := self._waiting.get()) is not None:
            if asker.cancelled.is_set():
                continue
            self._asker = asker
            try:
                self._answer(asker)
            except QuestionNotUnderstoodError as error:
                self._fail(asker, Result.NOT_UNDERSTOOD, str(error))
            except LanguageModelError as error:
                self._fail(asker, Result.MODEL_UNAVAILABLE, str(error))
            except MemoryUnavailableError as error:
                self._fail(asker, Result.MEMORY_UNAVAILABLE, str(error))
            except CancelledError:
                self.counts["cancelled"] += 1
            except Exception:
                # The thread must outlive a question that breaks something; nobody above would say what.
                self.get_logger().error(traceback.format_exc())
                self._fail(asker, Result.FAILED, "answering broke; the node's log says where")
            self._asker = None

    def _answer(self, asker: Asker) -> None:
        started = time.monotonic()
        self._looked_s, self._looked = 0.0, ""
        asker.feedback(stage="recalling")
        answer = self._answering.answer(self._asked(asker), self.get_clock().now().nanoseconds)
        asker.feedback(stage="wording")
        elapsed_s = time.monotonic() - started
        self._routes[answer.details.get("route", "rules")] += 1
        self._time.add((elapsed_s - self._looked_s) * 1e3)
        asker.conclude(result_message(answer, elapsed_s, self._looked))
        try:
            self._view.show(answer, self.get_clock().now().nanoseconds)
        except MemoryUnavailableError:
            self.counts["answers not shown"] += 1

    def _asked(self, asker: Asker) -> Asked:
        goal = asker.request

        def on_call(number: int, call: str, line: str) -> None:
            asker.feedback(stage="calling", number=number, call=call[:512], result=line[:512])

        think = goal.think if goal.think not in ("", "auto") else self.config.think
        budget_s = float(goal.time_budget_s) or self.config.time_budget_s
        return Asked(goal.question, goal.dialogue, think, budget_s, asker.cancelled, on_call)

    def _look(self, thing: str) -> bool:
        """Go and see; whether that was done, so that answering again makes sense."""
        asker = self._asker
        assert self._looker is not None and asker is not None
        look, started = self.config.look, time.monotonic()
        asker.feedback(stage="looking", call=thing[:512])
        outcome = self._looker.look(
            thing,
            look.time_limit_s,
            look.budget_m,
            asker.cancelled,
            lambda line: asker.feedback(stage="looking", call=thing[:512], result=line[:512]),
        )
        self._looked_s += time.monotonic() - started
        self.counts["looks found" if outcome.found else "looks without finding"] += 1
        if asker.cancelled.is_set():
            raise CancelledError("cancelled while looking")
        self._looked = f"looked for {thing}: {outcome.problem or 'found'}"
        return outcome.drove

    def _fail(self, asker: Asker, code: int, message: str) -> None:
        self.counts[f"error_{code}"] += 1
        asker.conclude(_failure(code, message))


def _failure(code: int, message: str) -> AnswerQuestion.Result:
    return Result(error_code=code, message=message[:1024], state=str(AnswerState.UNKNOWN))


def problem_of(goal: AnswerQuestion.Goal) -> str:
    """Why a goal makes no sense, in a sentence; empty if it does."""
    if not goal.question.strip():
        return "the question is empty"
    if len(goal.question) > 1024 or len(goal.dialogue) > 64:
        return "a question has at most 1024 characters, the name of a dialogue at most 64"
    if goal.think not in ("", *THINK):
        return f"think must be one of {', '.join(THINK)}, got {goal.think!r}"
    if not (math.isfinite(goal.time_budget_s) and goal.time_budget_s >= 0):
        return f"time_budget_s must be 0 (the node's own) or seconds, got {goal.time_budget_s}"
    return ""


def result_message(answer: Answer, elapsed_s: float, note: str = "") -> AnswerQuestion.Result:
    """Answer -> result of the action; ``note`` is what else there is to say of its course."""
    unknown = answer.state is AnswerState.UNKNOWN
    reason = str(answer.details.get("stopped", "")) or str(answer.details.get("knowledge", {}).get("reason", ""))
    return Result(
        error_code=Result.NONE,
        message=(note or str(answer.details.get("model_failed", "")))[:1024],
        answer=answer.text[:8192],
        state=str(answer.state),
        confidence=float(answer.confidence),
        value_json=json.dumps(answer.value),
        evidence=[evidence_message(evidence) for evidence in answer.evidence],
        calls=[text[:512] for text in answer.calls],
        pictures=picture_ids(answer),
        model=str(answer.details.get("model", ""))[:256],
        route=str(answer.details.get("route", "")),
        reason=reason[:32] if unknown else "",
        elapsed_s=elapsed_s,
    )


def spoken(result: AnswerQuestion.Result) -> str:
    """A result as a person reads it on a topic."""
    if result.error_code != Result.NONE:
        return str(result.message)
    return f"{result.answer} ({result.state}, confidence {result.confidence:.2f})"


def main() -> None:
    """Entry point of ``reasoner_node``."""
    sys.exit(run_node(ReasonerNode))


if __name__ == "__main__":
    main()
