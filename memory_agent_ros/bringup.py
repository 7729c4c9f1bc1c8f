"""The one description of what to start, read by the launch files and by ``memory-agent up``.

Imports neither rclpy nor launch. A robot is one YAML file: the parameters of every node, and under ``bringup`` the
topics of that robot (parameter files cannot hold remappings, so they stand there as a list of ``from:=to``).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.ros_environment import child_environment

PACKAGE = "memory_agent_ros"
SIMULATION_PACKAGE = "memory_agent_sim"
MANAGER = "lifecycle_manager"


@dataclass(frozen=True)
class LaunchArgument:
    """One argument of a launch file and of ``memory-agent up``. Values are text; ``choices`` empty = anything."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeSpec:
    """One process to start.

    Attributes:
        name: node name without namespace.
        package, executable: where ``ros2 run`` finds it.
        module: Python module started with ``python -m`` off the robot; None for a program on the PATH.
        namespace: "" or a name without leading slash.
        parameter_files: YAML files, later ones win.
        parameters: overrides that win over every file.
        remappings: pairs ``(from, to)``.
        arguments: plain arguments before the ROS ones.
        log_level: debug, info, warn, error or fatal.
        lifecycle: whether the lifecycle manager configures and activates it.
        respawn: whether it is started again when it dies.
        environment: variables added to those of the parent.
        enclave: SROS 2 enclave it runs in, "" for the one of its process.
    """

    name: str
    package: str
    executable: str
    module: str | None
    namespace: str = ""
    parameter_files: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    log_level: str = "info"
    lifecycle: bool = True
    respawn: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    enclave: str = ""

    @property
    def full_name(self) -> str:
        """Fully qualified node name, e.g. ``/robot1/memory_node``."""
        return f"/{self.namespace}/{self.name}" if self.namespace else f"/{self.name}"

    def ros_arguments(self) -> list[str]:
        """What stands after ``--ros-args``, but for the node's own name and namespace.

        Overrides come after the files and so win over them, also over entries that name the node. They must not name
        the node themselves: ``-p node:name:=value`` does not reach a node in a namespace.
        """
        words: list[str] = []
        for path in self.parameter_files:
            words += ["--params-file", path]
        for key, value in self.parameters.items():
            words += ["-p", f"{key}:={json.dumps(value)}"]
        for source, target in self.remappings:
            words += ["-r", f"{source}:={target}"]
        if self.enclave:
            words += ["--enclave", self.enclave]
        return [*words, "--log-level", self.log_level]

    def command(self, python: str = sys.executable) -> list[str]:
        """The command that starts it without ``ros2 launch``.

        Raises:
            MissingExtraError: the program is not on the PATH (only for nodes that are not ours, such as rviz2).
        """
        if self.module is not None:
            start = [python, "-m", self.module]
        else:
            program = shutil.which(self.executable)
            if program is None:
                raise MissingExtraError(f"{self.executable} is not on the PATH; install it or leave {self.name} out")
            start = [program]
        names = ["-r", f"__node:={self.name}"]
        if self.namespace:
            names += ["-r", f"__ns:=/{self.namespace}"]
        return [*start, *self.arguments, "--ros-args", *names, *self.ros_arguments()]


#: What may be started at once; searches need a text and are sent as goals.
EXPLORATIONS = ("none", "frontier", "patrol", "discover", "verify")

_COMMON = (
    LaunchArgument("namespace", "", "namespace of every node and relative topic, without leading slash"),
    LaunchArgument("map_path", "", "map file to open or create; empty keeps the memory in RAM only"),
    LaunchArgument("log_level", "info", "log level of every node", ("debug", "info", "warn", "error", "fatal")),
    LaunchArgument("detector", "", "detector of the perception node; empty takes the one in params_file"),
    LaunchArgument("policy", "", "who chooses where to explore; empty takes the one in params_file"),
    LaunchArgument(
        "adapters",
        "false",
        "write the memory into adapters of the language model, which may answer what the memory does not tell",
        ("true", "false"),
    ),
    LaunchArgument("rviz", "false", "start RViz with rviz/memory.rviz", ("true", "false")),
    LaunchArgument(
        "enclaves",
        "",
        "SROS 2: where the nodes' enclaves lie, one each by its name, such as /memory_agent (see config/sros2); empty: "
        "none are named",
    ),
    LaunchArgument(
        "retention_file",
        "",
        "how long the memory keeps what it saw: a file in config/ (retention) or a path; empty: for ever",
    ),
    LaunchArgument("respawn", "false", "start a node again when it dies", ("true", "false")),
    LaunchArgument(
        "fastdds_profile",
        "none",
        "shared_memory: 4 MB shared-memory segment of Fast DDS, which whole images need; the camera's process needs "
        "it too. A profile file set by the user in the environment is left alone",
        ("none", "shared_memory"),
    ),
)

ROBOT_ARGUMENTS: tuple[LaunchArgument, ...] = (
    *_COMMON,
    LaunchArgument("params_file", "turtlebot4_oakd", "robot: a file in config/ (without .yaml) or a path"),
    LaunchArgument("use_sim_time", "false", "take time from /clock", ("true", "false")),
    LaunchArgument("explore", "none", "exploration to start at once", EXPLORATIONS),
)

SIMULATION_ARGUMENTS: tuple[LaunchArgument, ...] = (
    *_COMMON,
    LaunchArgument("params_file", "simulation", "parameters: a file in config/ (without .yaml) or a path"),
    LaunchArgument("use_sim_time", "true", "take time from /clock, which the simulation publishes", ("true", "false")),
    LaunchArgument("explore", "frontier", "exploration to start at once", EXPLORATIONS),
    LaunchArgument("split", "train", "split of the apartments", ("train", "val", "test")),
    LaunchArgument("seed", "0", "seed of the apartment within its split, any integer"),
    LaunchArgument("rooms", "0", "number of rooms, 3 to 6; 0 leaves it to the seed"),
    LaunchArgument("width", "320", "image width in pixels; the height is three quarters of it", ("320", "640")),
    LaunchArgument("rate", "5.0", "camera frames per second of simulated time"),
    LaunchArgument("real_time_factor", "1.0", "simulated seconds per second, at most; 0 = as fast as it goes"),
    LaunchArgument("lossless", "true", "wait for the memory instead of losing frames", ("true", "false")),
)


def resolve(arguments: Sequence[LaunchArgument], values: Mapping[str, str]) -> dict[str, str]:
    """Defaults filled in, names and choices checked.

    Raises:
        BadInputError: ``launch_argument`` for an unknown name or a value that is not a choice.
    """
    known = {a.name: a for a in arguments}
    for name, value in values.items():
        if name not in known:
            raise BadInputError("launch_argument", f"unknown argument {name!r}; known are {', '.join(sorted(known))}")
        choices = known[name].choices
        if choices and value not in choices:
            raise BadInputError("launch_argument", f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return {a.name: values.get(a.name, a.default) for a in arguments}


def share_directory() -> Path:
    """Folder that holds ``config``, ``launch`` and ``rviz``: the checkout, or the share folder of the installation.

    Raises:
        BadInputError: ``share_missing`` when the package was installed without its data files.
    """
    here = Path(__file__).resolve()
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    candidates = [here.parents[1]]
    candidates += [prefix / "share" / PACKAGE for prefix in (*here.parents, *prefixes, Path(sys.prefix))]
    for candidate in candidates:
        if (candidate / "config" / "simulation.yaml").is_file() and (candidate / "rviz").is_dir():
            return candidate
    raise BadInputError("share_missing", f"config/simulation.yaml not found next to {here}; install the package again")


def parameter_file(name_or_path: str) -> Path:
    """``config/NAME.yaml`` for a bare name, else the path itself.

    Raises:
        BadInputError: ``params_file`` if there is no such file; the message lists what config/ offers.
    """
    shipped = share_directory() / "config" / f"{name_or_path}.yaml"
    path = Path(name_or_path).expanduser()
    for candidate in (shipped, path):
        if candidate.is_file():
            return candidate.resolve()
    names = ", ".join(sorted(p.stem for p in (share_directory() / "config").glob("*.yaml")))
    raise BadInputError("params_file", f"no parameter file {name_or_path!r}; give a path or one of {names}")


def remappings_of(path: Path) -> tuple[tuple[str, str], ...]:
    """The ``bringup: ros__parameters: remappings`` list of a robot's file, as pairs.

    Raises:
        BadInputError: ``params_file`` if the file is no YAML mapping or an entry is not ``from:=to``.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise BadInputError("params_file", f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise BadInputError("params_file", f"{path} must be a mapping of node names to ros__parameters")
    entries = document.get("bringup", {}).get("ros__parameters", {}).get("remappings", [])
    pairs = [str(entry).partition(":=") for entry in entries]
    for entry, (source, sign, target) in zip(entries, pairs, strict=True):
        if not (source and sign and target):
            raise BadInputError("params_file", f"{path}: remapping {entry!r} must read from:=to")
    return tuple((source, target) for source, _, target in pairs)


def environment(values: Mapping[str, str], base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables to add to ``base`` (the process's own if None); whatever the user has set stays as it is."""
    base = os.environ if base is None else base
    wanted = values.get("fastdds_profile") == "shared_memory"
    profile = share_directory() / "config" / "fastdds_shared_memory.xml" if wanted else None
    complete = {"MUJOCO_GL": "egl", **child_environment(base, fastdds_profile=profile)}
    return {name: value for name, value in complete.items() if base.get(name) != value}


def robot_nodes(values: Mapping[str, str]) -> list[NodeSpec]:
    """Everything for a robot that brings its own camera, base and TF; the lifecycle manager comes last.

    Args:
        values: argument values by name, as :data:`ROBOT_ARGUMENTS`; missing ones take their default.
    """
    return _agent_nodes(resolve(ROBOT_ARGUMENTS, values), managed_first=())


def simulation_nodes(values: Mapping[str, str]) -> list[NodeSpec]:
    """The same nodes with the MuJoCo apartment in place of the robot.

    Args:
        values: argument values by name, as :data:`SIMULATION_ARGUMENTS`; missing ones take their default.
    """
    settings = resolve(SIMULATION_ARGUMENTS, values)
    file = parameter_file(settings["params_file"])
    width = int(settings["width"])
    simulation = _node(
        settings,
        "sim_node",
        package=SIMULATION_PACKAGE,
        module="memory_agent_sim.node",
        files=(str(file),),
        remappings=remappings_of(file),
        parameters={
            "use_sim_time": False,
            "split": settings["split"],
            "seed": _number(settings, "seed", int),
            "rooms": _number(settings, "rooms", int),
            "width": width,
            "height": width * 3 // 4,
            "rate_hz": _number(settings, "rate", float),
            "real_time_factor": _number(settings, "real_time_factor", float),
            "lossless": settings["lossless"] == "true",
        },
    )
    return _agent_nodes(settings, managed_first=(simulation,))


def only(nodes: Sequence[NodeSpec], names: Sequence[str]) -> list[NodeSpec]:
    """The named nodes, with a lifecycle manager that manages just these."""
    kept = [node for node in nodes if node.name in names]
    managers = [node for node in nodes if node.name == MANAGER and node.name not in names]
    managed = [node.full_name for node in kept if node.lifecycle]
    return [*kept, *(replace(m, parameters={**m.parameters, "node_names": managed}) for m in managers)]


def _agent_nodes(settings: Mapping[str, str], managed_first: tuple[NodeSpec, ...]) -> list[NodeSpec]:
    file = parameter_file(settings["params_file"])
    files, remappings = (str(file),), remappings_of(file)
    common = {"use_sim_time": settings["use_sim_time"] == "true"}
    own: dict[str, dict[str, Any]] = {
        "memory_node": {"map_path": settings["map_path"]} if settings["map_path"] else {},
        "perception_node": {"detector": settings["detector"]} if settings["detector"] else {},
        "explorer_node": {"explore_on_activate": settings["explore"]}
        | ({"policy": settings["policy"]} if settings["policy"] else {}),
        "reasoner_node": {},
    }
    if settings["adapters"] == "true":
        own["reasoner_node"] = {"adapters": True}
        own["adapter_node"] = {"folder": _beside(settings["map_path"])} if settings["map_path"] else {}
    retention = (str(parameter_file(settings["retention_file"])),) if settings["retention_file"] else ()
    more = {"memory_node": retention}
    nodes = [
        _node(
            settings, name, files=(*files, *more.get(name, ())), remappings=remappings,
            parameters={**common, **parameters},
        )
        for name, parameters in own.items()
    ]  # fmt: skip
    managed = [*nodes, *managed_first]  # the camera is activated last, so that nobody misses its first frame
    manager = _node(
        settings,
        MANAGER,
        files=files,
        parameters={"use_sim_time": False, "node_names": [node.full_name for node in managed]},
        lifecycle=False,
    )
    return [*managed, manager, *_rviz(settings, remappings)]


def _node(
    settings: Mapping[str, str],
    name: str,
    *,
    package: str = PACKAGE,
    module: str | None = None,
    files: tuple[str, ...] = (),
    remappings: tuple[tuple[str, str], ...] = (),
    parameters: Mapping[str, Any],
    lifecycle: bool = True,
) -> NodeSpec:
    return NodeSpec(
        name=name,
        package=package,
        executable=name,
        module=module or f"memory_agent_ros.nodes.{name}",
        namespace=settings["namespace"].strip("/"),
        parameter_files=files,
        parameters=parameters,
        remappings=remappings,
        log_level=settings["log_level"],
        lifecycle=lifecycle,
        respawn=settings["respawn"] == "true",
        enclave=enclave_of(settings["enclaves"], name),
    )


def enclave_of(folder: str, name: str) -> str:
    """The enclave of a node; "" if none are named.

    Raises:
        BadInputError: ``launch_argument`` if the folder is no absolute path.
    """
    if folder and not folder.startswith("/"):
        raise BadInputError(
            "launch_argument", f"enclaves must be an absolute path such as /memory_agent, got {folder!r}"
        )
    return f"{folder.rstrip('/')}/{name}" if folder else ""


def _beside(map_path: str) -> str:
    """Folder of the adapters of a map file; "" for a map on a server, which has none beside it."""
    return "" if "://" in map_path else f"{map_path}.adapters"


def rviz_topics(path: Path) -> list[str]:
    """Absolute names of all topics that an RViz configuration shows."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    displays = document["Visualization Manager"]["Displays"]
    return [value["Value"] for d in displays for key, value in d.items() if key.endswith("Topic")]


def _rviz(settings: Mapping[str, str], remappings: tuple[tuple[str, str], ...]) -> list[NodeSpec]:
    """RViz outside the namespace; the absolute topics of its configuration are led to where the nodes publish."""
    if settings["rviz"] != "true":
        return []
    display = share_directory() / "rviz" / "memory.rviz"
    prefix = "/" + settings["namespace"].strip("/")
    led: list[tuple[str, str]] = []
    for topic in rviz_topics(display):
        target = dict(remappings).get(topic.lstrip("/"), topic.lstrip("/"))
        full = target if target.startswith("/") else f"{prefix.rstrip('/')}/{target}"
        if full != topic:
            led.append((topic, full))
    return [
        NodeSpec(
            name="rviz2",
            enclave=enclave_of(settings["enclaves"], "rviz2"),
            package="rviz2",
            executable="rviz2",
            module=None,
            arguments=("-d", str(display)),
            parameters={"use_sim_time": settings["use_sim_time"] == "true"},
            remappings=tuple(led),
            log_level=settings["log_level"],
            lifecycle=False,
        )
    ]


def _number(settings: Mapping[str, str], name: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(settings[name])
    except ValueError as error:
        raise BadInputError("launch_argument", f"{name} must be a number, got {settings[name]!r}") from error
