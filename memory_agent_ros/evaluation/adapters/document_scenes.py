"""Documents and questions of one seed, answered by every arm of the ``adapters`` benchmark. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import Lesson, answered, distilled
from memory_agent_ros.adapters.document import DocumentToLora, growth
from memory_agent_ros.adapters.relevance import EmbeddedRelevance, Gate, calibrated, chunk_keys
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.attention.cached import CachedModel
from memory_agent_ros.evaluation.adapters.bases import Base
from memory_agent_ros.evaluation.adapters.fact_lessons import draw_lessons
from memory_agent_ros.evaluation.adapters.facts import COLOURS, PLACES, FactFamily
from memory_agent_ros.perception.protocols import TextEmbedder

#: Lengths that are measured, and the tokens of the document whose internalising is timed.
CHUNKS, TIMED_TOKENS = (1, 2, 4, 8, 16, 40), 1000
_Right = list[bool]


@dataclass(frozen=True)
class SceneConfig:
    """What one seed asks.

    Attributes:
        size: ``tiny`` (free answers) or ``embedded`` (the likeliest of the possible answers).
        family: of the documents.
        chunks: lengths.
        documents, questions: of each length, and of a document.
        distilled: at these lengths one document is distilled by gradient steps.
        steps, rate: of that.
        gated: length of the documents that unrelated questions are asked beside.
    """

    size: str
    family: FactFamily
    chunks: tuple[int, ...] = CHUNKS
    documents: int = 6
    questions: int = 4
    distilled: tuple[int, ...] = (1, 4)
    steps: int = 100
    rate: float = 1e-2
    gated: int = 2


Asked = Sequence[tuple[str | None, str, str]]


def right(base: Base, size: str, asked: Asked, rows: LoraRows | None) -> _Right:
    """Which questions are answered word for word; ``rows`` as in :func:`~...distillation.answered`."""
    if size == "tiny":
        with torch.no_grad():
            found: _Right = answered(base.adapted, base.prompts, asked, rows).right().tolist()
        return found
    out = _Right()
    for number, (passage, question, answer) in enumerate(asked):
        mine = rows.one(number) if rows is not None and rows.batch is not None else rows
        out.append(likeliest(base, passage, question, mine) == answer)
    return out


def likeliest(base: Base, passage: str | None, question: str, rows: LoraRows | None) -> str:
    """The likeliest of all places."""
    texts = [base.prompts.answer(place) for place in PLACES]
    with base.adapted.using(rows) as model, torch.no_grad():
        heard = CachedModel(model).continuations(base.prompts.asked(passage, question), texts)
    return PLACES[int(torch.stack([h.sum() for h in heard]).argmax())]


def calibrated_gate(family: FactFamily, chunks: int, embedder: TextEmbedder, documents: int = 12) -> Gate:
    """A gate from documents of ``train``."""
    lessons = draw_lessons(family, (29,), "train", chunks, documents, 4)
    plain = EmbeddedRelevance(embedder)
    keys = [[chunk_keys(c, embedder) for c in one.chunks] for one in lessons]
    related, unrelated = list[float](), list[float]()
    for number, one in enumerate(lessons):
        other = (number + 1) % len(lessons)
        for question, _ in one.asked:
            related.append(max(plain.scores(question, keys[number])))
            if _entity(question) not in lessons[other].text:
                unrelated.append(max(plain.scores(question, keys[other])))
    return calibrated(related, unrelated)


def base_scene(
    base: Base, config: SceneConfig, relevance: EmbeddedRelevance, embedder: TextEmbedder, split: str, seed: int
) -> dict[str, Any]:
    """The arms without a network: rights by arm and length, and distillation with its seconds.

    Returns:
        ``right``: arm -> length -> (hits, asked); ``distil_s``: length -> seconds of a document.
    """
    found: dict[str, dict[int, list[int]]] = {}
    seconds = dict[int, float]()
    for chunks in config.chunks:
        lessons = scene_lessons(config, split, seed, chunks)
        bare = [(None, q, a) for one in lessons for q, a in one.asked]
        full = [(one.text, q, a) for one in lessons for q, a in one.asked]
        best = [(_retrieved(one, q, relevance, embedder), q, a) for one in lessons for q, a in one.asked]
        for arm, asked in (("no_context", bare), ("in_context", full), ("retrieval", best)):
            found.setdefault(arm, {})[chunks] = _count(_in_parts(base, config.size, asked))
        if chunks in config.distilled:
            hits, seconds[chunks] = _distilled(base, config, lessons[0])
            found.setdefault("distilled", {})[chunks] = _count(hits)
    return {"seed": seed, "right": found, "distil_s": seconds}


def network_scene(
    base: Base, network: DocumentToLora, config: SceneConfig, relevance: EmbeddedRelevance, split: str, seed: int
) -> dict[str, Any]:
    """The generated arm.

    Returns:
        ``right``: length -> (hits, asked); ``norms`` and ``bytes`` and ``tokens`` by length; ``internalise_s`` of
        1 000 tokens, ``seconds`` of a document by length; ``gate``: see :func:`interference`.
    """
    out: dict[str, Any] = {"seed": seed, "right": {}, "norms": {}, "bytes": {}, "tokens": {}, "seconds": {}}
    for chunks in config.chunks:
        hits = _Right()
        for number, one in enumerate(scene_lessons(config, split, seed, chunks)):
            started = time.perf_counter()
            adapter = network.adapter(one.chunks, "document")
            if number == 0:
                out["seconds"][chunks] = time.perf_counter() - started
                out["norms"][chunks], out["bytes"][chunks] = growth(adapter)[-1], adapter.bytes
                out["tokens"][chunks] = len(base.prompts.passage(one.text))
            hits += right(base, config.size, [(None, q, a) for q, a in one.asked], adapter.rows())
        out["right"][chunks] = _count(hits)
    out["internalise_s"] = internalise_seconds(base, network, config.family, split, seed)
    out["gate"] = interference(base, network, config, relevance, split, seed)
    return out


def internalise_seconds(base: Base, network: DocumentToLora, family: FactFamily, split: str, seed: int) -> float:
    """Seconds to internalise a document of 1 000 tokens."""
    rng, text = np.random.default_rng((seed, 41)), ""
    while len(base.prompts.passage(text)) < TIMED_TOKENS:
        text = f"{text} {family.draw(rng, split, 1).text}".strip()
    started = time.perf_counter()
    network.adapter(text, "timed")
    return time.perf_counter() - started


def interference(
    base: Base, network: DocumentToLora, config: SceneConfig, relevance: EmbeddedRelevance, split: str, seed: int
) -> dict[str, list[int]]:
    """Questions that are answered from a passage of their own, with an adapter of another document in.

    Returns:
        (hits, asked) of ``without`` an adapter, ``ungated``, ``gated``, and how often the gate ``opens`` on related
        questions.
    """
    lessons = scene_lessons(config, split, seed, config.gated)
    found: dict[str, _Right] = {name: [] for name in ("without", "ungated", "gated", "opens")}
    for number, one in enumerate(lessons):
        other = lessons[(number + 1) % len(lessons)]
        keys = [chunk_keys(c, relevance.embedder) for c in one.chunks]
        found["opens"] += [relevance.opens(q, keys) for q, _ in one.asked]
        asked = [(other.text, q, a) for q, a in other.asked if _entity(q) not in one.text]
        if not asked:
            continue
        rows = network.adapter(one.chunks, "other").rows()
        plain, changed = right(base, config.size, asked, None), right(base, config.size, asked, rows)
        found["without"] += plain
        found["ungated"] += changed
        gate = [relevance.opens(q, keys) for _, q, _ in asked]
        found["gated"] += [c if opened else p for c, p, opened in zip(changed, plain, gate, strict=True)]
    return {name: _count(hits) for name, hits in found.items()}


def scene_lessons(config: SceneConfig, split: str, seed: int, chunks: int) -> list[Lesson]:
    """A seed's documents of a length."""
    return draw_lessons(config.family, (seed, chunks, 5), split, chunks, config.documents, config.questions)


def kv_bytes(adapted: AdaptedModel, tokens: int) -> int:
    """Of the keys and values of a context of so many tokens, in the model's type."""
    config = adapted.model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    each = next(adapted.model.parameters()).element_size()
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    return int(2 * kinds.count("full_attention") * config.num_key_value_heads * width * tokens * each)


def _retrieved(lesson: Lesson, question: str, relevance: EmbeddedRelevance, embedder: TextEmbedder) -> str:
    scores = relevance.scores(question, [chunk_keys(chunk, embedder) for chunk in lesson.chunks])
    return lesson.chunks[int(np.argmax(scores))]


def _distilled(base: Base, config: SceneConfig, lesson: Lesson) -> tuple[_Right, float]:
    """Questions right after gradient steps on the document's own questions, and the seconds of that."""
    rows, seconds = distilled(base.adapted, base.prompts, lesson, steps=config.steps, rate=config.rate)
    return right(base, config.size, [(None, q, a) for q, a in lesson.asked], rows), seconds


def _in_parts(base: Base, size: str, asked: Asked, most: int = 8) -> _Right:
    return [hit for i in range(0, len(asked), most) for hit in right(base, size, asked[i : i + most], None)]


def _count(hits: Sequence[bool]) -> list[int]:
    return [sum(hits), len(hits)]


def _entity(question: str) -> str:
    """Colour and thing that a question asks for; both stand side by side in every form."""
    return next(f"{a} {b}" for a, b in pairwise(question.rstrip("?").split()) if a in COLOURS)
