"""Text environments by name."""

from __future__ import annotations

from pathlib import Path

from memory_agent_ros.evaluation.exploration.text.encoding import TextVectors
from memory_agent_ros.evaluation.exploration.text.environment import TextConfig, TextEnvironment
from memory_agent_ros.evaluation.exploration.text.game import ReplayedGame, SceneCache
from memory_agent_ros.evaluation.exploration.text.science_world import ScienceWorldGame, variations
from memory_agent_ros.evaluation.exploration.text.text_world import TextWorldGame
from memory_agent_ros.evaluation.walks.walk import cache_folder
from memory_agent_ros.records.errors import BadInputError

#: Environment -> tasks it is measured on.
TASKS: dict[str, tuple[str, ...]] = {
    "scienceworld": ("find-non-living-thing", "lifespan-longest-lived"),
    "textworld": ("treasure-hunter-10",),
}
#: Decisions of an episode.
DECISIONS = {"scienceworld": 12, "textworld": 30}
#: First seed of a split's games.
_FIRST_SEED = {"train": 0, "val": 100_000, "test": 200_000}


def make_text_environment(
    kind: str,
    task: str,
    split: str,
    count: int,
    vectors: TextVectors | None = None,
    config: TextConfig | None = None,
    folder: Path | None = None,
    cache: SceneCache | None = None,
) -> tuple[TextEnvironment, range]:
    """An environment of one task, and the numbers of its games.

    Args:
        kind: ``scienceworld`` or ``textworld``.
        task: a task of ScienceWorld, or ``treasure-hunter-LEVEL``.
        split: ``train``, ``val`` or ``test``: ScienceWorld's own sets of variations, or seeds of TextWorld's games.
        count: games at most.
        vectors: of texts; without, texts with words in common have like vectors.
        config: how much of a game is read; by default as many decisions as :data:`DECISIONS` says.
        folder: where generated games are kept; the user's cache by default.
        cache: of scenes of the same games.

    Raises:
        BadInputError: ``environment_unknown``, ``task_unknown``, ``split_unknown``.
        MissingExtraError: the package, or Java, is not installed.
    """
    if kind not in TASKS:
        raise BadInputError("environment_unknown", f"no text environment {kind!r}; there are: {', '.join(TASKS)}")
    if split not in _FIRST_SEED:
        raise BadInputError("split_unknown", f"split must be one of {tuple(_FIRST_SEED)}, got {split!r}")
    config = config or TextConfig(decisions=DECISIONS[kind])
    cache, vectors = cache or SceneCache(), vectors or TextVectors()
    name = f"{kind}/{task}"
    if kind == "scienceworld":
        chosen = variations(task, split)[:count]
        return TextEnvironment(
            name, lambda: ReplayedGame(ScienceWorldGame(task, chosen), cache), vectors, config
        ), range(len(chosen))
    seeds = range(_FIRST_SEED[split], _FIRST_SEED[split] + count)
    folder = folder or cache_folder().parent / "textworld"
    level = _level(task)
    return TextEnvironment(name, lambda: TextWorldGame(level, seeds, folder), vectors, config), range(count)


def _level(task: str) -> int:
    name, _, level = task.rpartition("-")
    if name != "treasure-hunter" or not level.isdigit() or not 1 <= int(level) <= 30:
        raise BadInputError("task_unknown", f"TextWorld's tasks are treasure-hunter-1 to -30, got {task!r}")
    return int(level)
