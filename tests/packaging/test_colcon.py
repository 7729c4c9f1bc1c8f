"""The README's line builds all three packages with colcon, with and without --symlink-install."""

import re
import subprocess
from pathlib import Path

import pytest

KINDS = ["plain", "linked", pytest.param("linked_whole", marks=pytest.mark.slow)]
PACKAGES = {"memory_agent_msgs", "memory_agent_ros", "memory_agent_sim"}


def readme_line(repository: Path) -> str:
    """Return the one `colcon build` line of the README."""
    lines = re.findall(r"^\s*(colcon build .*)$", (repository / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 1, f"the README has {len(lines)} lines that start with `colcon build`"
    return str(lines[0])


def run(command: str, workspace: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=workspace,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def plain(repository: Path, source_tree: Path, build_environment: dict[str, str]) -> Path:
    """Install folder of the line as it stands."""
    run(readme_line(repository), source_tree, build_environment)
    return source_tree / "install"


@pytest.fixture(scope="module")
def linked(plain: Path, repository: Path, source_tree: Path, build_environment: dict[str, str]) -> Path:
    """Install folder of the line with --symlink-install, on top of the interfaces that the plain line built."""
    line = f"{readme_line(repository)} --symlink-install --packages-skip memory_agent_msgs"
    bases = "--build-base build_linked --install-base install_linked"
    run(f"source {plain}/setup.bash && {line} {bases}", source_tree, build_environment)
    (source_tree / "install_linked" / "memory_agent_msgs").symlink_to(plain / "memory_agent_msgs")
    return source_tree / "install_linked"


@pytest.fixture(scope="module")
def linked_whole(plain: Path, repository: Path, source_tree: Path, build_environment: dict[str, str]) -> Path:
    """Install folder of the line with --symlink-install and nothing else, compiling the interfaces once more."""
    bases = "--build-base build_whole --install-base install_whole"
    run(f"{readme_line(repository)} --symlink-install {bases}", source_tree, build_environment)
    return source_tree / "install_whole"


def test_the_line_finds_the_three_packages(
    repository: Path, source_tree: Path, build_environment: dict[str, str]
) -> None:
    paths = readme_line(repository).removeprefix("colcon build ")
    assert set(run(f"colcon list --names-only {paths}", source_tree, build_environment).split()) == PACKAGES


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_where_ros2_looks(
    kind: str, request: pytest.FixtureRequest, source_tree: Path, build_environment: dict[str, str]
) -> None:
    install = request.getfixturevalue(kind)
    for package in PACKAGES:
        assert (install / package / "share/ament_index/resource_index/packages" / package).exists()
        assert (install / package / "share" / package / "package.xml").exists()
    share = install / "memory_agent_ros" / "share" / "memory_agent_ros"
    tree = source_tree / "src" / "memory_agent_ros"
    for folder in ("launch", "config", "rviz"):
        names = {path.name for path in (tree / folder).iterdir()}
        assert {path.name for path in (share / folder).iterdir()} == names
    nodes = {"perception_node", "memory_node", "explorer_node", "reasoner_node", "adapter_node", "memory-agent"}
    assert nodes <= {path.name for path in (install / "memory_agent_ros/lib/memory_agent_ros").iterdir()}
    assert (install / "memory_agent_sim/lib/memory_agent_sim/sim_node").exists()
    if kind == "plain":  # whichever Python is first on the path, so that nodes see an active virtual environment
        node = install / "memory_agent_ros/lib/memory_agent_ros/memory_node"
        assert node.read_text(encoding="utf-8").splitlines()[0] == "#!/usr/bin/env python3"
    links = [path for path in (share / "launch").iterdir() if path.is_symlink()]
    assert bool(links) == (kind != "plain")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_shell_that_sources_it_uses_it(
    kind: str, request: pytest.FixtureRequest, source_tree: Path, build_environment: dict[str, str]
) -> None:
    install = request.getfixturevalue(kind)
    code = (
        "import memory_agent_msgs.msg as m, memory_agent_ros as r, memory_agent_sim as s;"
        "from rclpy.serialization import serialize_message as w;"
        "print(m.__file__, r.__file__, s.__file__, len(w(m.Evidence())) > 0, sep='\\n')"
    )
    output = run(f'source {install}/setup.bash && python -c "{code}"', source_tree, build_environment).split()
    assert output[-1] == "True"
    inside = install if kind == "plain" else source_tree
    assert all(Path(path).is_relative_to(inside) for path in output[:3]), output
    command = f"source {install}/setup.bash && {install}/memory_agent_ros/lib/memory_agent_ros/memory-agent --help"
    assert "ingest" in run(command, source_tree, build_environment)
