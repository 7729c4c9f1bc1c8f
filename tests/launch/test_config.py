"""Every shipped parameter file: known nodes, known parameters, values in range; remappings of topics that exist."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from memory_agent_ros import bringup

pytest.importorskip("rclpy")

from memory_agent_ros.nodes import parameters
from memory_agent_ros.nodes.adapter_config import AdapterNodeConfig
from memory_agent_ros.nodes.explorer_node import ExplorerNodeConfig
from memory_agent_ros.nodes.lifecycle_manager import LifecycleManagerConfig
from memory_agent_ros.nodes.memory_node import MemoryNodeConfig
from memory_agent_ros.nodes.perception_node import PerceptionNodeConfig
from memory_agent_ros.nodes.reasoner_node import ReasonerNodeConfig

FOLDER = bringup.share_directory() / "config"
FILES = sorted(FOLDER.glob("*.yaml"))
CONFIGS = {
    "perception_node": PerceptionNodeConfig,
    "memory_node": MemoryNodeConfig,
    "explorer_node": ExplorerNodeConfig,
    "reasoner_node": ReasonerNodeConfig,
    "adapter_node": AdapterNodeConfig,
    "lifecycle_manager": LifecycleManagerConfig,
}


def sim_config():
    return pytest.importorskip("memory_agent_sim.node").SimNodeConfig


def flat(values, prefix=""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


class StandInNode:
    """Holds parameter values as a node does."""

    def __init__(self, values):
        self.values = values

    def get_parameter(self, name):
        return type("Parameter", (), {"value": self.values[name]})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_and_values_are_those_of_the_nodes(path):
    for key, section in yaml.safe_load(path.read_text()).items():
        if key == "bringup":
            continue
        name = key.removeprefix("/**/")
        assert key == f"/**/{name}", f"{key} must work in every namespace: /**/{key}"
        config_class = sim_config() if name == "sim_node" else CONFIGS[name]
        given = dict(flat(section["ros__parameters"]))
        given.pop("use_sim_time", None)
        known = {spec.name: spec.default for spec in parameters.specs(config_class)}
        assert set(given) <= set(known), f"{path.name}: {name} has no {sorted(set(given) - set(known))}"
        for parameter, value in given.items():
            assert type(value) is type(known[parameter]), f"{name}.{parameter}"
        config = parameters.read(StandInNode(known | given), config_class)
        assert dataclasses.is_dataclass(config)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_remappings_start_from_topics_of_the_graph(path, repository):
    topics = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*)`", (repository / "docs" / "architecture.md").read_text()))
    for source, _ in bringup.remappings_of(path):
        assert source in topics, f"{path.name} remaps {source}, which no node uses"


def test_both_robots_are_there_and_the_simulation_and_the_retention_policy():
    assert {path.stem for path in FILES} == {"simulation", "stretch3_realsense", "turtlebot4_oakd", "retention"}


def test_shared_memory_profile_holds_an_image_and_fits_a_container():
    text = (FOLDER / "fastdds_shared_memory.xml").read_text()
    size = int(ElementTree.fromstring(text).findtext(".//{*}segment_size"))
    assert 640 * 480 * 4 * 2 < size <= 16 * 2**20
