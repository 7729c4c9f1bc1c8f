"""Figures of a training as it goes: JSON lines always, TensorBoard's event files where it is installed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Logs:
    """Figures by step.

    Args:
        folder: where ``figures.jsonl`` and the event files are written.
        name: of the training; curves are called ``NAME/FIGURE``.
        unit: what steps are called in the lines.
        fresh: begin anew; else lines are added to those there.
    """

    def __init__(self, folder: Path, name: str, unit: str, fresh: bool) -> None:
        self._folder, self._name, self._unit, self._fresh = folder, name, unit, fresh

    def __enter__(self) -> Logs:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lines = (self._folder / "figures.jsonl").open("w" if self._fresh else "a", encoding="utf-8")
        self._board: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return self
        self._board = SummaryWriter(str(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        if self._board is not None:
            self._board.close()

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """One line, one point of each curve."""
        self._lines.write(json.dumps({self._unit: step, **{k: round(v, 6) for k, v in figures.items()}}) + "\n")
        self._lines.flush()
        if self._board is not None:
            for name, value in figures.items():
                self._board.add_scalar(f"{self._name}/{name}", value, step)
