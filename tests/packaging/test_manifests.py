"""package.xml, setup.py and the tree say the same."""

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

# Modules of ROS 2, by the name of the package that brings them.
ROS_MODULES = re.compile(r"^(rclpy|launch|launch_ros|ament_index_python|tf2_ros|[a-z0-9_]+_(msgs|interfaces))$")
OPTIONAL = {"nav2_msgs"}  # used where it is installed
PACKAGE_OF = {"tf2_ros": "tf2_ros_py", "cv2": "python3-opencv", "skimage": "python3-skimage", "PIL": "python3-pil"}
PACKAGE_OF |= {"yaml": "python3-yaml", "scipy": "python3-scipy", "numpy": "python3-numpy"}
PACKAGE_OF |= {"jinja2": "python3-jinja2", "tqdm": "python3-tqdm"}
MANIFESTS = {"memory_agent_ros": "package.xml", "memory_agent_sim": "sim/package.xml"}


def imported(folder: Path) -> set[str]:
    """Top-level modules that the files of a folder import, inside functions too."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def declared(manifest: Path) -> set[str]:
    root = ElementTree.parse(manifest).getroot()
    assert root.get("format") == "3"
    return {str(item.text) for tag in ("depend", "exec_depend") for item in root.findall(tag)}


@pytest.mark.parametrize("package", MANIFESTS)
def test_what_is_imported_is_declared(repository: Path, package: str) -> None:
    manifest = repository / MANIFESTS[package]
    used = imported(manifest.parent / package)
    wanted = {PACKAGE_OF.get(name, name) for name in used if ROS_MODULES.match(name) or name in PACKAGE_OF}
    assert wanted - OPTIONAL - {package} <= declared(manifest)


@pytest.mark.parametrize("package", MANIFESTS)
def test_versions_agree(repository: Path, package: str) -> None:
    manifest = repository / MANIFESTS[package]
    version = ElementTree.parse(manifest).getroot().findtext("version")
    assert f'version="{version}"' in (manifest.parent / "setup.py").read_text(encoding="utf-8")
    messages = ElementTree.parse(repository / "memory_agent_msgs" / "package.xml").getroot()
    assert messages.findtext("version") == version


def test_every_interface_file_is_built(repository: Path) -> None:
    folder = repository / "memory_agent_msgs"
    files = {str(path.relative_to(folder)) for kind in ("msg", "srv", "action") for path in (folder / kind).iterdir()}
    assert set(re.findall(r'"((?:msg|srv|action)/[^"]+)"', (folder / "CMakeLists.txt").read_text())) == files


def test_every_command_exists(repository: Path) -> None:
    for package, manifest in MANIFESTS.items():
        folder = (repository / manifest).parent
        text = (folder / "setup.py").read_text(encoding="utf-8").replace("{PACKAGE}", package)
        commands = re.findall(rf"= ({package}[\w.]*):(\w+)", text)
        assert commands
        for module, function in commands:
            tree = ast.parse((folder / Path(*module.split(".")).with_suffix(".py")).read_text(encoding="utf-8"))
            assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, module


def test_the_wheels_of_ros_are_in_their_own_extra_only(repository: Path) -> None:
    text = (repository / "setup.py").read_text(encoding="utf-8")
    before, _, extra = text.partition('"ros-wheels": [')
    assert "kilted" in extra
    assert "kilted" not in before


def test_the_standard_library_suffices_for_the_set_up(repository: Path) -> None:
    own = {path.stem for path in (repository / "tools").glob("*.py")}
    assert imported(repository / "tools") <= set(sys.stdlib_module_names) | own
