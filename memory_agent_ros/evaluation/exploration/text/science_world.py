"""ScienceWorld (Wang et al., arXiv 2203.07540): a house full of things, and tasks of elementary science.

The simulator is a Java program; all games of a process share one. Scores, ends and commands are the simulator's; of
its many hundred commands those are offered that can matter, see :func:`sensible`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import shutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from memory_agent_ros.evaluation.exploration.text.game import Scene
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: Doors and containers are open, every room can be reached at once, plants are watered; see ScienceWorld's manual.
EASY = "easy"
#: Commands on one thing.
_PLAIN = ("focus on ", "pick up ", "teleport to ", "open ", "activate ")
#: Commands on two things: offered where the goal names one of them (for ``move`` the place that something goes to).
_PAIRS = ("use ", "pour ", "mix ", "connect ")
#: What cannot be done anything useful with.
_SCENERY = ("agent", "air", "door", "sewer")
_SPLITS = {"train": "getVariationsTrain", "val": "getVariationsDev", "test": "getVariationsTest"}


class ScienceWorldGame:
    """Games of one task of ScienceWorld; a :class:`~memory_agent_ros.evaluation.exploration.text.game.TextGame`.

    Args:
        task: name of the task, such as ``find-living-thing``.
        variations: numbers of its variations; the games' tasks are positions in this list.
        simplifications: of the simulator.

    Raises:
        MissingExtraError: the package or Java is not installed.
    """

    def __init__(self, task: str, variations: Sequence[int], simplifications: str = EASY) -> None:
        self._task, self._variations, self._simplifications = task, tuple(variations), simplifications
        self._server = _new_game()
        self._goal = ""

    def start(self, task: int) -> Scene:
        """Begin a variation anew."""
        self.restore(task, ())
        return self._scene("")

    def act(self, command: str) -> Scene:
        """Do something."""
        return self._scene(" ".join(self._server.step(command).split()))

    def restore(self, task: int, commands: Sequence[str]) -> None:
        """Begin a variation and do all commands."""
        self._server.load(self._task, self._variations[task], self._simplifications, False)
        self._server.reset()
        self._goal = " ".join(self._server.freeActionTaskDesc().removeprefix("Task Description:").split())
        # The score is that of the game before until something is done; ScienceWorld's own reset looks around as well.
        for command in ("look around", *commands):
            self._server.step(command)

    def _scene(self, answer: str) -> Scene:
        score, done = float(self._server.getScore()), bool(self._server.getCompleted())
        look, carried = self._server.freeActionLook(), self._server.freeActionInventory()
        lines = tuple(line.strip() for line in f"{look}\n{carried}".splitlines() if line.strip())
        over = done or score < 0.0  # a score below 0 says that the task has failed
        commands = () if over else sensible(self._valid(), self._goal)
        return Scene(self._goal, lines, answer[:200], commands, min(max(score, 0.0), 1.0), over)

    def _valid(self) -> list[str]:
        """What can be done now, in one answer: a list of Java's would come one by one."""
        found = json.loads(self._server.getValidActionObjectCombinationsJSON())
        return [str(one["action"]) for one in found["validActions"]]


def sensible(commands: Sequence[str], goal: str) -> tuple[str, ...]:
    """Those of ScienceWorld's valid commands that can matter for a goal, without knowing how it is reached.

    Every command on one thing that changes something stays, but for those on doors, rooms and the like; commands on
    two things stay where the goal names one of them. ``wait1`` stays, and so do the numbers by which ScienceWorld asks
    what was meant.
    """
    rooms = {c.removeprefix("teleport to ") for c in commands if c.startswith("teleport to ")}
    goal = goal.lower()

    def is_scenery(thing: str) -> bool:
        return thing in rooms or thing.split()[0] in _SCENERY or thing.endswith(" door")

    def matters(command: str) -> bool:
        if command == "wait1" or command.isdigit():
            return True
        if command.startswith("move "):
            thing, _, place = command.removeprefix("move ").partition(" to ")
            return place.lower() in goal and not is_scenery(place) and not is_scenery(thing) and thing != place
        if command.startswith("teleport to "):
            return True
        beginning = next((p for p in _PLAIN if command.startswith(p)), None)
        if beginning is not None:
            return not is_scenery(command.removeprefix(beginning))
        beginning = next((p for p in _PAIRS if command.startswith(p)), None)
        if beginning is None:
            return False
        things = command.removeprefix(beginning)
        for word in (" on ", " into ", " to "):
            first, found, second = things.partition(word)
            if found:
                return first.lower() in goal or second.lower() in goal
        return things.lower() in goal

    return tuple(sorted(c for c in commands if matters(c)))


def variations(task: str, split: str) -> tuple[int, ...]:
    """Numbers of the variations that ScienceWorld sets aside for a split.

    Raises:
        BadInputError: ``task_unknown``, ``split_unknown``.
        MissingExtraError: the package or Java is not installed.
    """
    if split not in _SPLITS:
        raise BadInputError("split_unknown", f"split must be one of {tuple(_SPLITS)}, got {split!r}")
    server = _new_game()
    known = list(server.getTaskNames())
    if task not in known:
        raise BadInputError("task_unknown", f"ScienceWorld has no task {task!r}; there are: {', '.join(known)}")
    server.load(task, 0, EASY if "conductivity" not in task and "power" not in task else "", False)
    return tuple(int(v) for v in getattr(server, _SPLITS[split])())


def _new_game() -> Any:
    return _gateway().jvm.scienceworld.runtime.pythonapi.PythonInterface()


@cache
def _gateway() -> Any:
    """The Java program, started at the first use and stopped with this process."""
    try:
        from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
        from scienceworld.constants import BASEPATH, JAR_PATH
    except ImportError as error:
        raise MissingExtraError(
            "ScienceWorld is not installed: pip install 'memory_agent_ros[text-environments]'"
        ) from error
    if shutil.which("java") is None:
        raise MissingExtraError("ScienceWorld needs Java: apt install default-jre-headless")
    options = ["-Xmx1500m", "-XX:+UseSerialGC"]
    port = launch_gateway(classpath=JAR_PATH, die_on_exit=True, cwd=BASEPATH, javaopts=options)
    gateway = JavaGateway(gateway_parameters=GatewayParameters(auto_field=True, port=port))

    def stop() -> None:
        with contextlib.suppress(Exception):  # the process ends: whatever is left of the connection goes with it
            gateway.shutdown()

    atexit.register(stop)
    return gateway
