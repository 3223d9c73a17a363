"""The rate says what was seen, and nothing as long as that is too little."""

import math

import pytest

from jug.web.rate import Rate


def rate_of(*samples):
    rate = Rate()
    for now, finished in samples:
        rate.add(now, finished)
    return rate


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [(100, 0)],
        [(100, 5000)],  # what was there at the first look was not seen to come
        [(100, 0), (200, 0)],
        [(100, 0), (200, 1)],
        [(100, 0), (101, 50)],
        [(100, 0), (100, 50)],
    ],
)
def test_too_little_is_not_made_a_rate(samples):
    assert rate_of(*samples).as_dict() is None


def test_tasks_per_second_since_the_first_look():
    assert rate_of((100, 7), (104, 6), (110, 4)).as_dict() == {"finished": 10, "seconds": 10, "per_second": 1.0}


def test_the_window_reaches_back_until_it_holds_enough():
    fast_then_slow = [(i, 100) for i in range(10)] + [(10 + i, 1) for i in range(200)]
    assert rate_of(*fast_then_slow).as_dict() == {"finished": 60, "seconds": 60, "per_second": 1.0}
    slow = [(60 * i, 1) for i in range(50)]
    assert rate_of(*slow).as_dict()["finished"] == 20


def test_what_was_hours_ago_is_forgotten():
    rate = rate_of(*((60 * i, 1) for i in range(1000)))
    for i in range(1000, 1300):
        rate.add(60 * i, 0)
    assert rate.as_dict() is None
    assert len(rate._samples) < 100


def test_a_long_time_in_which_nobody_looked_is_part_of_the_window():
    assert rate_of((0, 0), (36_000, 72_000)).as_dict() == {"finished": 72_000, "seconds": 36_000, "per_second": 2.0}


def test_idle_is_the_time_since_something_became_finished():
    assert rate_of().idle() == math.inf
    assert rate_of((0, 9)).idle() == math.inf
    assert rate_of((0, 0), (5, 1), (25, 0)).idle() == 20
