"""The search for traces finds what is there, and the bench finds nothing after forgetting."""

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.evaluation.trust.canaries import Canary, raw_contents, traces
from memory_agent_ros.evaluation.trust.forgetting import KINDS, erase
from memory_agent_ros.memory.views.keyframes import encode

RNG = np.random.default_rng(0)
CROP = np.kron(RNG.integers(0, 256, (5, 5), dtype=np.uint8), np.ones((8, 8), np.uint8))
CANARY = Canary(
    "quxozuvu", RNG.normal(size=(1, 32)).astype(np.float32), RNG.normal(size=(40, 3)).astype(np.float32), CROP
)


def hidden() -> dict[str, bytes]:
    picture = np.full((120, 160, 3), 90, dtype=np.uint8)
    picture[40:80, 60:100] = CROP[:, :, None]
    vector = CANARY.vectors[0]
    return {
        "label": b"\x00\x01quxozuvu\xff",
        "label.zlib": b"noise" + zlib.compress(b"a shelf with a quxozuvu on it") + b"noise",
        "label.base64": base64.b64encode(b"near the quxozuvu, on the shelf"),
        "embedding.half": b"..." + vector.astype(np.float16).tobytes(),
        "embedding.single": zlib.compress(vector.tobytes()),
        "points": CANARY.points.tobytes(),
        "crop": b"..." + encode(picture, 90) + b"...",
    }


@pytest.mark.parametrize("name", list(hidden()))
def test_a_trace_is_found_wherever_it_hides(tmp_path: Path, name: str) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "file").write_bytes(hidden()[name])
    found = traces([CANARY], raw_contents(tmp_path))
    assert found[name.partition(".")[0]] > 0


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    other = np.random.default_rng(1)
    (tmp_path / "file").write_bytes(other.bytes(50_000) + encode(np.zeros((120, 160, 3), np.uint8), 90))
    assert sum(traces([CANARY], raw_contents(tmp_path)).values()) == 0


@pytest.mark.slow
def test_traces_are_found_before_forgetting_and_not_after() -> None:
    found = erase(seed=0, shelves=1)
    assert all(found.before[kind] > 0 for kind in KINDS) and sum(found.raw_before.values()) > 0
    assert not any(sum(c.values()) for c in (found.after, found.raw_after, found.copy_after))
    assert (found.known, found.changed, found.problems) == (0, 0, []) and found.asked >= 18
    recall = found.recall
    assert recall["right_before"] == recall["taught"] == 6
    assert (recall["told_after"], recall["chunks_left"], recall["others_changed"]) == (0, 0, 0)
