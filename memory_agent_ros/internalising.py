"""The language model that adapters are for, with its hypernetworks: what commands and nodes load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from memory_agent_ros.adapters.adapter import Adapter
    from memory_agent_ros.adapters.document import DocumentToLora
    from memory_agent_ros.adapters.internaliser import Kit
    from memory_agent_ros.adapters.memory import MemoryToLora
    from memory_agent_ros.adapters.prompts import Prompts
    from memory_agent_ros.reasoning.language.embedded import LoadedModel


class PromptedWording:
    """Questions and answers as a base model learnt them, without any passage.

    Args:
        prompts: of the model.
        tokenizer: of the model.
    """

    def __init__(self, prompts: Prompts, tokenizer: Any) -> None:
        self._prompts, self._tokenizer = prompts, tokenizer

    def question(self, text: str) -> list[int]:
        """Up to where the answer begins."""
        return self._prompts.asked(None, text)

    def answer(self, text: str) -> list[int]:
        """As the model would write it."""
        return self._prompts.answer(text)

    def text(self, ids: Sequence[int]) -> str:
        """Its first line."""
        told = str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()
        return told.partition("\n")[0].strip()

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether a line has ended."""
        told = str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
        return bool(ids) and (ids[-1] == self._tokenizer.eos_token_id or "\n" in told.lstrip())


class DocumentWriter:
    """Writes texts into adapters whose chunks have keys.

    Args:
        network: with its weights.
        embedder: makes the keys.
        made_by: name and hash of the weights.
    """

    def __init__(self, network: DocumentToLora, embedder: TextEmbedder, made_by: str) -> None:
        self._network, self._embedder, self._made_by = network, embedder, made_by

    def adapter(self, text: str, name: str) -> Adapter:
        """See :class:`~memory_agent_ros.adapters.makers.DocumentMaker`."""
        return self._network.adapter(text, name, self._embedder, made_by=self._made_by)


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
        from memory_agent_ros.adapters.relevance import EmbeddedRelevance
    except ImportError as error:
        raise MissingExtraError(f"adapters need {error.name}: pip install 'memory_agent_ros[language]'") from error
    loaded = load_embedded(reader_adapter(), threads=threads, progress=progress)
    adapted, prompts = AdaptedModel(loaded.model), embedded_prompts(loaded.tokenizer)
    embedder = MiniLmEmbedder.from_package()
    wording, relevance = PromptedWording(prompts, loaded.tokenizer), EmbeddedRelevance(embedder)
    memory, documents = _memory(adapted, loaded, prompts, embedder), _documents(adapted, prompts, embedder)
    return Kit(loaded.name, adapted, wording, relevance, memory, documents, embedder.embed_texts)


def embedded_prompts(tokenizer: Any) -> Prompts:
    """As the embedded reader learnt them: facts line by line, the question, and the answer until the line ends."""
    from memory_agent_ros.adapters.prompts import Prompts, sentences
    from memory_agent_ros.reasoning.language.encoding import Encoder
    from memory_agent_ros.reasoning.transcript import context_text

    encoder = Encoder(tokenizer)

    def lines(passage: str | None) -> list[str]:
        return [s[:1].upper() + s[1:] for s in sentences(passage or "")]

    return Prompts(
        lambda passage: encoder.text("Memory:\n" + "".join(f"- {line}\n" for line in lines(passage))),
        lambda passage, question: encoder.text(context_text(lines(passage), question[:1].upper() + question[1:])),
        lambda answer: [*encoder.text(f" {answer}"), *encoder.text("\n")],
    )


def _memory(adapted: Any, loaded: LoadedModel, prompts: Prompts, embedder: TextEmbedder) -> MemoryToLora | None:
    from memory_agent_ros.adapters.internaliser import weights_name
    from memory_agent_ros.adapters.memory import MemoryToLora
    from memory_agent_ros.reasoning.language.embedded import weights_folder

    path = weights_folder() / weights_name("memory")
    if not path.is_file():
        return None
    return MemoryToLora.load(path, adapted, loaded.tokenizer, prompts, base=loaded.name, text_embedder=embedder)


def _documents(adapted: Any, prompts: Prompts, embedder: TextEmbedder) -> DocumentWriter | None:
    from memory_agent_ros.adapters.document import load_document_network, weights_hash
    from memory_agent_ros.adapters.internaliser import weights_name
    from memory_agent_ros.reasoning.language.embedded import weights_folder

    path = weights_folder() / weights_name("document")
    if not path.is_file():
        return None
    network = load_document_network(path, adapted, prompts)
    return DocumentWriter(network, embedder, f"document_lora {weights_hash(path)}")
