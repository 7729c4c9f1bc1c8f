"""Models that are loaded when they are first needed: many questions need none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from memory_agent_ros.reasoning.language.model import (
    Emission,
    EntityNames,
    LanguageModel,
    LanguageModelError,
    Reading,
    Talk,
    TalkingModel,
)
from memory_agent_ros.reasoning.refusing import Refusal, RefusingModel
from memory_agent_ros.reasoning.tools.workspace import Looker
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.records.map_object import MapObject


class LazyModel:
    """A language model that is loaded at its first call.

    Args:
        name: until it is loaded.
        load: loads it.
    """

    def __init__(self, name: str, load: Callable[[], LanguageModel]) -> None:
        self._name, self._load = name, load

    @functools.cached_property
    def _model(self) -> LanguageModel:
        try:
            model = self._load()
        except (MissingExtraError, BadInputError) as error:
            raise LanguageModelError(str(error)) from error
        self._name = model.name
        return model

    @property
    def name(self) -> str:
        """Which model."""
        return self._name

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        """See :class:`~memory_agent_ros.reasoning.language.model.LanguageModel`.

        Raises:
            LanguageModelError: also where the model cannot be loaded.
        """
        return self._model.next_call(transcript, names)

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        """See :class:`~memory_agent_ros.reasoning.language.model.LanguageModel`.

        Raises:
            LanguageModelError: also where the model cannot be loaded.
        """
        return self._model.read(facts, question, choices)

    def talk(self) -> Talk | None:
        """See :class:`~memory_agent_ros.reasoning.language.model.TalkingModel`.

        Raises:
            LanguageModelError: the model cannot be loaded.
        """
        return self._model.talk() if isinstance(self._model, TalkingModel) else None

    def refusal(self, transcript: Transcript) -> Refusal | None:
        """See :class:`~memory_agent_ros.reasoning.refusing.RefusingModel`.

        Raises:
            LanguageModelError: the model cannot be loaded.
        """
        return self._model.refusal(transcript) if isinstance(self._model, RefusingModel) else None


class LazyLooker:
    """A reader of pictures that is loaded at the first look."""

    def __init__(self, load: Callable[[], Looker]) -> None:
        self._load = load

    @functools.cached_property
    def _looker(self) -> Looker:
        return self._load()

    def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
        """See :class:`~memory_agent_ros.reasoning.tools.workspace.Looker`."""
        return self._looker.look(obj, aspect)
