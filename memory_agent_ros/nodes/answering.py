"""The reasoner behind the node: models loaded in the background, dialogues kept apart, the course of each answer."""

from __future__ import annotations

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

from memory_agent_ros.nodes.reasoner_config import ReasonerNodeConfig
from memory_agent_ros.nodes.remote_memory import RemoteMemory
from memory_agent_ros.reasoning.acting import LOOK, ActingTools
from memory_agent_ros.reasoning.calls import ToolCall, format_call
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.internalised import Internalised
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.language.model import LanguageModel
from memory_agent_ros.reasoning.language.models import language_model, model_name
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.self_knowledge import shipped_self_knowledge
from memory_agent_ros.reasoning.tools.workspace import Looker
from memory_agent_ros.reasoning.vision.readers import reader_name, vision_reader
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.errors import MemoryAgentError


class CancelledError(MemoryAgentError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Asked:
    """A question with all that was asked about it.

    Attributes:
        question: in words.
        dialogue: name of the dialogue it belongs to; "" for none.
        think: auto, always or never.
        budget_s: wall seconds for the answer.
        cancelled: set when nobody waits any more.
        on_call: told of each call as it happens: its number from 1, the call, what it gave in a line.
    """

    question: str
    dialogue: str = ""
    think: str = "auto"
    budget_s: float = 10.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    on_call: Callable[[int, str, str], None] = lambda number, call, line: None


@dataclass(frozen=True)
class Models:
    """What was loaded."""

    language: LanguageModel | None = None
    vision: Looker | None = None
    meaning: Meaning | None = None


class Answering:
    """Answers questions one after another; models are loaded in a thread, until then templates and tools serve.

    Args:
        memory: what is asked.
        config: of the node.
        log: told a line when the models are there, or why they are not.
        look: goes to see a thing by its name, and says whether that was done; used only where ``config`` allows it.
        internalised: adapters that may be asked; none by default.
    """

    def __init__(
        self,
        memory: RemoteMemory,
        config: ReasonerNodeConfig,
        log: Callable[[str], None],
        look: Callable[[str], bool],
        internalised: Internalised | None = None,
    ) -> None:
        self._memory, self._config, self._log = memory, config, log
        self._internalised = internalised
        self._acting = ActingTools({LOOK: look}, config.allowed)
        self._dialogues: OrderedDict[str, Dialogue] = OrderedDict()
        self._reasoner = self._made(Models())
        self.model = ""
        self.models = "none"
        self._wanted = model_name(config.model), reader_name(config.vision)
        if self._wanted != ("none", "none"):
            self.models = "loading"
            threading.Thread(target=self._load, name="models", daemon=True).start()

    @property
    def dialogues(self) -> int:
        """Dialogues that are kept."""
        return len(self._dialogues)

    def answer(self, asked: Asked, now_ns: int) -> Answer:
        """Answer one question.

        Raises:
            QuestionNotUnderstoodError: nobody could read it.
            LanguageModelError: thinking was asked for, and there is no model or it failed.
            CancelledError: nobody waits any more.
        """

        def on_call(number: int, call: ToolCall, line: str) -> None:
            if asked.cancelled.is_set():
                raise CancelledError("cancelled between two calls")
            asked.on_call(number, format_call(call), line)

        think = cast(Literal["auto", "always", "never"], asked.think)
        dialogue = self._dialogue(asked.dialogue)
        return self._reasoner.answer(asked.question, now_ns, dialogue, on_call, think=think, budget_s=asked.budget_s)

    def _dialogue(self, name: str) -> Dialogue | None:
        """The dialogue of that name; the one not used for longest makes place for a new one."""
        if not name:
            return None
        dialogue = self._dialogues.pop(name, None) or Dialogue()
        self._dialogues[name] = dialogue
        while len(self._dialogues) > self._config.dialogues:
            self._dialogues.popitem(last=False)
        return dialogue

    def _made(self, models: Models) -> Reasoner:
        return Reasoner(
            self._memory,
            models.language,
            models.vision,
            budget_s=self._config.time_budget_s,
            meaning=models.meaning,
            acting=self._acting,
            knowing=shipped_self_knowledge(models.language is not None, self._config.general_knowledge),
            own_words=self._config.own_words,
            internalised=self._internalised,
        )

    # -- loading, in a thread -------------------------------------------------------------------------------------

    def _load(self) -> None:
        started = time.monotonic()
        try:
            models = load_models(*self._wanted, self._config, self._memory)
        except MemoryAgentError as error:
            self.models = f"failed: {error}"
            self._log(f"answering without models: {error}")
            return
        except Exception:
            # A model can break in ways of its own; the node answers without it, and says so.
            self.models = "failed: see the node's log"
            self._log(traceback.format_exc())
            return
        self.model = models.language.name if models.language is not None else ""
        self._reasoner = self._made(models)
        self.models = "ready"
        self._log(f"models ready after {time.monotonic() - started:.0f} s: {self.model or 'no language model'}")


def load_models(model: str, vision: str, config: ReasonerNodeConfig, memory: RemoteMemory) -> Models:
    """The models of these names, with the other parameters as they are; takes seconds to minutes.

    Raises:
        BadInputError, MissingExtraError: one cannot be loaded; the message says why.
    """
    from memory_agent_ros.perception.factory import make_text_embedder

    language = language_model(model, refuses=config.refuse_unsafe, device=config.device, threads=config.threads)
    looker: Looker | None = None
    if vision != "none":
        from memory_agent_ros.reasoning.vision.looker import PictureLooker

        looker = PictureLooker(memory, vision_reader(vision))
    meaning = make_text_embedder(config.text_embedder) if language is not None else None
    return Models(language, looker, meaning)
