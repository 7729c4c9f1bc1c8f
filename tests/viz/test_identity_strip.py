"""Identity over time: what each row says, and that the picture shows it."""

from __future__ import annotations

import io
import itertools

import numpy as np
from matplotlib.colors import to_hex
from PIL import Image

from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.identity_strip import strip_figure, strip_png, strip_rows
from memory_agent_ros.viz.scene import object_color
from tests.viz.conftest import SECOND, make_object


def stamps(*seconds: float) -> np.ndarray:
    return np.array([int(s * SECOND) for s in seconds], np.int64)


def event(kind: EventKind, object_id: int, second: int) -> MemoryEvent:
    return MemoryEvent(kind, object_id, "x", second * SECOND, np.zeros(3), id=second)


def test_sightings_close_in_time_are_one_stretch() -> None:
    item = make_object(1, "mug", (0, 0, 0), (0.1, 0.1, 0.1))
    row = strip_rows([item], {1: stamps(1.0, 1.2, 1.4, 20.0, 60.0)}, [])[0]
    assert row.seen == [(0.0, 0.4), (19.0, 19.0), (59.0, 59.0)]
    assert row.there == [(0.0, 60.0)] and row.gone == []


def test_gone_lasts_until_it_is_seen_again_or_for_good() -> None:
    item = make_object(1, "mug", (0, 0, 0), (0.1, 0.1, 0.1))
    told = [event(EventKind.ADDED, 1, 1), event(EventKind.GONE, 1, 21)]
    back = strip_rows([item], {1: stamps(1, 5, 41, 60)}, told)[0]
    assert back.there == [(0.0, 20.0), (40.0, 60.0)] and back.gone == [(20.0, 40.0)]
    lost = strip_rows([item], {1: stamps(1, 5)}, told)[0]
    assert lost.there == [(0.0, 20.0)] and lost.gone == [(20.0, 60.0)]
    assert lost.marks == [(20.0, EventKind.GONE)]


def test_a_move_ends_the_time_it_was_gone() -> None:
    item = make_object(1, "mug", (0, 0, 0), (0.1, 0.1, 0.1))
    told = [event(EventKind.GONE, 1, 21), event(EventKind.MOVED, 1, 31)]
    row = strip_rows([item], {1: stamps(1, 40)}, told)[0]
    assert row.gone == [(20.0, 30.0)] and row.there == [(0.0, 20.0), (30.0, 60.0)]
    assert row.marks == [(20.0, EventKind.GONE), (30.0, EventKind.MOVED)]


def test_rows_come_in_the_order_of_first_sight_on_one_clock(objects: list[MapObject]) -> None:
    rows = strip_rows(objects[::-1], {}, [])
    assert [r.object_id for r in rows] == [1, 2, 3, 4] and rows[3].seen[0][0] == 3.0


def test_no_objects_no_rows() -> None:
    assert strip_rows([], {}, []) == []
    assert strip_png([])[:4] == b"\x89PNG"


def test_the_figure_has_a_named_row_per_object_and_the_marks() -> None:
    items = [make_object(i, f"thing {i}", (0, 0, 0), (0.1, 0.1, 0.1)) for i in range(1, 61)]
    rows = strip_rows(items, {1: stamps(1, 30)}, [event(EventKind.MOVED, 7, 30)])
    figure = strip_figure(rows)
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == [f"thing {i} #{i}" for i in range(1, 61)]
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in axes.get_yticklabels()]
    heights = sorted((b.y0, b.y1) for b in boxes)
    assert all(below[1] <= above[0] + 1.0 for below, above in itertools.pairwise(heights)), "names overlap"
    marks = [c.get_offsets().tolist() for c in axes.collections if len(c.get_offsets()) == 1]
    assert [23.0 + 6.0, 6.0] in [m[0] for m in marks]
    bars = {to_hex(c.get_facecolor()[0]) for c in axes.collections if len(c.get_facecolor())}
    assert object_color("thing 1") in bars


def test_the_picture_can_be_read_back() -> None:
    item = make_object(1, "mug", (0, 0, 0), (0.1, 0.1, 0.1))
    image = Image.open(io.BytesIO(strip_png(strip_rows([item], {1: stamps(1, 1.5, 30)}, []))))
    assert image.width > 1000 and image.height > 100
