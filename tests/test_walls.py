"""The walls between the rooms hold: docs/architecture.md, written as contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

LINT = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]


def test_the_walls_between_the_rooms_hold(repository: Path) -> None:
    result = subprocess.run(LINT, cwd=repository, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_wall_that_is_broken_is_seen(tmp_path: Path) -> None:
    for name, text in {"lower": "import house.upper.thing\n", "upper": ""}.items():
        (tmp_path / "house" / name).mkdir(parents=True)
        (tmp_path / "house" / name / "__init__.py").write_text("")
        (tmp_path / "house" / name / "thing.py").write_text(text)
    (tmp_path / "house" / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["house"]\n'
        '[[tool.importlinter.contracts]]\nname = "down"\ntype = "layers"\nlayers = ["house.upper", "house.lower"]\n'
    )
    result = subprocess.run(LINT, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "house.lower.thing -> house.upper.thing" in result.stdout
