"""``adapter_node``: the memory and texts, written into adapters of a language model, and answers out of them.

Listens to ``memory/events`` and makes anew the chunks of places where something happened; what was forgotten is in no
chunk before the next question is asked. Work is done one piece after another in a thread of its own, questions and
refreshes in turn, so that the executor can carry the answers of the memory; models are loaded there too.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memory_agent_msgs.msg import MemoryEvent as MemoryEventMessage
from memory_agent_msgs.srv import DropAdapter, Internalize, ListAdapters, RecallAdapters
from memory_agent_ros.adapters.closed_book import ClosedBookConfig
from memory_agent_ros.adapters.internaliser import ERASING, Internaliser, Kit, text_of
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary, Refreshed
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.adapter_config import AdapterNodeConfig
from memory_agent_ros.nodes.adapter_messages import adapter_message, chunk_message
from memory_agent_ros.nodes.conversions import event_from_message
from memory_agent_ros.nodes.diagnostics import Timing
from memory_agent_ros.nodes.later import Later, answered_later
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.remote_adapters import SERVICE
from memory_agent_ros.nodes.remote_memory import RemoteMemory
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.records.event import EventKind, MemoryEvent

#: Events of things that were seen, and how many of them are remembered between two questions.
_SEEING = (EventKind.ADDED, EventKind.UPDATED, EventKind.MOVED)
_SEEN = 64


class AdapterNode(AgentNode[AdapterNodeConfig]):
    """See the module's docstring."""

    node_name = "adapter_node"
    config_class = AdapterNodeConfig

    def make_kit(self) -> Kit:
        """The language model and its hypernetworks; called in the thread, takes seconds.

        Raises:
            BadInputError, MissingExtraError: they cannot be loaded; the message says why.
        """
        from memory_agent_ros.internalising import load_kit

        return load_kit(threads=self.config.threads)

    def setup(self) -> None:
        """Offer the services, begin to load the language model."""
        self.memory = RemoteMemory(self, timeout_s=self.config.query_timeout_s, with_appearance=True)
        self._temporary = contextlib.ExitStack()
        folder = self.config.folder or self._temporary.enter_context(tempfile.TemporaryDirectory(prefix="adapters."))
        self._library = AdapterLibrary(Path(folder).expanduser())
        self._internaliser: Internaliser | None = None
        self._model = "loading"
        self._events: list[MemoryEvent] = []
        self._seen: deque[str] = deque(maxlen=_SEEN)
        self._refreshing = self._everything = False
        self._timings = {name: Timing() for name in ("refresh", "recall", "internalize")}
        self._last = "never"
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._serve(Internalize, "adapters/internalize", self._internalize)
        self._serve(ListAdapters, "adapters/list", self._list)
        self._serve(DropAdapter, "adapters/drop", self._drop)
        self._serve(RecallAdapters, SERVICE, self._recall)
        self._jobs.put(self._load)
        self._worker = threading.Thread(target=self._work, name="adapters", daemon=True)
        self._worker.start()

    def start(self) -> None:
        """Listen to the memory's events; bring its adapter up to date."""
        self.waiting.add("memory", self._memory_problem)
        self.waiting.add("model", lambda: None if self._internaliser else f"language model: {self._model}")
        self.subscribe(MemoryEventMessage, "memory/events", self._on_event, qos.reliable(100), required=False)
        self.every(self.config.refresh_period_s, self._on_period, clock=self.steady_clock)
        self._everything = True
        self._refresh_soon()

    def teardown(self) -> None:
        """End the thread; adapters without a folder go."""
        worker = getattr(self, "_worker", None)
        if worker is None:
            return
        self.memory.interrupt()
        self._jobs.put(None)
        worker.join(timeout=5.0)
        self.memory.close()
        self._temporary.close()
        del self._worker

    def status(self) -> dict[str, object]:
        """Adapters, times, the model."""
        if not hasattr(self, "_worker"):
            return {}
        values: dict[str, object] = {f"time {name}": timing.summary() for name, timing in self._timings.items()}
        values |= {
            "language model": self._model,
            "folder": str(self._library.folder),
            "adapters": ", ".join(self._library.names()) or "none",
            "requests waiting": max(0, self._jobs.qsize()),
            "events waiting": len(self._events),
            "last refresh": self._last,
        }
        return values

    # -- on the executor -------------------------------------------------------------------------------------------

    def _serve(self, service_type: Any, name: str, work: Callable[[Any, Any], None]) -> None:
        """A service whose requests are worked on in the thread, one after another."""

        def on_request(request: Any, response: Any) -> Any:
            problem = self._problem_of_asking()
            if problem:
                response.success, response.message = False, problem
                return response
            later = Later()
            self._jobs.put(lambda: later.conclude(self._answered(work, request, response)))
            return later

        answered_later(self.serve(service_type, name, on_request))

    def _problem_of_asking(self) -> str:
        if self.state != "active":
            return "the adapter node is not active; activate it"
        if self._jobs.qsize() >= self.config.queue:
            self.counts["refused"] += 1
            return "the adapter node is still busy with other requests; ask again later"
        return ""

    def _on_event(self, message: MemoryEventMessage) -> None:
        try:
            event = event_from_message(message)
        except BadInputError as error:
            self.counts[error.reason] += 1
            return
        if event.kind in _SEEING:
            self._seen.append(event.label)
        if event.kind is EventKind.UPDATED:
            return
        self.counts[f"event_{event.kind}"] += 1
        self._events.append(event)
        if event.kind is EventKind.FORGOTTEN:
            self._unsee()
        if event.kind in ERASING:
            self._refresh_soon()

    def _unsee(self) -> None:
        """Keep nothing of what was heard: which of it was forgotten, the memory cannot tell any more."""
        self._everything = True
        self._events.clear()
        self._seen.clear()
        if self._internaliser is not None:
            self._jobs.put(self._internaliser.unsee)

    def _on_period(self) -> None:
        if (self._events or self._everything) and not self._refreshing:
            self._refresh_soon()

    def _refresh_soon(self) -> None:
        self._refreshing = True
        self._jobs.put(self._refresh)

    def _memory_problem(self) -> str | None:
        return None if self.memory.available else f"service {self.memory.service_name}: nobody offers it"

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except MemoryAgentError as error:
                self.counts["failed"] += 1
                self.get_logger().warning(str(error), throttle_duration_sec=10.0)
            except Exception:
                # The thread must outlive a piece of work that breaks; nobody above would say what.
                self.counts["broken"] += 1
                self.get_logger().error(traceback.format_exc())

    def _load(self) -> None:
        try:
            kit = self.make_kit()
        except MemoryAgentError as error:
            self._model = f"failed: {error}"
            raise
        config = ClosedBookConfig(most_chunks=self.config.most_chunks)
        self._internaliser = Internaliser(kit, self._library, config, by_place=self.config.by_place)
        self._model = kit.base
        self.get_logger().info(f"adapters are for {kit.base}; hypernetworks: {kit.networks}")

    def _ready(self) -> Internaliser:
        if self._internaliser is None:
            raise BadInputError("model_unavailable", f"the language model is not there: {self._model}")
        return self._internaliser

    def _answered(self, work: Callable[[Any, Any], None], request: Any, response: Any) -> Any:
        """A refused request answers ``success: false`` with the reason."""
        try:
            work(request, response)
            response.success = True
        except MemoryAgentError as error:
            response.success, response.message = False, str(error)
        except Exception:
            self.get_logger().error(traceback.format_exc())
            response.success, response.message = False, "it broke; the node's log says where"
        return response

    def _refresh(self) -> None:
        """Make anew what events touched, or all that changed; what cannot be done now the next period tries again."""
        self._refreshing = False
        internaliser, events, everything = self._ready(), self._events, self._everything
        self._events, self._everything = [], False
        try:
            if MEMORY in self._library.names():
                internaliser.settle(self.memory)
            if self.config.refresh and internaliser.writes_memory:
                touched = None if everything else internaliser.touched(self.memory, events)
                self._done(internaliser.internalise_memory(self.memory, touched))
        except MemoryAgentError:
            self._everything = True
            raise

    def _done(self, done: Refreshed) -> None:
        self._timings["refresh"].add(done.elapsed_s * 1e3)
        self.counts["chunks made"] += len(done.made)
        if done.made or done.dropped:
            self._last = f"made {', '.join(done.made) or 'nothing'}; dropped {', '.join(done.dropped) or 'nothing'}"

    def _internalize(self, request: Internalize.Request, response: Internalize.Response) -> None:
        internaliser, started = self._ready(), time.perf_counter()
        if request.path and request.text:
            raise BadInputError("internalize_both", "give either a path or a text")
        if not (request.path or request.text):
            if request.name not in ("", MEMORY):
                raise BadInputError(
                    "internalize_name", f"the adapter of the memory is called {MEMORY!r}; leave name empty"
                )
            done = internaliser.internalise_memory(self.memory)
            self._done(done)
            name, response.made = MEMORY, list(done.made)
            if name not in self._library.names():
                raise BadInputError("memory_empty", "the memory holds nothing yet")
        else:
            name, text = text_of(request.name, request.path, request.text)
            response.made = list(internaliser.internalise_text(text, name).names)
        response.elapsed_s = time.perf_counter() - started
        self._timings["internalize"].add(response.elapsed_s * 1e3)
        response.adapter = adapter_message(name, self._library.get(name))

    def _list(self, request: ListAdapters.Request, response: ListAdapters.Response) -> None:
        response.adapters = [adapter_message(name, adapter) for name, adapter in self._library.adapters().items()]

    def _drop(self, request: DropAdapter.Request, response: DropAdapter.Response) -> None:
        self._library.drop(request.name, request.chunk)
        response.message = f"dropped {request.name}{' / ' * bool(request.chunk)}{request.chunk}"

    def _recall(self, request: RecallAdapters.Request, response: RecallAdapters.Response) -> None:
        internaliser, started = self._ready(), time.perf_counter()
        response.relevance = -1.0
        if MEMORY in self._library.names():
            internaliser.settle(self.memory)
        internaliser.saw([self._seen.popleft() for _ in range(len(self._seen))])
        if request.relevance_only:
            relevance = internaliser.book.relevance(request.question)
            response.relevance = -1.0 if relevance is None else relevance
            return
        recall = internaliser.book.recall(request.question, list(request.choices))
        if recall is None:
            return
        response.relevance, response.share, response.answer = recall.relevance, recall.share, recall.text
        response.probabilities = [recall.probabilities[choice] for choice in request.choices]
        response.chunks = [chunk_message(source) for source in recall.sources]
        self._timings["recall"].add((time.perf_counter() - started) * 1e3)


def main() -> None:
    """Entry point of ``adapter_node``."""
    sys.exit(run_node(AdapterNode))


if __name__ == "__main__":
    main()
