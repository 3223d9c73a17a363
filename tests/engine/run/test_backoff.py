"""Pauses that grow, up to a limit."""

import pytest
from simulated import FakeWorld

from jug.engine.run.backoff import FIRST_PAUSE, GROWTH, Backoff


def patience(cycle, cycles):
    world = FakeWorld()
    return Backoff(cycle, cycles, world.clock, world.sleep), world


def test_the_first_pauses_are_short_and_grow_up_to_the_cycle():
    patient, world = patience(12, 150)
    while patient.wait():
        pass
    expected = [0.003 * 1.5**k for k in range(21)]
    assert (FIRST_PAUSE, GROWTH) == (0.003, 1.5)
    assert expected[-1] < 12 < expected[-1] * 1.5
    assert world.naps[:21] == pytest.approx(expected)
    assert set(world.naps[21:-1]) == {12}


def test_no_pause_is_shorter_than_a_look_took_but_for_the_cycle():
    patient, world = patience(2, 3)
    for at_least in (0.5, 0, 3, 1):
        assert patient.wait(at_least)
    assert world.naps == pytest.approx([0.5, 0.0045, 2, 1])


def test_patience_ends_after_the_cycles_times_the_cycle():
    patient, world = patience(12, 150)
    while patient.wait():
        pass
    assert world.now == pytest.approx(1800)
    assert sum(world.naps) == pytest.approx(1800)
    assert not patient.wait()
    assert world.now == pytest.approx(1800)


def test_the_last_pause_does_not_go_beyond_the_limit():
    patient, world = patience(1, 3)
    while patient.wait():
        pass
    assert world.now == pytest.approx(3)
    assert world.naps[-1] < 1


def test_progress_makes_it_whole_again():
    patient, world = patience(2, 2)
    for _ in range(8):
        assert patient.wait()
    patient.reset()
    begin = world.now
    while patient.wait():
        pass
    assert world.naps[8] == 0.003
    assert world.now - begin == pytest.approx(4)


def test_work_between_the_pauses_counts_unless_it_is_progress():
    patient, world = patience(1, 3)
    assert patient.wait()
    world.now += 10
    assert not patient.wait()


def test_time_before_the_first_pause_does_not_count():
    patient, world = patience(1, 3)
    world.now += 10
    assert patient.wait()


@pytest.mark.parametrize(("cycle", "cycles"), [(0, 150), (12, 0), (0, 0)])
def test_no_patience_at_all(cycle, cycles):
    patient, world = patience(cycle, cycles)
    assert not patient.wait()
    assert world.naps == []


def test_cycles_shorter_than_the_first_pause():
    patient, world = patience(0.001, 5)
    while patient.wait():
        pass
    assert world.naps == pytest.approx([0.001] * 5)
