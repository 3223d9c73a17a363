"""``jug status --failures``: for those who did not see the worker's terminal."""

import re

from processes import jug, python, write

FAILING = """
from jug import TaskGenerator

@TaskGenerator
def acquire(sample):
    return sample

@TaskGenerator
def denoise(image, strength=1):
    raise ValueError(f'{image} is too dark')

ok = acquire('plate-16')
images = [denoise(acquire(name), strength=2) for name in ('plate-17', 'plate-18')]
"""


def test_what_failed_where_how_often_and_why(tmp_path):
    write(tmp_path, FAILING)
    assert jug(tmp_path, "execute", "--keep-going").code == 1
    assert jug(tmp_path, "execute", "--keep-going").code == 1
    done = jug(tmp_path, "status", "--failures")
    assert done.code == 1
    first, second = done.out.split("\n\n")[1:]
    for text, name in ((first, "plate-17"), (second, "plate-18")):
        lines = text.splitlines()
        call = rf"jugfile.denoise\(jugfile.acquire\('{name}'\), strength=2\) \(task [0-9a-f]{{40}}\)"
        assert re.fullmatch(call, lines[0])
        assert re.fullmatch(r"    failed on \S+:\d+ at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, the last of 2 times", lines[1])
        assert lines[2] == "Traceback (most recent call last):"
        assert lines[-1] == f"ValueError: {name} is too dark"
        assert "raise ValueError" in text


def test_in_short_it_is_a_line_each(tmp_path):
    write(tmp_path, FAILING)
    jug(tmp_path, "execute")  # which ends at the first failure
    lines = jug(tmp_path, "status", "--failures", "--short").out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("jugfile.denoise(jugfile.acquire('plate-1") and lines[1].endswith(" is too dark")


def test_nothing_has_failed(tmp_path):
    write(tmp_path, FAILING)
    assert jug(tmp_path, "status", "--failures").out.endswith("\n\nNo task has failed.\n")


def test_a_mark_of_failure_that_nobody_explained(tmp_path):
    write(tmp_path, FAILING)
    script = "import jug\n_, names = jug.init()\ntask = names['ok']\nassert task.lock() and task.fail()\n"
    assert python(tmp_path, write(tmp_path, script, "mark.py")).code == 0
    out = jug(tmp_path, "status", "--failures").out
    assert "jugfile.acquire('plate-16'): it is marked as failed, and nobody wrote down why." in out


def test_a_task_that_runs_well_in_the_end_has_not_failed(tmp_path):
    path = write(tmp_path, FAILING)
    jug(tmp_path, "execute", "--keep-going")
    path.write_text(FAILING.replace("raise ValueError(f'{image} is too dark')", "return image"))
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "status", "--failures").out.endswith("No task has failed.\n")
