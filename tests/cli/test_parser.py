"""The command line itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memory_agent_ros.cli import build_parser, main

VERBS = ("demo", "up", "episode", "ingest", "ask", "doctor", "show", "map", "merge", "quarantine", "bench")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args([verb, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out) > 200


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom memory_agent_ros.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "names = {'numpy', 'torch', 'cv2', 'rclpy', 'matplotlib', 'rerun', 'mujoco', 'scipy', 'rosbags'}\n"
        "heavy = names & set(sys.modules)\n"
        "print('heavy:', sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stderr
    assert all(verb in done.stdout for verb in VERBS)


def test_up_lists_the_launch_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "simulation", "--show-args"]) == 0
    out = capsys.readouterr().out
    assert "seed:=0" in out and "[train|val|test]" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(["seed=3"], "NAME:=VALUE"), (["nonsense:=3"], "unknown argument"), (["split:=x"], "one of")],
)
def test_up_refuses_bad_arguments(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "simulation", *words]) == 2
    assert complaint in capsys.readouterr().err


def test_unknown_benchmark_and_bad_seeds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "nope", "--seeds", "0:1"]) == 2
    assert "there are" in capsys.readouterr().err
    assert main(["bench", "map", "--seeds", "5:5"]) == 2
    assert "names no seed" in capsys.readouterr().err


def test_unknown_policy_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["episode", "--policy", "telepathy"]) == 2
    assert "frontier" in capsys.readouterr().err


def test_episode_writes_json_and_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("memory_agent_sim.simulation")
    result, path = tmp_path / "e.json", tmp_path / "e.map"
    words = ["--split", "val", "--seed", "1", "--rooms", "3", "--width", "320", "--time-limit", "6"]
    assert main(["--quiet", "episode", *words, "--map", str(path), "--json", str(result)]) == 0
    told = json.loads(result.read_text())
    assert told["split"] == "val" and told["phases"][0]["frames"] >= 30 and told["objects"]
    assert path.exists() and "coverage:" in capsys.readouterr().out
