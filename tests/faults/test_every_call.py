"""At every store call of a small run a worker is killed, or told of an error: nothing is stuck, lost or done twice."""

import random
import re
from pathlib import Path

import pytest
from lab import mounted
from processes import ROOT, python
from reporting import Run

pytestmark = pytest.mark.faults

SCRIPT = Path(__file__).resolve().with_name("every_call.py")
PATHS = ":".join(str(ROOT / path) for path in ("", "tests", "tests/backends", "tests/faults"))
EVERY = ["KILL", "EIO", "ESTALE", "ENOSPC", "EDQUOT", "takeover-KILL"]
FEW = ["LOST", "takeover-LOST"]  # at calls that change names only
SOME = ["EIO-for-ever", "ENOSPC-for-ever", "takeover-EIO", "takeover-ENOSPC"]
PARTS = [(fault, part, 2) for fault in EVERY for part in range(2)]
PARTS += [(fault, 0, 1) for fault in FEW] + [(fault, 0, 3) for fault in SOME]


@pytest.mark.parametrize(("fault", "part", "parts"), PARTS)
def test_a_fault_at_every_call(tmp_path, fault, part, parts):
    done = python(tmp_path, SCRIPT, tmp_path / "runs", fault, part, parts, PYTHONPATH=PATHS)
    assert done.code == 0, done
    *problems, last = done.out.splitlines()
    assert problems == []
    assert int(re.fullmatch(r"(\d+) positions", last)[1]) > 20, "there are more calls than that"


TASKS = 5
SAMPLE = 8  # of some thousand calls
ENDINGS = {"KILL": {0, -9}, "ENOSPC": {0, 4}, "EDQUOT": {0, 4}}  # a helper may be the one who is killed


@pytest.fixture(scope="module")
def number_of_calls(tmp_path_factory):
    """How many calls a small run is."""
    where = tmp_path_factory.mktemp("clean")
    with mounted(where) as mount:
        run = Run(where, TASKS, mount)
        before = mount.calls()
        assert run.start().wait().code == 0
        return mount.calls() - before


@pytest.mark.parametrize(
    ("fault", "when"),
    [("KILL", "before"), ("KILL", "after"), *((fault, "before") for fault in ("EIO", "ESTALE", "ENOSPC", "EDQUOT"))],
)
def test_a_sample_of_calls_of_real_processes(tmp_path, number_of_calls, fault, when):
    positions = random.Random(f"{fault} {when}").sample(range(1, number_of_calls), SAMPLE)
    for at in positions:
        print(f"{fault} {when} call {at} of {number_of_calls}")
        where = tmp_path / str(at)
        where.mkdir()
        with mounted(where) as mount:
            run = Run(where, TASKS, mount)
            mount.fail("all", fault, when, at=at, length=1, path="/jugdir")
            first = run.start().wait()
            mount.heal()
            assert first.code in ENDINGS.get(fault, {0}), first
            kept = run.said()[1] | set(run.there())
            second = run.start().wait()
            assert second.code == 0, second
            again = {n for n, times in run.said()[0].items() if times > 1}
            assert not again & kept and len(again) <= (fault == "KILL")
            run.assert_all_is_well()
