"""``memory-agent ask --live``: questions to a running reasoner node, its calls printed as they happen."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.nodes.conversions import evidence_from_message
from memory_agent_ros.records.errors import MemoryAgentError

#: Wall seconds in which a reasoner node must be heard of, and take the question.
_PATIENCE_S = 10.0
#: Evidence lines printed.
_EVIDENCE = 3


class ReasonerNotThereError(MemoryAgentError):
    """No reasoner node is heard of, or it does not take the question; the message says what to do."""


class LiveAsker:
    """Asks a running reasoner node; a context manager with a ROS context of its own.

    Args:
        namespace: of the node.
        context: another ROS context to use, which stays open.
    """

    def __init__(self, namespace: str = "", context: Context | None = None) -> None:
        self._namespace = namespace
        self._own = context is None
        self._context = context or Context()

    def __enter__(self) -> LiveAsker:
        if self._own:
            no_handlers = rclpy.signals.SignalHandlerOptions.NO
            rclpy.init(context=self._context, signal_handler_options=no_handlers)
        name = f"ask_{time.monotonic_ns() % 1_000_000}"
        self._node = Node(name, context=self._context, namespace=self._namespace, enable_rosout=False)
        self._client = ActionClient(self._node, AnswerQuestion, "answer_question")
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(timeout_sec=2.0)
        self._client.destroy()
        self._node.destroy_node()
        if self._own:
            self._context.try_shutdown()

    def ask(self, goal: AnswerQuestion.Goal, on_feedback: Callable[[AnswerQuestion.Feedback], None]) -> Any:
        """Put a question and wait for the result; Ctrl-C cancels it.

        Raises:
            ReasonerNotThereError: nobody offers the action or takes the goal.
        """
        self._until(self._client.server_is_ready, "no reasoner node is heard of; start `memory-agent up` first")
        sent = self._client.send_goal_async(goal, feedback_callback=lambda m: on_feedback(m.feedback))
        self._until(sent.done, "the reasoner node did not take the question")
        handle = sent.result()
        if not handle.accepted:
            raise ReasonerNotThereError("the reasoner node has too many questions; ask again")
        ended: Future = handle.get_result_async()
        try:
            while not ended.done():
                self._executor.spin_once(timeout_sec=0.1)
        except KeyboardInterrupt:
            cancelled = handle.cancel_goal_async()
            self._executor.spin_until_future_complete(cancelled, timeout_sec=2.0)
            raise
        return ended.result().result

    def _until(self, condition: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            self._executor.spin_once(timeout_sec=0.05)
            if time.monotonic() > deadline:
                raise ReasonerNotThereError(complaint)


def ask_live(
    questions: Iterable[str],
    *,
    namespace: str = "",
    dialogue: str = "",
    think: str = "auto",
    budget_s: float = 0.0,
    as_json: bool = False,
    context: Context | None = None,
) -> int:
    """Ask one question after another; answers go to stdout, calls as they happen to stderr.

    Returns:
        0 if every question was answered (*unknown* is an answer), 1 if one was not.
    """
    code = 0
    with LiveAsker(namespace, context) as asker:
        for question in questions:
            goal = AnswerQuestion.Goal(question=question, dialogue=dialogue, think=think, time_budget_s=budget_s)
            result = asker.ask(goal, _print_feedback)
            print(json.dumps(result_dict(result)) if as_json else result_text(result), flush=True)
            code = code or int(result.error_code != AnswerQuestion.Result.NONE)
    return code


def _print_feedback(feedback: AnswerQuestion.Feedback) -> None:
    line = feedback_text(feedback)
    if line:
        print(line, file=sys.stderr, flush=True)


def feedback_text(feedback: AnswerQuestion.Feedback) -> str:
    """A line about what happens, "" for what needs none."""
    if feedback.stage == "calling":
        return f"  {feedback.number}. {feedback.call}\n     = {feedback.result}"
    if feedback.stage == "looking":
        return f"  looking for {feedback.call}" + (f": {feedback.result}" if feedback.result else "")
    return "  waiting: another question is worked on" if feedback.stage == "waiting" else ""


def result_text(result: AnswerQuestion.Result) -> str:
    """The sentence with its state, confidence and best evidence, for a terminal."""
    if result.error_code != AnswerQuestion.Result.NONE:
        return f"no answer (code {result.error_code}): {result.message}"
    how = f", {result.model}" if result.model else ""
    why = f", {result.reason}" if result.reason else ""
    lines = [
        result.answer,
        f"  {result.state}{why}, confidence {result.confidence:.2f}, {result.elapsed_s:.1f} s{how}",
    ]
    if result.message:
        lines.append(f"  {result.message}")
    for message in result.evidence[:_EVIDENCE]:
        item = evidence_from_message(message)
        x, y, z = item.object_pose.position_m
        lines.append(
            f"  evidence: object {item.object_id} at ({x:.2f}, {y:.2f}, {z:.2f}) m in {item.object_pose.frame_id}, "
            f"picture {item.keyframe_id}, {item.stamp_ns / 1e9:.1f} s"
        )
    return "\n".join(lines)


def result_dict(result: AnswerQuestion.Result) -> dict[str, Any]:
    """JSON-ready form, with the keys of ``memory-agent ask --json`` and how the answer came about."""
    return {
        "answer": result.answer,
        "state": result.state,
        "confidence": round(float(result.confidence), 4),
        "evidence": [evidence_from_message(message).to_dict() for message in result.evidence],
        "value": json.loads(result.value_json) if result.value_json else None,
        "calls": list(result.calls),
        "pictures": [int(i) for i in result.pictures],
        "model": result.model,
        "route": result.route,
        "reason": result.reason,
        "elapsed_s": round(float(result.elapsed_s), 3),
        "error": {"code": int(result.error_code), "message": result.message} if result.error_code else None,
    }
