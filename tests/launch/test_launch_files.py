"""Both launch files, with their defaults and with arguments, and that ``memory-agent up`` starts the same."""

import pytest

from memory_agent_ros import bringup
from memory_agent_ros.records.errors import BadInputError

FILES = {
    "memory_agent.launch.py": (bringup.ROBOT_ARGUMENTS, bringup.robot_nodes),
    "simulation.launch.py": (bringup.SIMULATION_ARGUMENTS, bringup.simulation_nodes),
}
ROBOT = ["memory_node", "perception_node", "explorer_node", "reasoner_node"]


@pytest.mark.parametrize("file_name", FILES)
def test_every_argument_is_declared_and_described(run_launch_file, file_name):
    declared, _, _ = run_launch_file(file_name)
    assert list(declared) == [argument.name for argument in FILES[file_name][0]]
    assert all(len(argument.description) > 10 for argument in declared.values())


@pytest.mark.parametrize("file_name", FILES)
@pytest.mark.parametrize(
    "arguments", [{}, {"namespace": "robot1", "log_level": "debug", "map_path": "/data/7 rooms.map"}]
)
def test_launch_and_up_start_the_same(run_launch_file, file_name, arguments):
    _, _, actions = run_launch_file(file_name, **arguments)
    specs = FILES[file_name][1](arguments)
    assert [a.keywords["name"] for a in actions] == [s.name for s in specs]
    for action, spec in zip(actions, specs, strict=True):
        launched, started = action.command(), spec.command("python")
        assert sorted(launched[1:]) == sorted(started[3:] if spec.module else started[1:])
        assert action.keywords["package"] == spec.package


def test_robot_starts_nothing_of_the_simulation(run_launch_file):
    _, _, actions = run_launch_file("memory_agent.launch.py")
    assert [a.keywords["name"] for a in actions] == [*ROBOT, "lifecycle_manager"]
    assert {a.keywords["package"] for a in actions} == {"memory_agent_ros"}
    assert not any("use_sim_time:=true" in word for a in actions for word in a.command())


@pytest.mark.parametrize(
    ("map_path", "folder"),
    [("/data/home.map", 'folder:="/data/home.map.adapters"'), ("postgresql://host/db?map=a", 'folder:=""')],
)
def test_adapters_are_opt_in_and_lie_beside_the_map(run_launch_file, map_path, folder):
    _, _, actions = run_launch_file("memory_agent.launch.py", map_path=map_path)
    assert "adapter_node" not in [a.keywords["name"] for a in actions]
    _, _, actions = run_launch_file("memory_agent.launch.py", adapters="true", map_path=map_path)
    by_name = {a.keywords["name"]: a.command() for a in actions}
    assert [w for w in by_name["adapter_node"] if w.startswith("folder:=")] == [folder]
    assert "adapters:=true" in by_name["reasoner_node"]
    (names,) = [w for w in by_name["lifecycle_manager"] if w.startswith("node_names:=")]
    assert '"/adapter_node"' in names


def test_simulation_arguments_reach_the_node(run_launch_file):
    _, _, actions = run_launch_file(
        "simulation.launch.py", split="test", seed="-4", width="640", rate="2.5", lossless="false", explore="none"
    )
    by_name = {a.keywords["name"]: a.command() for a in actions}
    for expected in ('split:="test"', "seed:=-4", "width:=640", "height:=480", "rate_hz:=2.5", "lossless:=false"):
        assert expected in by_name["sim_node"]
    assert "use_sim_time:=true" in by_name["memory_node"]
    assert 'explore_on_activate:="none"' in by_name["explorer_node"]


def test_camera_is_activated_last(run_launch_file):
    _, _, actions = run_launch_file("simulation.launch.py", namespace="a")
    words = next(a for a in actions if a.keywords["name"] == "lifecycle_manager").command()
    (names,) = [w for w in words if w.startswith("node_names:=")]
    assert names.endswith('"/a/sim_node"]') and '"/a/memory_node"' in names


def test_threads_are_pinned_unless_the_user_did(run_launch_file, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    _, environment, _ = run_launch_file("memory_agent.launch.py")
    assert environment["OMP_NUM_THREADS"] == "1"
    assert "MKL_NUM_THREADS" not in environment


def test_shared_memory_profile_is_opt_in_and_never_over_the_users(run_launch_file, monkeypatch):
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.delenv(name, raising=False)
    _, environment, _ = run_launch_file("memory_agent.launch.py")
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in environment
    _, environment, _ = run_launch_file("memory_agent.launch.py", fastdds_profile="shared_memory")
    assert environment["FASTDDS_DEFAULT_PROFILES_FILE"].endswith("config/fastdds_shared_memory.xml")
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", "/home/me/mine.xml")
    _, environment, _ = run_launch_file("memory_agent.launch.py", fastdds_profile="shared_memory")
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in environment


def test_rviz_is_opt_in(run_launch_file):
    _, _, actions = run_launch_file("simulation.launch.py", rviz="true")
    assert actions[-1].keywords["executable"] == "rviz2"
    assert actions[-1].keywords["arguments"][1].endswith("rviz/memory.rviz")


def test_rviz_finds_a_namespaced_robot_with_topics_of_its_own(run_launch_file):
    _, _, actions = run_launch_file("memory_agent.launch.py", rviz="true", namespace="tb")
    words = actions[-1].keywords["ros_arguments"]
    assert "/camera/color/image_raw:=/tb/oakd/rgb/image_raw" in words
    assert "/memory/markers:=/tb/memory/markers" in words


def test_wrong_choice_is_refused(run_launch_file):
    with pytest.raises(RuntimeError, match="split"):
        run_launch_file("simulation.launch.py", split="holdout")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": "1"}, "unknown argument 'sed'"),
        ({"seed": "one"}, "seed must be a number"),
        ({"params_file": "no_such_robot"}, "turtlebot4_oakd"),
        ({"rviz": "yes"}, "rviz must be one of true, false"),
    ],
)
def test_bad_arguments_say_what_to_do(values, message):
    with pytest.raises(BadInputError, match=message):
        bringup.simulation_nodes(values)


@pytest.mark.parametrize("text", ["bringup: [", "- a\n- b\n", "bringup: {ros__parameters: {remappings: ['a=b']}}"])
def test_broken_parameter_file_is_refused(tmp_path, text):
    path = tmp_path / "robot.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError) as refused:
        bringup.robot_nodes({"params_file": str(path)})
    assert refused.value.reason == "params_file" and str(path) in str(refused.value)


def test_each_node_gets_the_enclave_of_its_name_if_enclaves_are_named():
    plain, secure = (bringup.robot_nodes(a) for a in ({}, {"enclaves": "/memory_agent/", "rviz": "true"}))
    assert not any("--enclave" in node.ros_arguments() for node in plain)
    assert {node.name: node.enclave for node in secure} == {n.name: f"/memory_agent/{n.name}" for n in secure}
    for node in secure:
        words = node.ros_arguments()
        assert words[words.index("--enclave") + 1] == node.enclave
    with pytest.raises(BadInputError, match="enclaves"):
        bringup.robot_nodes({"enclaves": "memory_agent"})


def test_only_the_memory_gets_the_retention_policy():
    nodes = bringup.simulation_nodes({"retention_file": "retention"})
    given = {n.name for n in nodes if any(f.endswith("retention.yaml") for f in n.parameter_files)}
    assert given == {"memory_node"}
