"""The ``stream`` benchmark: a language model reads 50 000 tokens with a cache of constant size.

The embedded model reads the Python language reference. ``sink_window`` is what ships: 4 sinks and 252 recent tokens.
``window`` keeps 256 recent ones and no sinks; ``window_recompute`` keeps nothing and reads the last 256 tokens anew for
each; ``dense`` keeps everything, up to 10 000 tokens, since its attention grows with the square.

``ppl_ratio`` compares perplexity at 500 drawn positions with ``window_recompute``'s at the same ones, all of which read
256 tokens before (``dense`` all, at those positions that it reaches). Primary contrast, named beforehand: that of
``sink_window``, at most 1.02.

50 000 single steps would take half an hour. So the stream is fed in parts of 64, and the cache is copied after N
tokens; at the end single tokens are read from the copies of all arms in random turns. ``us_per_token@N`` is the
processor's time for one of those (the mean over as many steps as lie between two moves of the buffer),
``feed_us_per_token@N`` that for a token of a part, in the stretch before N. ``us_growth`` is the time at the last N
over that at the first, ``bytes_growth`` the same of ``bytes@N``. ``sink_ratio``, ``massive_layers`` and
``largest_ratio`` say whether the model has sinks and massive activations, on the stream's first 512 tokens. One thread.

A seed is where the stream begins and which positions are drawn. The first is read as said; of the further ones, each a
quarter as long with half as many positions, only perplexity is taken: 2 minutes of processor time each, where the
first takes 8. Streams differ more than positions of one do, so with several of them intervals of perplexity are over
streams.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums

NAN = float("nan")
MAX_PPL_RATIO = Goal("max", 1.02)
MAX_US_GROWTH = Goal("max", 1.05)
MAX_BYTES_GROWTH = Goal("max", 1.0)


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: which half of the text: ``test`` the second, others the first.
        seeds: streams.
        jobs: processes.
        options: ``progress`` (bool), ``stream`` (:class:`~memory_agent_ros.evaluation.streams.arms.StreamConfig`),
            ``language`` (:class:`~memory_agent_ros.reasoning.language.embedded.LoadedModel`) in place of the embedded.
    """
    progress = bool(options.get("progress", False))
    settings = options.get("stream"), options.get("language"), progress
    calls = [(split, seed, seed != seeds[0], *settings) for seed in seeds]
    found = list(spread(_stream, calls, jobs, f"stream {split}", "stream", progress=progress))
    found.sort(key=lambda pair: pair[0].seed)
    runs = [run for run, _ in found]
    arms = {arm: _figures(runs, arm) for arm in runs[0].nll}
    ours = _figures(runs, "sink_window", goals=True) | _activity([activity for _, activity in found])
    return Outcome(ours, arms, [_details(run, activity) for run, activity in found])


def _stream(split: str, seed: int, brief: bool, config: Any, language: Any, progress: bool) -> tuple[Any, Any]:
    """One stream with all arms, and what the model does inside."""
    import torch

    from memory_agent_ros.attention.monitors import activity_of
    from memory_agent_ros.evaluation.streams.arms import StreamConfig, run_stream
    from memory_agent_ros.evaluation.streams.text import reference_text, stream_of
    from memory_agent_ros.reasoning.language.embedded import load_embedded

    torch.set_num_threads(1)
    config = config or StreamConfig()
    config = config.brief() if brief else config
    language = language or load_embedded(threads=1, progress=progress)
    ids = stream_of(reference_text(split), language.tokenizer, config.tokens + config.steps + 1, seed)
    activity = activity_of(language.model, ids[None, :512])
    return run_stream(language.model, ids, config, seed, progress=progress), activity


def _figures(runs: Sequence[Any], arm: str, goals: bool = False) -> dict[str, Figure]:
    pairs = [_summed(run, arm) for run in runs if run.nll[arm]]
    if len(pairs) == 1:  # of one stream the interval is over its positions
        pairs = [[v, run.nll["window_recompute"][p], 1.0] for run in runs for p, v in run.nll[arm].items()]
    marks = sorted({mark for run in runs for times in run.step_us.values() for mark in times})
    out = {
        "ppl": _figure(pairs, _perplexity),
        "ppl_ratio": _figure(pairs, _perplexity_ratio, "", MAX_PPL_RATIO if goals else None),
        "positions": Figure(float(sum(n for *_, n in pairs)), NAN, NAN),
        "streams": Figure(float(sum(bool(run.nll[arm]) for run in runs)), NAN, NAN),
    }
    steps = {mark: [t for run in runs for t in run.step_us[arm].get(mark, ())] for mark in marks}
    sizes = {mark: [run.nbytes[arm][mark] for run in runs if mark in run.nbytes[arm]] for mark in marks}
    for mark in marks:
        fed = [run.feed_us[arm][mark] for run in runs if mark in run.feed_us.get(arm, {})]
        out[f"us_per_token@{mark}"] = _figure([[t] for t in steps[mark]], mean, "us")
        out[f"feed_us_per_token@{mark}"] = _figure([[t] for t in fed], mean, "us")
        out[f"bytes@{mark}"] = _figure([[float(s)] for s in sizes[mark]], mean, "B")
    first, last = marks[0], marks[-1]
    times = [[b, a] for a, b in zip(steps[first], steps[last], strict=False)]
    grown = [[float(b), float(a)] for a, b in zip(sizes[first], sizes[last], strict=False) if a]
    out["us_growth"] = _figure(times, ratio_of_sums, "", MAX_US_GROWTH if goals else None)
    out["bytes_growth"] = _figure(grown, ratio_of_sums, "", MAX_BYTES_GROWTH if goals else None)
    return out


def _activity(found: Sequence[Any]) -> dict[str, Figure]:
    return {
        "sink_ratio": _figure([[a.sink_ratio] for a in found], mean),
        "massive_layers": _figure([[float(len(a.massive_layers))] for a in found], mean),
        "largest_ratio": _figure([[max(a.ratio)] for a in found], mean),
    }


def _figure(rows: Sequence[Sequence[float]], statistic: Any, unit: str = "", goal: Goal | None = None) -> Figure:
    return figure(rows, statistic, unit, goal) if rows else Figure(NAN, NAN, NAN, unit, goal)


def _summed(run: Any, arm: str) -> list[float]:
    """Of a stream: the arm's -log p over its positions, that of the recomputed window there, how many positions."""
    own, other = run.nll[arm], run.nll["window_recompute"]
    return [sum(own.values()), sum(other[p] for p in own), float(len(own))]


def _perplexity(data: NDArray[np.float64]) -> float:
    return float(np.exp(data[:, 0].sum() / data[:, 2].sum()))


def _perplexity_ratio(data: NDArray[np.float64]) -> float:
    return float(np.exp((data[:, 0] - data[:, 1]).sum() / data[:, 2].sum()))


def _details(run: Any, activity: Any) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "activity": dict(activity.to_dict()),
        "sink_attention": [[round(a, 4) for a in layer] for layer in activity.sink_attention],
        "activation_ratio": [round(r, 1) for r in activity.ratio],
        "nll": {arm: {str(p): round(v, 5) for p, v in found.items()} for arm, found in run.nll.items()},
        "step_us": {
            arm: {str(m): [round(t) for t in times] for m, times in found.items()} for arm, found in run.step_us.items()
        },
    }
