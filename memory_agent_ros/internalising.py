"""The language model that adapters are for, with its hypernetworks: what commands and nodes load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

    from memory_agent_ros.adapters.internaliser import Kit

#: Alikeness of a question and what a chunk speaks of at which either is as likely, and how fast it grows there: of
#: MiniLM's vectors, questions after things of a chunk lie above 0.5, others below 0.4.
_EVEN, _SLOPE = 0.46, 20.0


class KeyRelevance:
    """How relevant chunks are to a question: by what of them is most alike to it.

    Args:
        embedder: the one that made the keys.
    """

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder

    def of(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        """See :class:`~memory_agent_ros.adapters.closed_book.Relevance`; 0 for a chunk without keys."""
        asked = self._embedder.embed_texts([question])[0]
        alike = [-1.0 if key is None or not len(key) else float((key.float().numpy() @ asked).max()) for key in keys]
        return [0.0 if a < 0 else float(1.0 / (1.0 + np.exp(-_SLOPE * (a - _EVEN)))) for a in alike]


class ReaderWording:
    """Questions and answers as the embedded reader learnt them, without any facts.

    Args:
        tokenizer: of the reader.
    """

    def __init__(self, tokenizer: Any) -> None:
        from memory_agent_ros.reasoning.language.encoding import Encoder

        self._tokenizer, self._encoder = tokenizer, Encoder(tokenizer)

    def question(self, text: str) -> list[int]:
        """Up to where the answer begins."""
        from memory_agent_ros.reasoning.transcript import context_text

        return self._encoder.text(context_text((), text[:1].upper() + text[1:]))

    def answer(self, text: str) -> list[int]:
        """With the end of its line."""
        return [*self._encoder.text(f" {text}"), *self._encoder.text("\n")]

    def text(self, ids: Sequence[int]) -> str:
        """Its first line."""
        told = str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()
        return told.partition("\n")[0].strip()

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether a line has ended."""
        told = str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
        return bool(ids) and (ids[-1] == self._tokenizer.eos_token_id or "\n" in told.lstrip())


def load_kit(*, threads: int = 1, progress: bool = False) -> Kit:
    """The embedded reader with the hypernetworks whose weights are there.

    Args:
        threads: of torch in this process.
        progress: show a bar while the model is converted.

    Raises:
        MissingExtraError: a package is not installed.
        BadInputError: weights are of another model or version.
    """
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
    from memory_agent_ros.reasoning.language.embedded import load_embedded, reader_adapter

    try:
        from memory_agent_ros.adapters.application import AdaptedModel
        from memory_agent_ros.adapters.internaliser import Kit
    except ImportError as error:
        raise MissingExtraError(f"adapters need {error.name}: pip install 'memory_agent_ros[language]'") from error
    loaded = load_embedded(reader_adapter(), threads=threads, progress=progress)
    adapted = AdaptedModel(loaded.model)
    return Kit(loaded.name, adapted, ReaderWording(loaded.tokenizer), KeyRelevance(MiniLmEmbedder.from_package()))
