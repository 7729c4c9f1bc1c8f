from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.nodes.synchronizer import Synchronizer

MS = 1_000_000


def make(slop_s=0.02, queue_size=5, names=("color", "depth"), **options):
    sets, counts = [], Counter()
    synchronizer = Synchronizer(
        names,
        lambda stamp_ns, items: sets.append((stamp_ns, items)),
        slop_s=slop_s,
        queue_size=queue_size,
        counts=counts,
        **options,
    )
    return synchronizer, sets, counts


def test_equal_stamps_match_at_once():
    synchronizer, sets, counts = make()
    synchronizer.add(1, 100 * MS, "d")
    assert not sets
    synchronizer.add(0, 100 * MS, "c")
    assert sets == [(100 * MS, ("c", "d"))]
    assert not counts


def test_nearest_partner_is_taken_once_no_nearer_can_come():
    synchronizer, sets, _ = make()
    synchronizer.add(0, 100 * MS, "c")
    synchronizer.add(1, 90 * MS, "d90")
    assert not sets
    synchronizer.add(1, 103 * MS, "d103")
    assert sets == [(100 * MS, ("c", "d103"))]


def test_lost_depth_is_counted_and_the_next_pair_goes_on():
    synchronizer, sets, counts = make()
    synchronizer.add(0, 100 * MS, "c1")
    synchronizer.add(0, 200 * MS, "c2")
    synchronizer.add(1, 200 * MS, "d2")
    assert sets == [(200 * MS, ("c2", "d2"))]
    assert counts == {"sync_color_unmatched": 1}


def test_lost_color_is_counted():
    synchronizer, sets, counts = make()
    synchronizer.add(1, 100 * MS, "d1")
    synchronizer.add(1, 200 * MS, "d2")
    synchronizer.add(0, 200 * MS, "c2")
    assert len(sets) == 1
    assert counts == {"sync_depth_unmatched": 1}


def test_full_queue_drops_the_oldest():
    synchronizer, sets, counts = make(queue_size=2)
    for i in range(4):
        synchronizer.add(0, i * 100 * MS, i)
    assert not sets
    assert counts == {"sync_color_overflow": 2}


def test_time_jump_back_clears_the_queues():
    jumps = []
    synchronizer, sets, counts = make(on_jump=jumps.append)
    synchronizer.add(0, 100_000 * MS, "old")
    synchronizer.add(0, 10 * MS, "c")
    synchronizer.add(1, 10 * MS, "d")
    assert sets == [(10 * MS, ("c", "d"))]
    assert counts == {"time_jump": 1}
    assert jumps == [99.99]


def test_repeated_stamp_is_refused():
    synchronizer, sets, counts = make()
    for _ in range(2):
        synchronizer.add(0, 100 * MS, "c")
        synchronizer.add(1, 100 * MS, "d")
    assert len(sets) == 1
    assert counts["stamp_runs_back"] == 1


def test_three_streams_need_all_three():
    synchronizer, sets, _ = make(names=("color", "depth", "instances"))
    synchronizer.add(0, 100 * MS, "c")
    synchronizer.add(1, 100 * MS, "d")
    assert not sets
    synchronizer.add(2, 100 * MS, "i")
    assert sets == [(100 * MS, ("c", "d", "i"))]


@given(st.permutations([(stream, i) for stream in range(2) for i in range(4)]), st.integers(-10, 10))
def test_no_order_of_arrival_makes_a_wrong_pair(order, offset_ms):
    synchronizer, sets, _ = make(queue_size=20)
    for stream, i in order:
        synchronizer.add(stream, 1000 * MS + i * 100 * MS + stream * offset_ms * MS, i)
    assert all(color == depth for _, (color, depth) in sets)
    stamps = [stamp for stamp, _ in sets]
    assert stamps == sorted(set(stamps))


@given(st.permutations(range(4)))
def test_equal_stamps_in_capture_order_all_match(depth_delay):
    """However late depth comes, every pair is found: images of one stream arrive in order."""
    synchronizer, sets, counts = make(queue_size=20)
    for i in range(4):
        synchronizer.add(0, i * 33 * MS, i)
    for i in sorted(depth_delay):
        synchronizer.add(1, i * 33 * MS, i)
    assert [items for _, items in sets] == [(i, i) for i in range(4)]
    assert not counts
