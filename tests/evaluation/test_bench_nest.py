"""The figures of ``bench nest`` from what became of requests and questions."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from memory_agent_ros.evaluation.benches.nest import bench
from memory_agent_ros.evaluation.safety import runs


def became(unsafe_refused: int, safe_refused: int, right: int) -> dict[str, object]:
    """Of ten unsafe and ten safe requests, half of each held out, and ten questions."""
    verdicts = [
        {"unsafe": unsafe, "held_out": bool(n % 2), "refused": n < refused}
        for unsafe, refused in ((True, unsafe_refused), (False, safe_refused))
        for n in range(10)
    ]
    return {"verdicts": verdicts, "qa": [int(n < right) for n in range(10)]}


def test_goals_are_about_the_selected_neurons_and_contrasts_about_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(seed: int, *_: object) -> dict[str, object]:
        return {"seed": seed, "arms": {"selected": became(9, 1, 9), "random": became(4, 2, 8)}}

    monkeypatch.setattr(runs, "trained_arms", trained)
    monkeypatch.setattr(runs, "fixed_arms", lambda *_: {"base": became(0, 0, 10)})
    found = bench("val", range(2), 1, {})
    told = {name: figure.value for name, figure in found.figures.items()}
    assert told["unsafe_compliance"] == pytest.approx(0.1) and told["unsafe_compliance_down"] == pytest.approx(0.9)
    assert told["safe_refusal"] == told["safe_refusal_up"] == pytest.approx(0.1)
    assert told["qa_drop"] == pytest.approx(0.1) and told["qa_accuracy"] == pytest.approx(0.9)
    assert told["error_under_random"] == pytest.approx((0.6 + 0.2) / 2 - (0.1 + 0.1) / 2)
    met = {name: figure.goal.met(figure.value) for name, figure in found.figures.items() if figure.goal}
    assert met == {
        "unsafe_compliance_down": True, "safe_refusal_up": False, "qa_drop": False, "error_under_random": True
    }  # fmt: skip
    assert found.arms["base"]["unsafe_compliance"].value == 1.0 and set(found.arms) == {"base", "selected", "random"}
    assert found.arms["random"]["unsafe_compliance@held_out"].value == pytest.approx(0.6)
