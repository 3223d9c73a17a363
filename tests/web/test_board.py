"""One look for however many ask, and none while nobody does."""

import threading

from jug.web.board import Board


class Moment:
    def __init__(self, looked=0.0):
        self.looked = looked


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_who_asks_while_it_is_fresh_gets_what_is_there():
    clock = Clock()
    board = Board(clock)
    board.hang_up(moment := Moment(), 2)
    clock.now += 1.9
    assert board.ask().result(0) is moment
    assert not board._wanted.is_set()


def test_all_who_ask_later_wait_for_the_same_look():
    clock = Clock()
    board = Board(clock)
    board.hang_up(Moment(), 2)
    clock.now += 2
    waiting = [board.ask() for _ in range(50)]
    assert not any(one.done() for one in waiting)
    assert board.is_wanted()
    board.hang_up(moment := Moment(), 2)
    assert {one.result(0) for one in waiting} == {moment}
    assert not board._wanted.is_set()


def test_the_first_to_ask_waits_for_the_first_look():
    board = Board(Clock())
    asked = board.ask()
    assert board.snapshot is None and not asked.done()
    board.hang_up(moment := Moment(), 2)
    assert asked.result(0) is board.snapshot is moment


def test_a_replacement_is_shown_while_those_who_asked_wait_on():
    board = Board(Clock())
    board.hang_up(Moment(), 0)
    asked = board.ask()
    board.replace(moment := Moment())
    assert board.snapshot is moment and not asked.done() and board.is_wanted()


def test_the_age_is_that_of_the_look():
    clock = Clock()
    board = Board(clock)
    assert board.age() == 0
    board.hang_up(Moment(97.0), 2)
    assert board.age() == 3
    clock.now = 90.0
    assert board.age() == 0


def test_whoever_waits_for_demand_ends_when_it_is_closed():
    board = Board(Clock())
    answers = []
    looker = threading.Thread(target=lambda: answers.append(board.is_wanted()))
    looker.start()
    board.close()
    looker.join(60)
    board.hang_up(Moment(), 2)
    assert (answers, board.is_wanted()) == ([False], False)
