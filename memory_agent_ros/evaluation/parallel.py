"""The same work for many inputs, in this process or in several, with a bar."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from tqdm import tqdm

_T = TypeVar("_T")


def spread(
    work: Callable[..., _T],
    calls: Sequence[tuple[Any, ...]],
    jobs: int,
    title: str,
    unit: str,
    *,
    progress: bool,
    tell: Callable[[Any, _T], object] | None = None,
) -> Iterator[_T]:
    """Results of ``work(*call)``, each as it is done: in order with one job, in any order with more.

    Args:
        work: a function of a module, so that other processes find it.
        calls: its arguments.
        jobs: processes; 1 is this one. Others start from nothing, since forks of a process with OpenGL or torch hang.
        title: stands before the bar.
        unit: what the bar counts.
        progress: show it.
        tell: called with the bar and each result, if the bar is shown.
    """
    with tqdm(total=len(calls), desc=title, unit=unit, disable=not progress) as bar:
        for result in _results(work, calls, jobs):
            bar.update()
            if progress and tell is not None:
                tell(bar, result)
            yield result


def _results(work: Callable[..., _T], calls: Iterable[tuple[Any, ...]], jobs: int) -> Iterator[_T]:
    if jobs == 1:
        for call in calls:
            yield work(*call)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_one_thread) as pool:
        for done in as_completed([pool.submit(work, *call) for call in calls]):
            yield done.result()


def _one_thread() -> None:
    """Busy processes with several threads each take many times as long."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
