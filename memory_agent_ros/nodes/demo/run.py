"""The demo from the first look to the report: explore, change the world, patrol, ask, write."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memory_agent_ros import bringup
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.nodes.conversions import evidence_from_message
from memory_agent_ros.nodes.demo.client import DemoClient
from memory_agent_ros.nodes.demo.config import DemoConfig
from memory_agent_ros.nodes.demo.diary import Diary
from memory_agent_ros.nodes.demo.questions import DemoQuestion, build_questions
from memory_agent_ros.nodes.demo.recorder import BagRecorder
from memory_agent_ros.nodes.demo.story import Asked, DemoResult, Story
from memory_agent_ros.nodes.supervisor import Supervisor
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.ros_environment import child_environment


class Narrator:
    """Tells a person what happens: one line that is renewed while something goes on, and lines that stay."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._start = time.monotonic()
        self._renewed = 0.0
        self._open = False

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        if self._open:
            sys.stderr.write("\r\033[K")
            self._open = False
        print(f"[{time.monotonic() - self._start:5.1f} s] {text}", file=sys.stderr, flush=True)

    def renew(self, text: str) -> None:
        """A line that the next one replaces; on no terminal, one in ten seconds is kept."""
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        if self._quiet or now - self._renewed < (0.25 if terminal else 10.0):
            return
        self._renewed = now
        if terminal:
            sys.stderr.write(f"\r\033[K[{now - self._start:5.1f} s] {text[:150]}")
            sys.stderr.flush()
            self._open = True
        else:
            self.say(text)


def run_demo(config: DemoConfig, quiet: bool = False) -> DemoResult:
    """Run the demo and write everything to ``config.out``.

    Raises:
        DemoError, NodeDiedError, NodesNotReadyError: a node failed; the message holds what it said.
    """
    begin = time.monotonic()
    narrator = Narrator(quiet)
    paths = prepare_folder(config)
    diary = Diary()
    environment = demo_environment(config)
    os.environ.update(environment)
    narrator.say(
        f"starting the simulated apartment ({config.rooms} rooms, {config.split} seed {config.seed}) and the nodes"
    )
    with (
        Supervisor(simulation_nodes(config, paths), environment, config.out / "logs") as supervisor,
        BagRecorder(paths["bag"]) as recorder,
        DemoClient(diary, recorder, config.record_every_s, supervisor.check) as client,
    ):
        supervisor.wait_active(config.start_limit_s)
        client.wait_for_subscribers()
        story = Story(client.world)
        story.wall_s["start"] = time.monotonic() - begin
        live(config, client, diary, story, narrator)
        narrator.say("stopping the nodes")
    from memory_agent_ros.nodes.demo.outputs import write_outputs

    narrator.say("writing the report, the Rerun file and the film")
    with _timed(story, "write"):
        result = write_outputs(config, paths, diary, story)
    story.wall_s["total"] = time.monotonic() - begin
    result = DemoResult(result.paths, result.questions, result.edits, result.rounds, dict(story.wall_s))
    (config.out / "result.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
    _summary(narrator, result)
    return result


def prepare_folder(config: DemoConfig) -> dict[str, Path]:
    """Make the folder and clear what an earlier run left; returns the path of each part."""
    out = config.out
    out.mkdir(parents=True, exist_ok=True)
    paths = {
        "report": out / "report.html",
        "map": out / "map.map",
        "bag": out / "bag",
        "rerun": out / "demo.rrd",
        "film": out / f"demo.{config.film}",
    }
    if config.film == "none":
        del paths["film"]
    leftovers = [
        paths["report"],
        paths["rerun"],
        out / "demo.gif",
        out / "demo.mp4",
        *out.glob("map.map*"),
        *out.glob("logs/*"),
    ]
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return paths


def demo_environment(config: DemoConfig) -> dict[str, str]:
    """Variables for every process: own domain, this machine only unless the user chose; shared-memory profile."""
    added = bringup.environment({"fastdds_profile": "shared_memory"})
    added.update({k: v for k, v in child_environment().items() if k not in os.environ})
    if "ROS_DOMAIN_ID" not in os.environ:
        added["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
    if not {"ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY"} & set(os.environ):
        added["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    return added


def simulation_nodes(config: DemoConfig, paths: dict[str, Path]) -> list[bringup.NodeSpec]:
    """The same nodes as ``memory-agent up simulation`` starts, as fast as they go, the robot standing still.

    Its questions are such as templates understand: no language model is loaded beside the simulation.
    """
    nodes = bringup.simulation_nodes(
        {
            "split": config.split,
            "seed": str(config.seed),
            "rooms": str(config.rooms),
            "width": str(config.width),
            "rate": str(config.rate_hz),
            "real_time_factor": "0.0",
            "lossless": "true",
            "explore": "none",
            "map_path": str(paths["map"].resolve()),
            "fastdds_profile": "shared_memory",
        }
    )
    return [
        dataclasses.replace(n, parameters={**n.parameters, "model": "none"}) if n.name == "reasoner_node" else n
        for n in nodes
    ]


def live(config: DemoConfig, client: DemoClient, diary: Diary, story: Story, narrator: Narrator) -> None:
    """The part in which the robot is awake."""
    policy, story.explored_by = usable_policy(config.policy)
    narrator.say(f"explore: {story.explored_by}")
    _round("explore", "frontier", config.explore_limit_s, client, diary, story, narrator, policy)
    narrator.say(f"the robot looks elsewhere: {config.moves} objects are moved, {config.removes} taken away")
    with _phase(diary, story, "world changes"):
        story.edits += client.edit_world("move", config.moves, config.seed) if config.moves else []
        story.edits += client.edit_world("remove", config.removes, config.seed + 1) if config.removes else []
    for edit in story.edits:
        narrator.say(f"    {edit.sentence()}")
    narrator.say("patrol: go over the known places once more")
    _round("patrol", "patrol", config.patrol_limit_s, client, diary, story, narrator)
    story.world = client.world
    with _timed(story, "questions"):
        for question in build_questions(story.world, diary.sightings, diary.now_ns):
            story.asked.append(_ask(client, question, narrator))
        client.save_memory()


def usable_policy(wanted: str) -> tuple[str, str]:
    """Name of the policy for the explorer ("" for the nearest frontier), and a sentence for people."""
    plain = "the nearest frontier is next"
    if wanted == "frontier":
        return "", plain
    try:
        policy_by_name(wanted, LabelVectors(lazy_text_embedder("auto")))
    except MemoryAgentError as error:
        return "", f"{plain}; policy {wanted} cannot be had: {error}"
    return wanted, f"policy {wanted} chooses what is next"


def _round(
    name: str,
    mode: str,
    limit_s: float,
    client: DemoClient,
    diary: Diary,
    story: Story,
    narrator: Narrator,
    policy: str = "",
) -> None:
    told = len(diary.events)

    def on_feedback(feedback: Any) -> None:
        narrator.renew(
            f"    {diary.now_ns / 1e9:4.0f} s simulated, {feedback.travelled_m:5.1f} m driven, "
            f"coverage {feedback.coverage:4.2f}, "
            f"{diary.known()} objects known, {feedback.reason}"
        )

    with _phase(diary, story, name), _timed(story, name):
        result = client.explore(mode, limit_s, on_feedback, policy)
    story.rounds[name] = {
        "stop_reason": str(result.stop_reason),
        "coverage": float(result.coverage),
        "travelled_m": float(result.travelled_m),
        "goals_reached": float(result.goals_reached),
    }
    noticed = [e for e in diary.events[told:] if e.kind in ("moved", "gone")]
    narrator.say(
        f"    stopped ({result.stop_reason}) after {result.travelled_m:.1f} m, coverage {result.coverage:.2f}; "
        f"{diary.known()} objects known, {len(noticed)} changes noticed"
    )
    for event in noticed:
        narrator.say(f"    noticed: {event.label} #{event.object_id} {event.kind}")


def _ask(client: DemoClient, question: DemoQuestion, narrator: Narrator) -> Asked:
    reply = client.ask(question.text)
    if reply.error_code:
        answer = Answer(f"no answer: {reply.message}", AnswerState.UNKNOWN, 0.0)
        ok = False
    else:
        evidence = tuple(evidence_from_message(e) for e in reply.evidence)
        value = json.loads(reply.value_json) if reply.value_json else None
        answer = Answer(reply.answer, AnswerState(reply.state), float(reply.confidence), evidence, value)
        ok = question.judge(answer)
    narrator.say(f"    {'right' if ok else 'WRONG'}  {question.text}  ->  {answer.text}")
    return Asked(question, answer, ok)


@contextmanager
def _phase(diary: Diary, story: Story, name: str) -> Iterator[None]:
    start = diary.now_ns
    yield
    story.phases.append((name, start, diary.now_ns))


@contextmanager
def _timed(story: Story, name: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    story.wall_s[name] = time.monotonic() - begin


def _summary(narrator: Narrator, result: DemoResult) -> None:
    told = result.to_dict()
    narrator.say(
        f"done: {told['right']} of {told['asked']} answers right, "
        f"{told['noticed']} of {told['changed']} changes noticed, "
        f"{result.wall_s['total']:.0f} s in all"
    )
    for name, path in result.paths.items():
        narrator.say(f"    {name:7s} {path}")
