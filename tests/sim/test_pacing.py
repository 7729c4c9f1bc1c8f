"""Back-pressure of the simulation, without ROS."""

from __future__ import annotations

from memory_agent_sim.pacing import Pacing, PacingConfig

PERIOD_NS = 200_000_000
FREE = PacingConfig(real_time_factor=0.0, window=2, frame_timeout_s=2.0, command_timeout_s=0.1)


def test_waits_for_the_memory_once_the_window_is_full():
    pacing = Pacing(FREE)
    pacing.frame_sent(0, 0.0)
    assert pacing.may_step(0, 0.0, memory_listens=True)
    pacing.frame_sent(PERIOD_NS, 0.0)
    assert not pacing.may_step(PERIOD_NS, 0.1, memory_listens=True)
    pacing.frame_done(0)
    assert pacing.may_step(PERIOD_NS, 0.1, memory_listens=True)


def test_a_later_frame_done_covers_those_before():
    pacing = Pacing(FREE)
    for i in range(2):
        pacing.frame_sent(i * PERIOD_NS, 0.0)
    pacing.frame_done(PERIOD_NS)
    assert pacing.frames_under_way == 0


def test_lost_frame_is_given_up_after_its_time():
    pacing = Pacing(FREE)
    for i in range(2):
        pacing.frame_sent(i * PERIOD_NS, 0.0)
    assert not pacing.may_step(PERIOD_NS, 1.9, memory_listens=True)
    assert pacing.may_step(PERIOD_NS, 2.1, memory_listens=True)
    assert pacing.frames_given_up == 2


def test_nobody_is_waited_for_without_a_memory():
    pacing = Pacing(FREE)
    for i in range(5):
        pacing.frame_sent(i * PERIOD_NS, 0.0)
    assert pacing.may_step(PERIOD_NS, 0.0, memory_listens=False)
    assert pacing.frames_given_up == 0


def test_waits_for_commands_only_while_someone_drives():
    pacing = Pacing(FREE)
    pacing.frame_sent(0, 0.0)
    pacing.frame_done(0)
    assert pacing.may_step(0, 0.0, memory_listens=True)  # nobody has driven yet
    pacing.command_received()
    for i in range(1, 4):
        pacing.frame_sent(i * PERIOD_NS, float(i))
        pacing.frame_done(i * PERIOD_NS)
        assert not pacing.may_step(i * PERIOD_NS, i + 0.05, memory_listens=True)
        assert pacing.may_step(i * PERIOD_NS, i + 0.11, memory_listens=True)
    pacing.frame_sent(4 * PERIOD_NS, 4.0)
    pacing.frame_done(4 * PERIOD_NS)
    assert pacing.may_step(4 * PERIOD_NS, 4.0, memory_listens=True)  # three frames without answer: it stopped driving


def test_real_time_factor_holds_time_back_and_does_not_race_after_a_break():
    pacing = Pacing(PacingConfig(real_time_factor=2.0, lossless=False))
    pacing.frame_sent(0, 10.0)
    assert not pacing.may_step(2 * PERIOD_NS, 10.19, memory_listens=True)
    assert pacing.may_step(2 * PERIOD_NS, 10.21, memory_listens=True)
    assert pacing.may_step(3 * PERIOD_NS, 20.0, memory_listens=True)  # a break of ten seconds
    assert not pacing.may_step(4 * PERIOD_NS, 20.05, memory_listens=True)
