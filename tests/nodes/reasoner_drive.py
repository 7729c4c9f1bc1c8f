"""A map of one chair, a reasoner node over it, a client of its action, and an explorer that only says how it went."""

from __future__ import annotations

from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.parameter import Parameter

from memory_agent_msgs.action import AnswerQuestion, Explore
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.reasoner_node import ReasonerNode

SECOND = 1_000_000_000


class Asking:
    """A reasoner node and a client of its action."""

    def __init__(self, graph, active=True, **parameters):
        settings = {"query_timeout_s": 1.0, "model": "none", **parameters}
        self.graph = graph
        self.node = graph.add(
            ReasonerNode(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()])
        )
        assert bring_up(self.node) if active else self.node.trigger_configure()
        self.client = ActionClient(graph.helper, AnswerQuestion, "answer_question")
        self.feedback = []

    @property
    def stages(self):
        return [feedback.stage for feedback in self.feedback]

    def send(self, question, **goal):
        self.graph.until(self.client.server_is_ready)
        sent = self.client.send_goal_async(
            AnswerQuestion.Goal(question=question, **goal),
            feedback_callback=lambda message: self.feedback.append(message.feedback),
        )
        self.graph.until(sent.done)
        return sent.result()

    def ask(self, question, **goal):
        """The result; rclpy drops feedback that comes after it, so only the beginning of the feedback is sure."""
        ended = self.send(question, **goal).get_result_async()
        self.graph.until(ended.done)
        return ended.result()

    def close(self):
        self.client.destroy()


class FakeExplorer:
    """The ``explore`` action; each search ends as ``found`` says, or never (``found=None``) until it is cancelled."""

    def __init__(self, graph, found=True, on_search=lambda: None):
        self.goals, self.kept, self.cancelled = [], [], 0
        self._found, self._on_search = found, on_search
        self.server = ActionServer(
            graph.helper,
            Explore,
            "explore",
            execute_callback=self._finish,
            handle_accepted_callback=self._begin,
            cancel_callback=self._cancel,
        )

    def _begin(self, handle):
        self.goals.append(handle.request)
        if self._found is None:
            self.kept.append(handle)
            return
        handle.publish_feedback(Explore.Feedback(reason="nearest_frontier", travelled_m=1.5))
        self._on_search()
        handle.execute()

    def _cancel(self, handle):
        self.cancelled += 1
        for kept in self.kept:
            kept.execute()
        return CancelResponse.ACCEPT

    def _finish(self, handle):
        if handle.is_cancel_requested:
            handle.canceled()
            return Explore.Result(error_code=Explore.Result.CANCELLED)
        handle.succeed() if self._found else handle.abort()
        code = Explore.Result.NONE if self._found else Explore.Result.NOT_FOUND
        message = "" if self._found else "nothing of the kind"
        return Explore.Result(error_code=code, found=bool(self._found), message=message, travelled_m=2.0)
