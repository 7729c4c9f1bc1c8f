"""Where rollouts are played: in this process, in several of this machine, or on several machines by Ray. Needs torch.

Whatever the engine, the same requests give the same rollouts: each brings the seed of its draws, and workers get the
policy's weights and the tips before each update.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.exploration.empo2 import Course, Learnable, Request, collect_here
from memory_agent_ros.exploration.rollout import Rollout
from memory_agent_ros.exploration.tips import TipMemory
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: Names of engines; ``ray`` may be followed by a colon and the address of a cluster.
ENGINES = ("here", "processes", "ray")

Weights = Mapping[str, NDArray[Any]]
#: Make what a worker needs; must be picklable (functions of a module, or partials of such).
MakePolicy = Callable[[], Learnable]
MakeCourses = Callable[[], Sequence[Course]]


class Engine(Protocol):
    """Plays what is requested; a :data:`~memory_agent_ros.exploration.empo2.Collect` that is to be closed."""

    def __call__(self, policy: Learnable, tips: TipMemory, requests: Sequence[Request]) -> Sequence[Rollout]:
        """Rollouts in the order of the requests."""
        ...

    def __enter__(self) -> Engine:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the workers go."""
        ...


class Player:
    """A worker: a policy and environments of its own.

    Args:
        make_policy: its policy; the weights come with each request.
        make_courses: its environments.
    """

    def __init__(self, make_policy: MakePolicy, make_courses: MakeCourses) -> None:
        torch.set_num_threads(1)
        self._policy, self._collect = make_policy(), collect_here(make_courses())
        self._policy.module.eval()

    def play(self, weights: Weights, tips: TipMemory, request: Request) -> Rollout:
        """One request."""
        self._policy.module.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in weights.items()})
        return self._collect(self._policy, tips, [request])[0]


class Here:
    """Plays in this process.

    Args:
        make_courses: the environments.
    """

    def __init__(self, make_courses: MakeCourses) -> None:
        self._collect = collect_here(make_courses())

    def __call__(self, policy: Learnable, tips: TipMemory, requests: Sequence[Request]) -> Sequence[Rollout]:
        """Rollouts in the order of the requests."""
        return self._collect(policy, tips, requests)

    def __enter__(self) -> Here:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Processes:
    """Plays in processes of this machine.

    Args:
        make_policy, make_courses: for each of them.
        workers: how many.
    """

    def __init__(self, make_policy: MakePolicy, make_courses: MakeCourses, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(make_policy, make_courses)
        )

    def __call__(self, policy: Learnable, tips: TipMemory, requests: Sequence[Request]) -> Sequence[Rollout]:
        """Rollouts in the order of the requests."""
        weights = weights_of(policy)
        return [f.result() for f in [self._pool.submit(_play, weights, _needed(tips, r), r) for r in requests]]

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)


class RayActors:
    """Plays in actors of a Ray cluster, one core each.

    Args:
        make_policy, make_courses: for each of them.
        workers: how many.
        address: of the cluster; empty starts one on this machine, unless ``RAY_ADDRESS`` names one.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, make_policy: MakePolicy, make_courses: MakeCourses, workers: int, address: str = "") -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("the engine ray needs Ray: pip install 'memory_agent_ros[ray]'") from error
        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            ray.init(address=address or None, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        remote = ray.remote(num_cpus=1)(Player)
        self._actors = [remote.remote(make_policy, make_courses) for _ in range(workers)]

    def __call__(self, policy: Learnable, tips: TipMemory, requests: Sequence[Request]) -> Sequence[Rollout]:
        """Rollouts in the order of the requests."""
        weights = self._ray.put(weights_of(policy))
        told, nothing = self._ray.put(tips), self._ray.put(TipMemory())
        playing = [
            self._actors[n % len(self._actors)].play.remote(weights, told if r.with_tips else nothing, r)
            for n, r in enumerate(requests)
        ]
        return list(self._ray.get(playing))

    def __enter__(self) -> RayActors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()


def make_engine(name: str, make_policy: MakePolicy, make_courses: MakeCourses, workers: int = 1) -> Engine:
    """An engine by name: ``here``, ``processes``, ``ray`` or ``ray:ADDRESS``.

    Raises:
        BadInputError: ``engine_unknown``.
        MissingExtraError: ``ray`` where Ray is not installed.
    """
    kind, _, address = name.partition(":")
    if kind == "here":
        return Here(make_courses)
    if kind == "processes":
        return Processes(make_policy, make_courses, workers)
    if kind == "ray":
        return RayActors(make_policy, make_courses, workers, address)
    raise BadInputError("engine_unknown", f"no engine {name!r}; there are: {', '.join(ENGINES)} (also ray:ADDRESS)")


def weights_of(policy: Learnable) -> dict[str, NDArray[Any]]:
    """What a worker needs to play as a policy does now."""
    return {name: value.detach().cpu().numpy() for name, value in policy.module.state_dict().items()}


def _needed(tips: TipMemory, request: Request) -> TipMemory:
    return tips if request.with_tips else TipMemory()


_PLAYER: list[Player] = []


def _begin(make_policy: MakePolicy, make_courses: MakeCourses) -> None:
    _PLAYER.append(Player(make_policy, make_courses))


def _play(weights: Weights, tips: TipMemory, request: Request) -> Rollout:
    return _PLAYER[0].play(weights, tips, request)
