"""What a jugfile sees while it is run, by ``jug execute`` or without it."""

import json

import pytest
from processes import files_in, jug, python, write

from jug.backends import file_store


def results(where, jugdir="jugfile.jugdata"):
    return len(list(file_store.file_store(where / jugdir).list()))


SURROUNDINGS = """
import json
import os
import sys
import helper
import jug
from jug import TaskGenerator

print(json.dumps({
    "argv": sys.argv, "file": __file__, "name": __name__, "path": sys.path[:2], "running": jug.is_jug_running(),
    "helper": helper.WHO, "registered": sys.modules[__name__].__dict__ is globals(),
}))

class Pair:
    def __init__(self, x):
        self.x = x

def plain(x):
    return x + 1

@TaskGenerator
def f(x):
    return Pair(x), plain, f

@TaskGenerator
def g(got):
    pair, function, generator = got
    return function(pair.x), generator(1).name

result = g(f(1))
"""


def test_what_a_jugfile_sees(tmp_path):
    write(tmp_path, SURROUNDINGS, "sub/a-jugfile.py")
    write(tmp_path, "WHO = 'beside the jugfile'", "sub/helper.py")
    done = jug(tmp_path, "execute", "sub/a-jugfile.py", "--short", "--", "--verbose", "x y")
    assert done.code == 0, done
    assert json.loads(done.out.splitlines()[0]) == {
        "argv": ["sub/a-jugfile.py", "--verbose", "x y"],
        "file": str(tmp_path / "sub/a-jugfile.py"),
        "name": "a-jugfile",
        "path": [str(tmp_path), str(tmp_path / "sub")],
        "running": True,
        "helper": "beside the jugfile",
        "registered": True,
    }
    shown = jug(tmp_path, "shell", "sub/a-jugfile.py", stdin="value(result)\n")
    assert "(2, 'a-jugfile.f')" in shown.out


def test_the_working_directory_comes_before_that_of_the_jugfile(tmp_path):
    write(tmp_path, SURROUNDINGS, "sub/jugfile.py")
    write(tmp_path, "WHO = 'beside the jugfile'", "sub/helper.py")
    write(tmp_path, "WHO = 'here'", "helper.py")
    assert '"helper": "here"' in jug(tmp_path, "count", "sub/jugfile.py").out


C_LOCALE = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_utf8_under_a_c_locale(tmp_path):
    write(
        tmp_path,
        """
        from jug import TaskGenerator
        @TaskGenerator
        def prüfe(x):
            if x == "ß":
                raise ValueError("groß: " + x)
            return "ä" + x
        [prüfe("a"), prüfe("ß")]
        """,
        "größe.py",
    )
    done = jug(tmp_path, "execute", "größe.py", "--verbose", "debug", **C_LOCALE)
    assert done.code == 1
    assert done.table() == {
        r"gr\xf6\xdfe.pr\xfcfe": {"Executed": 1, "Loaded": 0},
        "Total:": {"Executed": 1, "Loaded": 0},
    }
    assert r"ValueError: gro\xdf: \xdf" in done.err
    # The same tasks under the usual locale.
    assert jug(tmp_path, "status", "größe.py").table()["größe.prüfe"]["Finished"] == 1
    assert (tmp_path / "größe.jugdata").is_dir()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("value(f(1))", "f"),
        ("f(1) and barrier()", "f"),
        ("bvalue(f(1))", "f"),
        ("CachedFunction(plain)", "plain"),
        ("f(1).can_load()", "f"),
    ],
)
def test_a_jugfile_that_is_run_as_a_script_gets_a_helpful_sentence(tmp_path, call, name):
    write(
        tmp_path,
        f"""
        from jug import CachedFunction, TaskGenerator, barrier, bvalue, value
        @TaskGenerator
        def f(x):
            return x
        def plain():
            return 1
        {call}
        """,
    )
    done = python(tmp_path, "jugfile.py")
    assert done.code == 1
    assert f"__main__.{name}" in done.last
    assert "jug execute" in done.last and "set_jugdir" in done.last
    assert files_in(tmp_path) == ["jugfile.py"]


def test_a_finished_result_is_used_in_the_jugfile_itself(tmp_path):
    write(tmp_path, "from jug import CachedFunction\nprint('cached', CachedFunction(len, 'abc'))\n")
    for _ in range(2):
        done = jug(tmp_path, "execute", "--short")
        assert (done.code, done.out.splitlines()[0]) == (0, "cached 3")
    assert results(tmp_path) == 1
