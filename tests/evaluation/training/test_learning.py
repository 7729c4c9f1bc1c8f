"""What trainings share: the rate, checkpoints of the same settings only, when it looks and when it ends."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.evaluation.training.learning import Learner, Rhythm, rate_at


@dataclass(frozen=True)
class Settings:
    rate: float = 0.1
    warm_up: int = 2
    clip: float = 1.0


class Falling(Learner):
    """Brings a number down to zero."""

    def __init__(self, training: Settings, enough: float = -1.0) -> None:
        number = torch.nn.Parameter(torch.tensor(3.0))
        super().__init__(training, [number], torch.optim.SGD([number], lr=training.rate))
        self.enough, self.finished = enough, False

    def learn(self, share: float) -> dict[str, float]:
        loss = self.parameters[0].square()
        norm, rate = self.update(loss, share)
        return {"loss": float(loss.detach()), "norm": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        figures = {"number": float(self.parameters[0].detach())}
        self.point(figures)
        self.done = figures["number"] < self.enough
        return figures

    def finish(self) -> None:
        self.finished = True


def train(learner: Falling, beside: Path, rhythm: Rhythm, resume: bool = True) -> dict[str, float]:
    return learner.train("falling", rhythm, beside, 1e9, resume=resume, progress=False)


def test_the_rate_warms_up_and_falls_to_a_twentieth() -> None:
    assert rate_at(2.0, 4, 0, 0.0) == pytest.approx(0.5)
    assert rate_at(2.0, 4, 9, 0.0) == pytest.approx(2.0)
    assert rate_at(2.0, 4, 9, 1.0) == pytest.approx(0.1)


def test_looks_are_spread_over_a_training_or_come_every_so_many_steps(tmp_path: Path) -> None:
    spread, often = Falling(Settings()), Falling(Settings())
    train(spread, tmp_path / "spread", Rhythm(9, looks=3))
    train(often, tmp_path / "often", Rhythm(9, look=4))
    assert [point["steps"] for point in spread.curve] == [4, 7, 9]
    assert [point["steps"] for point in often.curve] == [4, 8, 9]
    assert often.finished and not list(tmp_path.glob("*.pt"))


def test_a_training_ends_when_a_look_says_so(tmp_path: Path) -> None:
    learner = Falling(Settings(), enough=2.9)
    train(learner, tmp_path / "short", Rhythm(50, look=5))
    assert learner.step == 5


def test_it_goes_on_from_a_checkpoint_of_the_same_settings_only(tmp_path: Path) -> None:
    def begins(settings: Settings, resume: bool = True) -> int:
        begun = Falling(Settings())
        begun.learn(0.0)
        begun.keep(tmp_path / "run.checkpoint.pt")
        learner, steps = Falling(settings), list[int]()
        learner.begin = lambda: steps.append(learner.step)  # type: ignore[method-assign]
        gone_on = train(learner, tmp_path / "run", Rhythm(5), resume)
        if settings == Settings():
            assert gone_on == whole
        return steps[0]

    whole = train(Falling(Settings()), tmp_path / "whole", Rhythm(5))
    assert begins(Settings()) == 1
    assert begins(Settings(), resume=False) == 0
    assert begins(replace(Settings(), clip=2.0)) == 0
