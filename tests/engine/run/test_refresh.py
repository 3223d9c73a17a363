"""When another look pays."""

import pytest

from jug.engine.run.refresh import Refresh


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def looks(clock):
    """After a look that took a second."""
    looks = Refresh(clock)
    looks.begin()
    clock.now += 1
    looks.end()
    return looks


def lose(looks, clock, seconds):
    start = clock.now
    clock.now += seconds
    looks.in_vain(start)


def test_a_look_is_due_once_as_much_was_lost_as_it_takes(looks, clock):
    clock.now += 10  # of work that was not in vain
    for _ in range(3):
        lose(looks, clock, 0.25)
        assert not looks.is_due()
    lose(looks, clock, 0.25)
    assert looks.is_due()


def test_after_a_look_nothing_is_lost(looks, clock):
    lose(looks, clock, 1)
    looks.begin()
    clock.now += 1
    looks.end()
    lose(looks, clock, 0.5)
    assert not looks.is_due()


def test_a_look_is_due_after_a_time_of_which_it_is_a_small_part(looks, clock):
    clock.now += 19.5
    assert not looks.is_due()
    clock.now += 0.5
    assert looks.is_due()


def test_looks_that_cost_nothing_are_not_made_all_the_time(clock):
    looks = Refresh(clock)
    looks.begin()
    looks.end()
    lose(looks, clock, 0.01)
    assert not looks.is_due()
    lose(looks, clock, 0.01)
    assert looks.is_due()
