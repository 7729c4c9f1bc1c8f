"""How well probabilities fit what happens."""

import numpy as np

from memory_agent_ros.evaluation.calibration import expected_calibration_error, reliability


def test_right_probabilities_have_no_error() -> None:
    p = np.repeat([0.25, 0.75], 400)
    happened = np.tile([True, False, False, False], 100).tolist() + np.tile([True, True, True, False], 100).tolist()
    bins = reliability(p, np.array(happened))
    assert bins[:, 0].sum() == 800 and bins[2, 0] == 400 and bins[7, 2] == 300
    assert expected_calibration_error(bins) < 1e-12


def test_overconfidence_is_its_distance() -> None:
    bins = reliability(np.full(100, 0.9), np.arange(100) < 60)
    assert abs(expected_calibration_error(bins) - 0.3) < 1e-9
    assert np.isnan(expected_calibration_error(reliability(np.zeros(0), np.zeros(0, dtype=bool))))


def test_bins_of_several_worlds_add_up() -> None:
    a, b = (
        reliability(np.full(10, 0.5), np.ones(10, dtype=bool)),
        reliability(np.full(10, 0.5), np.zeros(10, dtype=bool)),
    )
    assert expected_calibration_error(a) == 0.5 == expected_calibration_error(b)
    assert expected_calibration_error(a + b) == 0.0
