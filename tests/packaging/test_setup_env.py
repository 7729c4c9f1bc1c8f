import json
import subprocess
import sys
from pathlib import Path

import build_interfaces
import pytest
import setup_env
import system_libraries
import torch_build
from system_libraries import MissingSystemPackageError, Need, require


def stages_of(calls: list[str], inputs: dict[str, str]) -> list[setup_env.Stage]:
    return [setup_env.Stage(name, name, (text,), lambda name=name: calls.append(name)) for name, text in inputs.items()]


@pytest.fixture
def environment(tmp_path: Path) -> setup_env.Setup:
    setup = setup_env.Setup(tmp_path / ".venv-numpy1")
    setup.python.parent.mkdir(parents=True)
    setup.python.touch()
    return setup


def run_with(
    setup: setup_env.Setup, monkeypatch: pytest.MonkeyPatch, calls: list[str], inputs: dict[str, str]
) -> list[str]:
    monkeypatch.setattr(setup, "numpy1_stages", lambda: stages_of(calls, inputs), raising=False)
    calls.clear()
    setup.run("numpy1")
    return calls


def test_only_what_changed_runs_again(environment: setup_env.Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    inputs = {"venv": "3.11", "ros": "9", "packages": "a"}
    assert run_with(environment, monkeypatch, calls, inputs) == ["venv", "ros", "packages"]
    assert run_with(environment, monkeypatch, calls, inputs) == []
    assert run_with(environment, monkeypatch, calls, {**inputs, "ros": "10"}) == ["ros"]
    assert run_with(environment, monkeypatch, calls, {**inputs, "ros": "10", "venv": "3.12"}) == list(inputs)


def test_an_interrupted_set_up_goes_on_where_it_stopped(
    environment: setup_env.Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def fail() -> None:
        raise setup_env.SetupError("no network")

    good, bad = stages_of(calls, {"venv": "3.11", "ros": "9"}), setup_env.Stage("packages", "packages", ("a",), fail)
    monkeypatch.setattr(environment, "numpy1_stages", lambda: [*good, bad], raising=False)
    with pytest.raises(setup_env.SetupError):
        environment.run("numpy1")
    assert run_with(environment, monkeypatch, calls, {"venv": "3.11", "ros": "9", "packages": "a"}) == ["packages"]


def test_a_damaged_record_means_starting_over(environment: setup_env.Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.stamps.write_text('{"venv": ')
    calls: list[str] = []
    assert run_with(environment, monkeypatch, calls, {"venv": "3.11", "ros": "9"}) == ["venv", "ros"]
    assert set(json.loads(environment.stamps.read_text())) == {"venv", "ros"}


def test_a_command_that_fails_is_quoted_with_its_output(environment: setup_env.Setup) -> None:
    command = [sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"]
    with pytest.raises(setup_env.SetupError, match=r"setup\.log[\s\S]*what went wrong"):
        environment.run_logged(command)
    assert "what went wrong" in environment.log.read_text()


def test_nothing_of_a_sourced_ros_reaches_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/ros/jazzy/lib/python3.12/site-packages")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    environ = setup_env.Setup(tmp_path).pip_environ()
    assert "PYTHONPATH" not in environ
    assert environ["PIP_FIND_LINKS"] == "/wheels"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Downloading mujoco-3.17.0-cp311-cp311-manylinux_2_17_x86_64.whl (9.6 MB)", True),
        ("  Downloading catkin_pkg-1.1.1-py3-none-any.whl (76 kB)", False),
        ("Collecting mujoco", False),
        ("", False),
    ],
)
def test_large_downloads_are_shown(line: str, shown: bool) -> None:
    assert setup_env.large_download(line) == shown


def test_too_little_disk_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(setup_env.SetupError, match=r"1000000\.0 GB of disk are needed"):
        setup_env.check_disk(tmp_path / "new", 1e15)
    setup_env.check_disk(tmp_path / "new", 1.0)


# The machine


def test_without_rights_the_missing_line_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 1000)
    needs = (Need("EGL", ("libegl1",), lambda: False), Need("make", ("make",), lambda: True))
    with pytest.raises(MissingSystemPackageError, match="sudo apt-get install -y --no-install-recommends libegl1\n"):
        require(needs, print)


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a command was run")

    monkeypatch.setattr(system_libraries.subprocess, "run", refuse)
    require((Need("make", ("make",), lambda: True),), print)


def test_libraries_are_found_by_loading_them() -> None:
    assert system_libraries._library("libc.so.6")()
    assert not system_libraries._library("libnothing_of_this_name.so.1")()


# PyTorch


def report(*packages: tuple[str, str]) -> str:
    items = [
        {"metadata": {"name": name, "version": version}, "download_info": {"url": f"https://files.invalid/{name}.whl"}}
        for name, version in packages
    ]
    return json.dumps({"version": "1", "install": items})


CPU = report(("torch", "2.13.0+cpu"), ("sympy", "1.14.0"))
CUDA = report(("torch", "2.13.0"), ("nvidia-cudnn-cu13", "9.20"), ("triton", "3.7"))


def install_torch(
    answers: dict[str, tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[list[str]], list[str]]:
    """Run the choice of the build with canned answers of pip and uv; returns what was run and what was said."""
    ran: list[list[str]] = []
    said: list[str] = []

    def answer(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        code, text = answers["uv" if "uv" in command else "pip"]
        return subprocess.CompletedProcess(command, code, text, "")

    monkeypatch.setattr(torch_build.subprocess, "run", answer)
    monkeypatch.setattr(torch_build, "download_bytes", lambda urls: 1_000_000_000 * len(urls))
    torch_build.install(Path("python"), "torch==2.13.0", {}, ran.append, said.append)
    return ran, said


def test_a_cpu_build_is_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, said = install_torch({"pip": (0, CPU)}, monkeypatch)
    assert [command[-1] for command in ran] == ["torch==2.13.0"]
    assert said == []


def test_uv_is_asked_where_pip_has_only_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, _ = install_torch({"pip": (0, CUDA), "uv": (0, "")}, monkeypatch)
    assert [command[-1] for command in ran] == ["uv"]


def test_the_size_of_the_cuda_build_is_said_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, said = install_torch({"pip": (0, CUDA), "uv": (1, "")}, monkeypatch)
    assert [command[-1] for command in ran] == ["uv", "torch==2.13.0"]
    assert "3.0 GB to download" in said[-1]


# Interfaces


def test_exported_paths_of_the_wheels_are_corrected(tmp_path: Path) -> None:
    file = tmp_path / "share" / "std_msgs" / "cmake" / "export.cmake"
    file.parent.mkdir(parents=True)
    file.write_text(
        'INCLUDE "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include"'
    )
    (file.parent / "other.cmake").write_text("nothing to do")
    folders = tmp_path, tmp_path / "python", tmp_path / "site", Path("/usr/include/py")
    environment = build_interfaces.Environment(*folders)
    assert build_interfaces.correct_exported_paths(environment) == 1
    assert file.read_text() == f'INCLUDE "/usr/include/py;{tmp_path}/site/numpy/_core/include"'
    assert build_interfaces.correct_exported_paths(environment) == 0


def test_tf2_msgs_is_the_type_that_ros_2_knows() -> None:
    tf2_msgs = pytest.importorskip("tf2_msgs.msg")
    json_file = Path(sys.prefix) / "share" / "tf2_msgs" / "msg" / "TFMessage.json"
    if not json_file.is_file():
        pytest.skip("tf2_msgs comes from the distribution here")
    hashes = {item["type_name"]: item["hash_string"] for item in json.loads(json_file.read_text())["type_hashes"]}
    assert hashes["tf2_msgs/msg/TFMessage"].startswith("RIHS01_e369d0f0")
    assert tf2_msgs.TFMessage.get_fields_and_field_types() == {"transforms": "sequence<geometry_msgs/TransformStamped>"}
