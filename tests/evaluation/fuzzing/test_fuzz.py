"""A small sample of every target in this process, and what watches the child processes."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest

from memory_agent_ros.evaluation.benches import fuzz as bench
from memory_agent_ros.evaluation.fuzzing import watch
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import PartialWriteError, Target, targets
from memory_agent_ros.evaluation.fuzzing.worker import case_generator, find_of
from memory_agent_ros.records.errors import BadInputError

KNOWN = targets([bench.CORE])
#: Cases of each target in the default tests, by what they take.
FEW = 6


@pytest.mark.parametrize("name", KNOWN)
def test_takes_or_refuses_a_few_hostile_inputs(name, tmp_path):
    subject = KNOWN[name].ready(tmp_path)
    for case in range(FEW):
        subject.case(Hostile(case_generator(name, range(1000, 1001), case)))
    subject.close()


def test_every_target_gets_enough_of_a_long_run():
    chosen = [Target("slow", None, share=0.1), Target("quick", None, share=50.0), Target("other", None, share=49.9)]
    assert bench._cases(chosen, 100_000) == {"slow": bench.LEAST, "quick": 50_000, "other": 49_900}
    assert bench._cases(chosen, 30) == {"slow": 10, "quick": 15, "other": 15}
    assert all(bench._cases([*KNOWN.values()], 100_000)[name] >= bench.LEAST for name in KNOWN)


def test_a_case_is_the_same_whenever_it_is_run():
    first, again, next_one = (Hostile(case_generator("maps", range(3, 5), case)) for case in (7, 7, 8))
    drawn = [(h.text(), h.number(), h.damaged(b"0123456789")) for h in (first, again, next_one)]
    assert repr(drawn[0]) == repr(drawn[1])
    assert repr(drawn[0]) != repr(drawn[2])


def test_damage_changes_what_it_is_given():
    hostile = Hostile(np.random.default_rng(0))
    sound = bytes(range(256)) * 4
    assert sum(hostile.damaged(sound) != sound for _ in range(50)) >= 45
    assert {type(hostile.whole(0, 255)) for _ in range(50)} == {int}
    assert all(0 <= hostile.whole(0, 255) <= 255 for _ in range(200))


class Breaks:
    """Breaks in all ways there are, by the number of the case."""

    def __init__(self, folder):
        self._number = 0

    def case(self, hostile):
        self._number += 1
        match self._number:
            case 2:
                raise ZeroDivisionError("found")
            case 3:
                raise PartialWriteError("found")
            case 4:
                os._exit(3)
        return True

    def close(self):
        pass


class Hangs(Breaks):
    def case(self, hostile):
        self._number += 1
        if self._number == 2:
            time.sleep(60.0)
        return False


TARGETS = (Target("breaks", Breaks), Target("hangs", Hangs, limit_s=1.0))


@pytest.fixture()
def here(monkeypatch):
    """This module as one with targets, for child processes."""
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([os.path.dirname(__file__), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    return ("test_fuzz",)


def test_counts_what_breaks_and_goes_on_after_it(here, tmp_path):
    tally = watch.fuzz(TARGETS[0], here, range(1), 5, tmp_path)
    assert (tally.cases, tally.kinds) == (5, {"crash": 1, "partial_write": 1, "died": 1})
    assert {f["case"] for f in tally.finds} == {1, 2, 3}
    assert json.loads((tmp_path / "breaks.json").read_text())["cases"] == 5
    assert watch.fuzz(TARGETS[0], here, range(1), 5, tmp_path).cases == 5  # nothing is tried again


def test_ends_a_case_that_hangs(here, tmp_path):
    tally = watch.fuzz(TARGETS[1], here, range(1), 3, tmp_path)
    assert (tally.cases, tally.kinds) == (3, {"hang": 1})


def test_a_find_tells_where_it_broke():
    try:
        raise BadInputError("odd", "x" * 1000)
    except BadInputError as error:
        find = find_of(error, 4)
    assert find["case"] == 4
    assert find["kind"] == "crash"
    assert "test_fuzz.py" in find["signature"]
    assert len(find["message"]) == 300


def test_the_bench_adds_up_and_names_unknown_targets(monkeypatch, tmp_path):
    def tried(target, modules, seeds, cases, folder, until_s, told):
        return watch.Tally(target.name, cases, 1, 2.0, {"crash": 1}, [{"kind": "crash", "signature": "a", "case": 0}])

    monkeypatch.setattr(bench, "fuzz", tried)
    outcome = bench.bench("test", range(1), 1, {"cases": 50, "folder": tmp_path, "arms": ("map_bytes", "frames")})
    assert outcome.figures["crashes"].value == 2
    assert outcome.figures["cases"].value == sum(arm["cases"].value for arm in outcome.arms.values()) >= 50
    assert not outcome.figures["crashes"].goal.met(outcome.figures["crashes"].value)
    with pytest.raises(BadInputError, match="no target other"):
        bench.bench("test", range(1), 1, {"arms": ("other",)})
