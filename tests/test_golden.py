"""Against data that the reference release wrote: its hashes, and its result directories."""

import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

import jug
import jug.io
import jug.mapreduce
import jug.utils
from jug import CompoundTask, Task, TaskGenerator, Tasklet, iteratetask, value
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile, barrier_of
from jug.engine.loading.stores import set_jugdir
from jug.engine.run.scheduler import Scheduler
from jug.engine.views.status import Status
from jug.hash import hash_one
from jug.unsafe import NoHash

np = pytest.importorskip(
    "numpy", reason="the data that the reference wrote holds arrays of numpy, which is not installed"
)

GOLDEN = Path(__file__).parent / "golden"
CASES = [
    case
    for name in ("hashes.json", "more-hashes.json")
    for case in json.loads((GOLDEN / name).read_text(encoding="utf-8"))
]
RUNNING = "{}.{}".format(*sys.version_info)
RESULTS = json.loads((GOLDEN / "jugdir-2.7.0-expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def names(monkeypatch):
    """What the expressions of the cases are evaluated with."""
    module = ModuleType("golden")
    exec("def f(*args, **kwargs): return (args, kwargs)\ndef g(x): return x", module.__dict__)
    monkeypatch.setitem(sys.modules, "golden", module)
    return {
        "np": np,
        "jug": jug,
        "Task": Task,
        "TaskGenerator": TaskGenerator,
        "Tasklet": Tasklet,
        "CompoundTask": CompoundTask,
        "iteratetask": iteratetask,
        "NoHash": NoHash,
        "hash_one": hash_one,
        "f": module.f,
        "g": module.g,
    }


@pytest.mark.parametrize("case", CASES, ids=[f"{n}: {case['expr'][:40]!a}" for n, case in enumerate(CASES)])
def test_hash_is_that_of_the_reference(case, names):
    if case.get("python", RUNNING) != RUNNING:
        pytest.skip(f"hashes of lambdas are those of a Python release, here of {case['python']}")
    obj = eval(case["expr"], names)
    digest = obj.hash() if case["kind"] == "Task.hash" else hash_one(obj)
    assert digest.decode("ascii") == case["hash"]


@pytest.fixture(params=["loose", "packed"])
def golden_jugdir(request, tmp_path, monkeypatch):
    (tmp_path / "golden.py").write_bytes((GOLDEN / "golden.py").read_bytes())
    with tarfile.open(GOLDEN / f"jugdir-2.7.0-{request.param}.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return set_jugdir("golden.jugdata")


def test_results_of_the_reference_are_read(golden_jugdir):
    assert barrier_of(Jugfile("golden.py").load()) is None
    graph = Graph(jug.task.alltasks)
    assert Status(graph, golden_jugdir).is_complete()
    found = [(t.name, t.hash().decode(), repr(value(t))[:200]) for t in jug.task.alltasks]
    assert found == [(r["name"], r["hash"], r["repr"]) for r in RESULTS]


def test_nothing_is_run_again_on_a_jugdir_of_the_reference(golden_jugdir):
    Jugfile("golden.py").load()
    outcome = Scheduler(Graph(jug.task.alltasks), golden_jugdir).run()
    assert (outcome.exit_code, outcome.progress) == (0, False)


def test_a_jugdir_of_the_reference_is_executed_on(golden_jugdir):
    Jugfile("golden.py").load()
    lost = jug.task.alltasks[-1]
    lost.invalidate()
    assert not lost.can_load()
    outcome = Scheduler(Graph(jug.task.alltasks), golden_jugdir).run()
    assert (outcome.exit_code, outcome.progress) == (0, True)
    assert repr(value(lost)) == RESULTS[-1]["repr"]
