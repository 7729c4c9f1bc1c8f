"""The ``constrained`` benchmark: what it costs to keep a language model to names that exist, and whether it is kept.

``step_us@N_B`` is the time of one decode step over N names at batch B: scores in, the best allowed token of each row
out; the mean over the steps of a decode, the median over decodes; ``deeper_us@N_B`` is without the first step, which
compares all beginnings of names. Times are the processor's. The arms take turns on the same scores. Arms: ours
with compact candidates (``trie``) and as a logits processor (``trie_processor``), a trie of dictionaries, the
``PrefixConstrainedLogitsProcessor`` of transformers over it, a grammar library (llguidance) with the names as
alternatives, and no constraint. Primary contrast, named beforehand: ``over_dict_trie@100000_32``, the paired ratio of
the dictionaries' time to ours; above 1 ours is faster.

``rebuild_s@N`` builds the trie from token ids, ``update_s@N`` is all that a change of the names takes when one in a
hundred is new, tokenisation included; ``permit_s@N`` narrows the trie to half of its names. ``invalid`` counts, of
``outputs`` sampled ones of a model with random weights, those that are no name or no valid call. Where the embedded
model is installed, ``decode_step_us@B`` is its own time for a token and ``share@N`` what the constraint adds to it at
batch 1; ``invalid_calls`` is the share of invalid ones among its own first calls to household questions.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.constrained.names import NameSet, name_set
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median
from memory_agent_ros.records.errors import MissingExtraError

SIZES = (1_000, 100_000, 1_000_000)
BATCHES = (1, 32)
#: Sizes that are built for every seed; larger ones for the first only.
_EVERY_SEED = 100_000
_DECODES = {1: 24, 32: 8}
_CONTRASTS = ("trie_processor", "dict_trie", "prefix_processor", "grammar")
_NAMES, _CALLS, _CHOICES, _FREE = 3_000, 300, 6_700, 45
#: A decode step of the embedded model at batch 1, microseconds, where it is not installed to be measured.
_KNOWN_STEP_US = 26_000.0
Rows = dict[str, dict[str, list[list[float]]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: has no meaning here: names are drawn at random, no apartment is looked at.
        seeds: of names and scores.
        jobs: ignored: times are only worth something alone.
        options: ``sizes``, ``batches``, ``outputs`` (a share of the ten thousand), ``progress``.
    """
    import torch

    torch.set_num_threads(1)
    loaded, codec = _model()
    rows: Rows = {}
    sizes = tuple(options.get("sizes") or SIZES)
    plan = [(size, seed) for size in sizes for seed in seeds if size <= _EVERY_SEED or seed == seeds[0]]
    for size, seed in tqdm(plan, desc="constrained", unit="set", disable=not options.get("progress", False)):
        _measure(size, seed, codec, tuple(options.get("batches") or BATCHES), rows)
        gc.collect()
    share = float(options.get("outputs", 1.0))
    names = name_set(min(_EVERY_SEED, max(sizes)), seeds[0], codec)
    details = _outputs(names, codec, loaded, seeds[0], share, rows)
    return Outcome(_figures(rows), {arm: _plain(found, False) for arm, found in rows.items() if arm}, details)


def _model() -> tuple[Any, Any]:
    """The embedded model and its codec, or nothing."""
    from memory_agent_ros.reasoning.decoding.codec import CallCodec
    from memory_agent_ros.reasoning.language.embedded import load_embedded, reader_adapter

    try:
        loaded = load_embedded(reader_adapter())
    except MissingExtraError:
        return None, None
    return loaded, CallCodec(loaded.tokenizer)


def _put(rows: Rows, arm: str, name: str, values: Sequence[float]) -> None:
    rows.setdefault(arm, {}).setdefault(name, []).extend([float(v)] for v in values)


def _measure(size: int, seed: int, codec: Any, batches: Sequence[int], rows: Rows) -> None:
    """Builds and steps of all arms over one set of names."""
    from memory_agent_ros.evaluation.constrained import arms as ways
    from memory_agent_ros.evaluation.constrained.timing import seconds, time_steps

    names = name_set(size, seed, codec)
    gc.collect()
    _put(rows, "trie", f"rebuild_s@{size}", seconds(lambda: ways.trie_of(names), 3))
    trie = ways.trie_of(names)
    half = np.random.default_rng(seed).random(size) < 0.5
    _put(rows, "", f"permit_s@{size}", seconds(lambda: trie.permitted(half), 3))
    _put(rows, "", f"tokenise_s@{size}", [names.tokenise_s])
    if codec is not None and size <= _EVERY_SEED:
        _put(rows, "", f"update_s@{size}", _updates(codec, names.texts))
    gc.disable()
    root: dict[int, Any] = {}
    _put(rows, "dict_trie", f"rebuild_s@{size}", seconds(lambda: root.update(ways.dict_trie(names.ids, names.stop)), 1))
    gc.enable()
    matcher: list[Any] = []
    if codec is not None and size <= ways.MOST_ALTERNATIVES:
        took = seconds(lambda: matcher.append(ways.grammar_matcher(names.texts, codec)), 1)
        _put(rows, "grammar", f"rebuild_s@{size}", took)
    arms = ways.arms(names, trie, root, matcher[0] if matcher else None)
    for batch in batches:
        times = time_steps(arms, names.vocabulary, batch, names.stop, _DECODES[batch], seed)
        for arm, took in times.step_us.items():
            _put(rows, arm, f"step_us@{size}_{batch}", took)
            _put(rows, arm, f"deeper_us@{size}_{batch}", times.deeper_us[arm])
        for arm in (a for a in _CONTRASTS if a in times.step_us):
            ratios = np.divide(times.step_us[arm], times.step_us["trie"])
            _put(rows, "", f"over_{arm}@{size}_{batch}", ratios.tolist())
        _put(rows, "", "disagreements", [times.disagreements])


def _updates(codec: Any, texts: Sequence[str]) -> list[float]:
    """Seconds of changes of the names, one in a hundred new each time."""
    from memory_agent_ros.evaluation.constrained.timing import seconds
    from memory_agent_ros.reasoning.decoding.entities import EntityIndex

    index, new = EntityIndex(codec), max(1, len(texts) // 100)
    index.update(texts, [])
    named = [[*texts[new * turn :], *(f"{text} again" for text in texts[: new * turn])] for turn in (1, 2, 3)]
    return [seconds(lambda these=these: index.update(these, []), 1)[0] for these in named]  # type: ignore[misc]


def _outputs(names: NameSet, codec: Any, loaded: Any, seed: int, share: float, rows: Rows) -> list[dict[str, Any]]:
    """Valid and invalid outputs, and the embedded model's own times."""
    from memory_agent_ros.evaluation.constrained import embedded, outputs
    from memory_agent_ros.evaluation.constrained.arms import trie_of
    from memory_agent_ros.reasoning.decoding.entities import EntityIndex
    from memory_agent_ros.reasoning.decoding.grammar import CallGrammar, CallScope
    from memory_agent_ros.reasoning.language.embedded import reader_adapter

    model = outputs.random_model(names.vocabulary, names.stop, seed)
    named, called, chosen, free = (max(1, round(n * share)) for n in (_NAMES, _CALLS, _CHOICES, _FREE))
    wrong = {"trie": outputs.invalid_names(model, names, trie_of(names), named, seed)}
    wrong["unconstrained"] = outputs.invalid_names(model, names, None, named // 10 + 1, seed)
    _put(rows, "unconstrained", "outputs", [named // 10 + 1])
    count, details = named, []
    if codec is not None:
        grammar, index = CallGrammar(codec), EntityIndex(codec)
        many = index.update(names.texts, names.texts[:100])
        wrong["trie"] += outputs.invalid_calls(model, grammar, many, called, seed)
        wrong["trie"] += outputs.invalid_choices(grammar, many, chosen, seed)
        count += called + chosen
        _put(rows, "", "call_step_us", embedded.call_step_us(grammar, many, 100, seed))
        for batch in BATCHES:
            _put(rows, "", f"decode_step_us@{batch}", embedded.decode_step_us(loaded.model, batch))
        house = index.update(embedded.THINGS, embedded.ROOMS)
        asked = embedded.questions(loaded, reader_adapter() is None, free)
        for arm, texts in (
            ("unconstrained", embedded.free_calls(loaded, asked)),
            ("trie", embedded.held_calls(loaded, asked, grammar, house)),
        ):
            failed = [float(not outputs.valid_text(text, house, CallScope.after(0))) for text in texts]
            _put(rows, arm, "invalid_calls", failed)
            details.append({"model": loaded.name, "arm": arm, "calls": texts})
    _put(rows, "trie", "outputs", [count])
    for arm, number in wrong.items():
        _put(rows, arm, "invalid", [number])
    return details


_LIMITS = {"rebuild_s@100000": ("max", 0.3), "update_s@100000": ("max", 0.3), "invalid": ("max", 0.0)}
_LIMITS |= {"disagreements": ("max", 0.0), "invalid_calls": ("max", 0.0)}


def _figures(rows: Rows) -> dict[str, Figure]:
    """What ships, and its ratios to the arms."""
    out = _plain({**rows["trie"], **rows[""]}, True)
    own = rows[""].get("decode_step_us@1") or [[_KNOWN_STEP_US]]
    step = float(np.median(own))
    for name, values in rows["trie"].items():
        if name.startswith("step_us@") and name.endswith("_1"):
            size = name.removeprefix("step_us@").removesuffix("_1")
            shares = [[value[0] / step] for value in values]
            out[f"share@{size}"] = figure(shares, median, "", Goal("max", 0.01))
    if "call_step_us" in rows[""]:
        out["call_share"] = figure([[v[0] / step] for v in rows[""]["call_step_us"]], median, "", Goal("max", 0.01))
    return dict(sorted(out.items()))


def _plain(found: Mapping[str, list[list[float]]], goals: bool) -> dict[str, Figure]:
    return {name: _figure(name, values, goals) for name, values in found.items()}


def _figure(name: str, values: list[list[float]], goals: bool) -> Figure:
    unit = "us" if "_us" in name else "s" if "_s@" in name else ""
    if name in ("invalid", "outputs", "disagreements"):
        values = [[float(np.sum(values))]]
    goal = Goal(*_LIMITS[name]) if goals and name in _LIMITS else None
    if goals and name.startswith("over_") and name.endswith("_32") and "@1000_" not in name:
        goal = Goal("min", 1.0)
    return figure(values, mean if name == "invalid_calls" else median, unit, goal)
