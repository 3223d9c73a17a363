"""At every store call of a small run a worker is killed, or told of an error: nothing is stuck, lost or done twice."""

import re
from pathlib import Path

import pytest
from processes import ROOT, python

pytestmark = pytest.mark.faults

SCRIPT = Path(__file__).resolve().with_name("every_call.py")
PATHS = ":".join(str(ROOT / path) for path in ("", "tests", "tests/backends", "tests/faults"))
FAULTS = ["KILL", "EIO", "ESTALE", "ENOSPC", "EDQUOT", "LOST", "EIO-for-ever", "ENOSPC-for-ever"]


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("fault", [*FAULTS, *(f"takeover-{fault}" for fault in FAULTS[:6])])
def test_a_fault_at_every_call(tmp_path, fault, part):
    done = python(tmp_path, SCRIPT, tmp_path / "runs", fault, part, 2, PYTHONPATH=PATHS)
    assert done.code == 0, done
    *problems, last = done.out.splitlines()
    assert problems == []
    assert int(re.fullmatch(r"(\d+) positions", last)[1]) > 40, "there are more calls than that"
