"""Models that are loaded when they are first needed: many questions need none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, LanguageModel, LanguageModelError, Reading
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


class KeptMeaning:
    """Vectors of texts, each computed once: the names of a memory are asked for with every question.

    Args:
        meaning: gives the vectors.
        most: texts whose vectors are kept; when there are more, all are let go.
    """

    def __init__(self, meaning: Meaning, most: int = 20_000) -> None:
        self._meaning, self._most = meaning, most
        self._kept: dict[str, NDArray[np.float32]] = {}

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) unit vectors."""
        new = [t for t in dict.fromkeys(texts) if t not in self._kept]
        if len(self._kept) + len(new) > self._most:
            self._kept.clear()
            new = list(dict.fromkeys(texts))
        if new:
            self._kept.update(zip(new, self._meaning.embed_texts(new), strict=True))
        return np.stack([self._kept[t] for t in texts]) if len(texts) else np.zeros((0, 1), dtype=np.float32)
