"""A causal language model of transformers in this process: it writes calls under constraint, and reads. Needs torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.attention.cached import CachedModel
from memory_agent_ros.reasoning.decoding.call_decoder import CallDecoder
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.entities import EntityIndex
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope
from memory_agent_ros.reasoning.decoding.writing import write_call
from memory_agent_ros.reasoning.language.embedded import LoadedModel, load_embedded, reader_adapter, safety_updates
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.language.instructions import instructions
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, LanguageModelError, Reading, Talk
from memory_agent_ros.reasoning.language.spans import with_span
from memory_agent_ros.reasoning.language.talk import StreamedTalk
from memory_agent_ros.reasoning.refusing import LIMIT, REASONS, REFUSE, Refusal, openings, refusal_text
from memory_agent_ros.reasoning.transcript import Transcript, context_text
from memory_agent_ros.records.errors import BadInputError, MissingExtraError


@dataclass(frozen=True)
class LocalConfig:
    """How a model is used.

    Attributes:
        instructed: put instructions and examples before each transcript; a model that was trained on them needs none.
        by_length: score choices by the mean log-probability of their tokens instead of the whole text's with its end;
            better for models that were not trained to end an answer with its line.
        reading_tokens: most tokens of an answer that is written freely.
        seconds: longest time of one call or reading.
        reuse: keep keys and values of what was read last.
    """

    instructed: bool = False
    by_length: bool = False
    reading_tokens: int = 32
    seconds: float = 30.0
    reuse: bool = True


class LocalModel:
    """A :class:`~memory_agent_ros.reasoning.language.model.LanguageModel` on this machine. Threads take turns.

    Args:
        loaded: the model.
        config: how it is used.

    Raises:
        BadInputError: ``tokenizer``: it cannot be used under constraint.
        MissingExtraError: llguidance is not installed.
    """

    def __init__(self, loaded: LoadedModel, config: LocalConfig | None = None) -> None:
        self.config = config or LocalConfig()
        self.cached = CachedModel(loaded.model, self.config.reuse)
        self._judge = CachedModel(loaded.model, self.config.reuse)  # what it keeps was read with other weights
        self._name, self._tokenizer, self._safety = loaded.name, loaded.tokenizer, loaded.safety
        self._codec = CallCodec(loaded.tokenizer)
        self._grammar = CallGrammar(self._codec)
        self._entities = EntityIndex(self._codec)
        self._encoder = Encoder(loaded.tokenizer)
        self._begin = self._encoder.text(instructions()) if self.config.instructed else []
        self._lock = threading.Lock()

    @staticmethod
    def embedded(
        config: LocalConfig | None = None, *, refuses: bool = True, threads: int = 1, progress: bool = False
    ) -> LocalModel:
        """The embedded model with the reader that comes with this package.

        Args:
            config: how it is used.
            refuses: with the updates that make it refuse unsafe requests, where they come with this package.
            threads: of torch in this process.
            progress: show a bar while it is converted.

        Raises:
            MissingExtraError: a package that it needs is not installed.
        """
        safety = safety_updates() if refuses else None
        return LocalModel(load_embedded(reader_adapter(), safety, threads=threads, progress=progress), config)

    @staticmethod
    def from_pretrained(model: str, config: LocalConfig | None = None, device: str = "cpu") -> LocalModel:
        """Read a model by its folder or, where the user names one, its id on a hub; it gets instructions.

        Raises:
            MissingExtraError: transformers is not installed.
            BadInputError: ``language_model_unavailable``.
        """
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise MissingExtraError(
                "language models need transformers: pip install 'memory_agent_ros[language]'"
            ) from error
        local = Path(model).is_dir()
        try:
            network = AutoModelForCausalLM.from_pretrained(model, local_files_only=local, dtype=torch.bfloat16)
            tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=local)
        except (OSError, ValueError) as error:
            raise BadInputError("language_model_unavailable", f"{model} cannot be loaded: {error}") from error
        loaded = LoadedModel(network.to(device).eval().requires_grad_(False), tokenizer, Path(model).name)
        return LocalModel(loaded, config or LocalConfig(instructed=True, by_length=True))

    @property
    def name(self) -> str:
        """Which model, for answers and reports."""
        return self._name

    def talk(self) -> Talk | None:
        """A dialogue in a cache of constant size; None where the cache does not know how the model places its keys."""
        own = self.config
        try:
            return StreamedTalk(
                self.cached.model, self._tokenizer, self._lock, tokens=own.reading_tokens, seconds=own.seconds
            )
        except BadInputError:
            return None

    def forget(self) -> None:
        """Let go of what was read last: the next question takes the time that it would take as the first one."""
        with self._lock:
            self.cached.forget()
            self._judge.forget()

    def refusal(self, transcript: Transcript) -> Refusal | None:
        """Why a question is refused; None where it is not, or where the model was not tuned to it."""
        if self._safety is None or (share := self.refusing(transcript)) < LIMIT:
            return None
        with self._lock, self._safety.acting():
            texts = [self._encoder.text(refusal_text(reason)) for reason in REASONS]
            scores = [float(h.sum()) for h in self._judge.continuations(self._prompt(transcript), texts)]
        return Refusal(list(REASONS)[int(np.argmax(scores))], share)

    def refusing(self, transcript: Transcript) -> float:
        """The likelihood that a refusal begins behind a transcript, against those of all tools, [0, 1]."""
        with self._lock, self._safety.acting() if self._safety else nullcontext():
            texts = [self._encoder.text(text) for text in (REFUSE, *openings(transcript))]
            heard = self._judge.continuations(self._prompt(transcript), texts)
            return float(torch.stack([h.sum() for h in heard]).softmax(dim=0)[0])

    def _prompt(self, transcript: Transcript) -> list[int]:
        return [*self._begin, *self._encoder.transcript(transcript)]

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        """The likeliest call, token by token, among those that are allowed.

        Raises:
            LanguageModelError: it took too long.
        """
        with self._lock:
            until = time.monotonic() + self.config.seconds
            ids = self._prompt(transcript)
            scope = CallScope.after(len(transcript.turns), transcript.earlier is not None)
            decoder = CallDecoder(self._grammar, self._entities.at(names), scope)
            written = write_call(self._reader(until), ids, decoder)
            return Emission(with_span(written.call, transcript.question), written.log_prob, written.mass, written.asked)

    def _reader(self, until: float) -> Callable[[list[int], int], NDArray[np.float32]]:
        """What the model makes of tokens that follow those it was given before."""
        seen: list[int] = []

        def read(ids: list[int], wanted: int) -> NDArray[np.float32]:
            self._check(until)
            seen.extend(ids)
            logits: NDArray[np.float32] = self.cached.logits(seen, wanted).cpu().numpy()
            return logits

        return read

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        """An answer from facts: the likeliest choice, or what the model writes until the line ends.

        Raises:
            LanguageModelError: it took too long.
        """
        with self._lock:
            prompt = self._encoder.text(context_text(facts, question))
            if not choices:
                return Reading(self._free(prompt), {})
            end = [] if self.config.by_length else self._encoder.text("\n")
            texts = [self._encoder.text(f" {choice}") + end for choice in choices]
            heard = self.cached.continuations(prompt, texts)
            scores = torch.stack([h.mean() if self.config.by_length else h.sum() for h in heard])
            shares = scores.softmax(dim=0).tolist()
            return Reading(choices[int(scores.argmax())], dict(zip(choices, shares, strict=True)))

    def _free(self, prompt: list[int]) -> str:
        until, ids = time.monotonic() + self.config.seconds, list(prompt)
        for _ in range(self.config.reading_tokens):
            self._check(until)
            ids.append(int(self.cached.logits(ids)[-1].argmax()))
            text = self._codec.text(ids[len(prompt) :])
            if ids[-1] == self._codec.stop:
                return self._codec.text(ids[len(prompt) : -1]).strip()
            if "\n" in text.lstrip():
                return text.strip().partition("\n")[0].strip()
        return self._codec.text(ids[len(prompt) :]).strip()

    def _check(self, until: float) -> None:
        if time.monotonic() > until:
            raise LanguageModelError(f"{self._name} took over {self.config.seconds:g} s; ask for something shorter")
