"""The same schedules with tasks that give another value each time: what is stored goes together, whatever happens."""

import itertools
import random

import pytest
from small_world import NAMES, SmallWorld
from test_simulation import KINDS, LAST_CALLS, NUMBER, PARTS, SEED, many_tasks

#: The tasks with results that are stored by themselves, at once.
LARGE = (0, 2)
PADDING = random.Random(0).randbytes(20_000)


class OthersValues(SmallWorld):
    """A result is the task's number, that of its run, those of what it was computed from, and padding."""

    def __init__(self, seed, kind, trace=None):
        super().__init__(seed, f"others' values {kind}", trace)
        self.numbers = itertools.count()
        self.large = self.chance.choice(((), LARGE, (2, 3), (1, 4)))

    def compute(self, x, needs):
        super().compute(x, [])
        return x, next(self.numbers), [need[:2] for need in needs], PADDING if x in self.large else b""

    def check_results(self, needed):
        store = self.store()
        there = {NAMES.index(name): store.load(name) for name in store.list()}
        assert set(needed) <= there.keys(), "a result is gone"
        for x, result in there.items():
            assert result[0] == x, "a result is not what it was"
            for need, number in result[2]:
                assert need in there, f"{x} is there before {need}"
                assert there[need][1] == number, f"{x} was computed from another value of {need}"


def run(kind, seed, trace=None):
    world = OthersValues(seed, kind.__name__, trace)
    try:
        kind(world)
    finally:
        world.kill_all()


def look(kind, seeds):
    for seed in seeds:
        try:
            run(kind, seed)
        except Exception as error:
            trace = []
            with pytest.raises(type(error)):
                run(kind, seed, trace)
            print("\n".join(trace[-LAST_CALLS:]))
            raise AssertionError(f"JUG_SEED={seed} in {kind.__name__}: {type(error).__name__}: {error}") from error


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_whatever_happens(kind, part):
    # Fewer than of tasks with one value each: what goes wrong with these would go wrong here.
    look(kind, [int(SEED)] if SEED else range(part, NUMBER // 8, PARTS))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_some_of_it(kind):
    look(kind, range(20))


def test_a_result_that_is_stored_before_its_inputs_is_noticed(monkeypatch):
    monkeypatch.setattr("jug.backends.file_store.are_settled", lambda lock: True)
    monkeypatch.setattr("jug.backends.file.segments.write_behind.are_among", lambda lock, names: False)
    with pytest.raises(AssertionError, match="is there before|another value"):
        look(many_tasks, range(4000))
