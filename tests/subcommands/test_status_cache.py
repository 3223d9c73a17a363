"""`jug status --cache`, by real processes: it always says what `jug status` says, and runs the jugfile when it must."""

import os
import re
import sqlite3
import time

import pytest
from processes import jug, python, start, wait_for_file, write

FILE = ".jugstatus.sqlite3"
BEGIN = """
from jug import TaskGenerator, CompoundTaskGenerator, barrier, bvalue, value, CachedFunction
with open("runs", "a") as stream:
    stream.write("x")

@TaskGenerator
def double(x):
    return 2 * x

@TaskGenerator
def total(xs):
    return sum(xs)

"""
PLAIN = BEGIN + "total([double(i) for i in range(3)])\n"


def runs(where):
    return len((where / "runs").read_text()) if (where / "runs").exists() else 0


def look(where, *arguments, err="", **env):
    """How often `status --cache` runs the jugfile; what it says is what `status` says."""
    before = runs(where)
    cached = jug(where, "status", "--cache", *arguments, **env)
    count = runs(where) - before
    plain = [argument for argument in arguments if not argument.startswith(("--cache-file", "--clear"))]
    true = jug(where, "status", *plain, **env)
    assert (cached.out, cached.code) == (true.out, true.code)
    assert re.fullmatch(err, cached.err, re.DOTALL), cached
    return count


def keep(where, *arguments, **env):
    """Have the graph in the cache."""
    look(where, *arguments, **env)
    assert look(where, *arguments, **env) == 0


def execute(where, *arguments):
    done = jug(where, "execute", "--nr-wait-cycles", "0", *arguments)
    assert done.code in (0, 3), done


def totals(where):
    return jug(where, "status").table()["Total:"]


def test_states_are_those_of_now_without_running_the_jugfile(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    execute(tmp_path, "--name", "double")
    assert look(tmp_path) == 0
    execute(tmp_path)
    assert look(tmp_path) == 0
    assert jug(tmp_path, "status", "--cache", "--short").out == "All tasks complete (4 tasks).\n"
    assert jug(tmp_path, "invalidate", "--name", "double").code == 0
    assert look(tmp_path) == 0


# Barriers, compounds and values


def test_a_barrier_opens_and_closes(tmp_path):
    write(tmp_path, PLAIN + "barrier()\ndouble(10)\nbarrier()\ndouble(20)\n")
    keep(tmp_path)
    execute(tmp_path, "--name", "double")  # the first barrier waits for the total
    assert look(tmp_path) == 1  # which of the tasks it waits for is told
    execute(tmp_path, "--name", "total")
    assert look(tmp_path) == 1
    execute(tmp_path)
    keep(tmp_path)
    assert totals(tmp_path)["Finished"] == 6
    jug(tmp_path, "invalidate", "--name", "total")
    assert look(tmp_path) == 1
    assert look(tmp_path) == 0


def test_a_task_before_the_barrier_is_invalidated_and_computed_again(tmp_path):
    write(tmp_path, PLAIN + "barrier()\ndouble(10)\n")
    execute(tmp_path)
    keep(tmp_path)
    jug(tmp_path, "invalidate", "--name", "double")
    assert look(tmp_path) == 1
    execute(tmp_path)
    assert look(tmp_path) == 1
    assert totals(tmp_path)["Finished"] == 5


@pytest.mark.parametrize("many", [1, 100])
def test_compound_tasks_are_computed_and_invalidated(tmp_path, many):
    write(
        tmp_path,
        BEGIN
        + f"""
@CompoundTaskGenerator
def squares(n):
    return total([double(n + i) for i in range(3)])

total([squares(100 * n) for n in range({many})])
""",
    )
    keep(tmp_path)
    execute(tmp_path)
    keep(tmp_path)
    assert totals(tmp_path)["Finished"] == many + 1
    jug(tmp_path, "invalidate", "--name", "squares")
    assert look(tmp_path) == 1
    assert totals(tmp_path)["Ready"] == many  # what is inside is finished


BVALUE = (
    BEGIN
    + """
@TaskGenerator
def names():
    with open("names") as stream:
        return stream.read().split()

for name in bvalue(names()):
    task = double(len(name))
    task.name = name
"""
)


@pytest.mark.parametrize("store", ["jugfile.jugdata", "dict_store:results", "packed"])
def test_another_value_under_the_same_hash_is_noticed(tmp_path, store):
    write(tmp_path, BVALUE)
    write(tmp_path, "one two", "names")
    jugdir = ["--jugdir", "jugfile.jugdata" if store == "packed" else store]
    execute(tmp_path, *jugdir)
    if store == "packed":
        pack(tmp_path)
    keep(tmp_path, *jugdir)
    write(tmp_path, "six two", "names")
    jug(tmp_path, "invalidate", "--name", "names", *jugdir)
    execute(tmp_path, "--name", "names", *jugdir)
    if store == "packed":
        pack(tmp_path)
    assert look(tmp_path, *jugdir) == 1
    assert "six" in jug(tmp_path, "status", "--cache", *jugdir).table()


def pack(where):
    """Put all results into the pack, as ``jug pack`` does."""
    code = """
import os
from jug.backends.file_store import file_store
from jug.backends.encode import encode
s = file_store("jugfile.jugdata")
results = {name: s.load(name) for name in s.list()}
os.makedirs("jugfile.jugdata/packs", exist_ok=True)
with open("jugfile.jugdata/packs/new", "wb") as stream:
    stream.write(encode(results))
os.rename("jugfile.jugdata/packs/new", "jugfile.jugdata/packs/jugpack")
for name in results:
    if os.path.exists(path := os.path.join("jugfile.jugdata", name[:2].decode(), name[2:].decode())):
        os.unlink(path)
"""
    done = python(where, "-c", code)
    assert done.code == 0, done


def test_the_same_value_computed_again_is_the_same(tmp_path):
    write(tmp_path, BVALUE)
    write(tmp_path, "one two", "names")
    execute(tmp_path)
    keep(tmp_path)
    jug(tmp_path, "invalidate", "--name", "names")
    assert look(tmp_path) == 1
    execute(tmp_path)
    assert look(tmp_path) == 1
    assert look(tmp_path) == 0


def test_a_value_whose_class_is_in_the_jugfile(tmp_path):
    write(tmp_path, BEGIN + "class C: pass\n@TaskGenerator\ndef make(): return C()\nbvalue(make())\ndouble(1)\n")
    execute(tmp_path, "--jugdir", "dict_store:results")
    look(tmp_path, "--jugdir", "dict_store:results")
    assert look(tmp_path, "--jugdir", "dict_store:results") == 1  # it cannot be compared: the jugfile is run
    execute(tmp_path)
    keep(tmp_path)


def test_value_and_can_load_in_a_jugfile(tmp_path):
    write(tmp_path, PLAIN + "t = double(7)\nif t.can_load():\n    double(value(t))\n")
    keep(tmp_path)
    execute(tmp_path, "--name", "double")
    assert look(tmp_path) == 1
    execute(tmp_path)
    keep(tmp_path)
    assert totals(tmp_path)["Finished"] == 6


def test_cached_glob_makes_the_same_tasks_until_it_is_invalidated(tmp_path):
    write(tmp_path, BEGIN + "from jug.utils import cached_glob\nfor p in cached_glob('*.txt'): double(p)\n")
    write(tmp_path, "", "a.txt")
    assert look(tmp_path) == 1  # this one looks for the files; since when is not known, so that it is not kept
    keep(tmp_path)
    write(tmp_path, "", "b.txt")
    assert look(tmp_path) == 0
    assert jug(tmp_path, "status", "--cache").table()["Total:"]["Ready"] == 1


# The jugfile, its modules and what it reads


def test_an_edit_of_the_same_size_within_the_same_second_that_keeps_the_time(tmp_path):
    path = write(tmp_path, PLAIN)
    keep(tmp_path)
    before = path.stat()
    path.write_text(PLAIN.replace("range(3)", "range(5)"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert look(tmp_path) == 1
    path.write_text(PLAIN)
    look(tmp_path)
    path.touch()
    assert look(tmp_path) == 0


WAITS = "import os, time\nopen('reading', 'w').close()\nwhile os.path.exists('wait'): time.sleep(0.01)\n"


def test_an_edit_while_the_jugfile_is_read(tmp_path):
    slow = WAITS + "from helper import n\n"
    write(tmp_path, slow + PLAIN.replace("range(3)", "range(n)"))
    write(tmp_path, "n = 3\n", "helper.py")
    (tmp_path / "wait").touch()
    reader = start(tmp_path, "status", "--cache")
    wait_for_file(tmp_path / "reading", alive=reader)
    write(tmp_path, PLAIN)
    (tmp_path / "wait").unlink()
    assert reader.wait().code == 1
    assert look(tmp_path) == 1


def test_a_module_is_edited_while_the_jugfile_is_read(tmp_path):
    slow = "import helper\n" + WAITS
    write(tmp_path, slow + PLAIN.replace("range(3)", "range(helper.n)"))
    write(tmp_path, "n = 3\n", "helper.py")
    (tmp_path / "wait").touch()
    reader = start(tmp_path, "status", "--cache")
    wait_for_file(tmp_path / "reading", alive=reader)
    write(tmp_path, "n = 4\n", "helper.py")
    (tmp_path / "wait").unlink()
    assert reader.wait().code == 1
    assert look(tmp_path, PYTHONDONTWRITEBYTECODE=None) == 1
    assert look(tmp_path, PYTHONDONTWRITEBYTECODE=None) == 0


@pytest.mark.parametrize("bytecode", [None, "1"])
def test_modules_are_edited_added_removed_and_hidden(tmp_path, bytecode):
    def count(**env):
        return look(tmp_path, PYTHONDONTWRITEBYTECODE=bytecode, PYTHONPATH=f"{os.getcwd()}:lib", **env)

    optional = "try:\n    from package import extra\nexcept ImportError:\n    extra = None\n"
    write(tmp_path, "import helper, package.part\n" + optional + PLAIN.replace("range(3)", "range(helper.n)"))
    write(tmp_path, "n = 3\n", "lib/helper.py")
    write(tmp_path, "", "lib/package/__init__.py")
    write(tmp_path, "", "lib/package/part.py")
    count()
    assert count() == 0
    for path, text in [
        ("lib/helper.py", "n = 4\n"),
        ("helper.py", "n = 5\n"),  # the working directory comes first
        ("helper/__init__.py", "n = 6\n"),  # a package comes before a module
        ("lib/package/part.py", "x = 1\n"),
        ("lib/package/extra.py", ""),
        ("lib/package/part/__init__.py", ""),
        ("package.py", "part = extra = 0\n"),
    ]:
        if path == "package.py":
            write(tmp_path, "import helper\ntry:\n    import package.part\nexcept ImportError:\n    pass\n" + PLAIN)
            count()
        write(tmp_path, text, path)
        assert count() == 1, path
        assert count() == 0, path
    (tmp_path / "helper" / "__init__.py").unlink()
    (tmp_path / "helper.py").unlink()
    assert count() == 1


def test_a_module_that_was_missing_appears(tmp_path):
    write(tmp_path, PLAIN + "try:\n    import plus\n    double(plus.n)\nexcept ImportError:\n    pass\n")
    keep(tmp_path)
    write(tmp_path, "n = 9\n", "unrelated.py")
    assert look(tmp_path) == 0
    write(tmp_path, "n = 9\n", "plus.py")
    assert look(tmp_path) == 1
    assert totals(tmp_path)["Ready"] == 4


READS = {
    "open": "with open('data/a') as stream:\n    for line in stream: double(line)\n",
    "read_text": "from pathlib import Path\nfor line in Path('data/a').read_text().split(): double(line)\n",
    "missing": "try:\n    open('data/new').close()\nexcept FileNotFoundError:\n    double(4)\n",
    "listdir": "import os\nfor name in os.listdir('data'): double(name)\n",
    "iterdir": "from pathlib import Path\nfor path in Path('data').iterdir(): double(str(path))\n",
    "glob": "from glob import glob\nfor path in glob('data/*'): double(path)\n",
    "root_dir": "from glob import glob\nfor path in glob('*', root_dir='data'): double(path)\n",
    "Path.glob": "from pathlib import Path\nfor path in Path('.').glob('data/*'): double(str(path))\n",
    "walk": "import os\nfor place in os.walk('.'):\n    if 'data' in place[0]:\n        for n in place[2]: double(n)\n",
}


@pytest.mark.parametrize("how", READS)
def test_files_and_directories_that_a_jugfile_reads(tmp_path, how):
    write(tmp_path, "1\n2\n", "data/a")
    (tmp_path / "runs").touch()
    write(tmp_path, BEGIN + READS[how])
    keep(tmp_path)
    if how in ("open", "read_text"):
        write(tmp_path, "1\n3\n", "data/a")
    else:
        write(tmp_path, "", "data/new")
    assert look(tmp_path) == 1
    assert look(tmp_path) == 0


def test_a_large_file_is_known_by_its_times_once_it_has_settled(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(5 << 20))
    write(tmp_path, PLAIN + "with open('large', 'rb') as stream: double(stream.read(1))\n")
    look(tmp_path)
    assert look(tmp_path) == 1  # too new to tell
    while time.time_ns() - path.stat().st_ctime_ns < 3_000_000_000:
        time.sleep(0.1)
    keep(tmp_path)
    with path.open("r+b") as stream:
        stream.write(b"1")
    assert look(tmp_path) == 1


def test_timed_path_of_a_file_that_changes(tmp_path):
    write(tmp_path, BEGIN + "from jug.utils import timed_path\ndouble(timed_path('data'))\n")
    write(tmp_path, "1", "data")
    execute(tmp_path)
    keep(tmp_path)
    write(tmp_path, "12", "data")
    assert look(tmp_path) == 1
    assert totals(tmp_path)["Finished"] == 0


@pytest.mark.parametrize("read", ["os.environ['N']", "os.getenv('N')", "dict(os.environ)['N']", "os.environ.get('N')"])
def test_variables_of_the_environment_that_a_jugfile_reads(tmp_path, read):
    write(tmp_path, BEGIN + f"import os\nfor i in range(int({read})): double(i)\n")
    keep(tmp_path, N="3")
    if not read.startswith("dict"):
        assert look(tmp_path, N="3", OTHER="1") == 0
    assert look(tmp_path, N="4") == 1


# What it is about


def test_arguments_jugdirs_directories_and_jugfiles_are_kept_apart(tmp_path):
    write(tmp_path, PLAIN + "import sys\nif len(sys.argv) > 1: double(sys.argv[1])\n")
    write(tmp_path, PLAIN, "other.py")
    (tmp_path / "deeper").mkdir()
    keep(tmp_path)
    for arguments in (["jugfile.py", "--", "x"], ["jugfile.py", "--", "y"], ["--jugdir", "else"], ["other.py"]):
        assert look(tmp_path, *arguments) == 1
    for arguments in ([], ["jugfile.py", "--", "x"], ["jugfile.py", "--", "y"], ["--jugdir", "else"], ["other.py"]):
        assert look(tmp_path, *arguments) == 0
    cache = f"--cache-file={tmp_path / FILE}"
    assert look(tmp_path / "deeper", "../jugfile.py", cache) == 1
    assert look(tmp_path / "deeper", "../jugfile.py", cache) == 0


def test_a_jugfile_that_chooses_its_jugdir_is_not_kept(tmp_path):
    write(tmp_path, BEGIN + "import jug\njug.set_jugdir('elsewhere')\nt = double(1)\n")
    jug(tmp_path, "execute")
    said = "jug: warning: the status of jugfile.py is not kept: it chooses its jugdir itself\n"
    assert look(tmp_path, err=said) == 1
    assert look(tmp_path, err=said) == 1
    assert totals(tmp_path)["Finished"] == 1


def test_a_jugfile_that_asks_the_store_something_else_is_not_kept(tmp_path):
    write(tmp_path, PLAIN + "from jug import Task\nfor i in range(len(list(Task.store.list()))): double(100 + i)\n")
    said = "jug: warning: the status of jugfile.py is not kept: it uses Task.store.list\n"
    assert look(tmp_path, err=said) == 1
    assert look(tmp_path, err=said) == 1


def test_another_version_of_jug_does_not_use_it(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    code = "import jug.engine.status_cache.cache as m; m.__version__ = '99'; import jug.jug; jug.jug.main()"
    before = runs(tmp_path)
    assert python(tmp_path, "-c", code, "status", "--cache").code == 1
    assert runs(tmp_path) == before + 1
    assert look(tmp_path) == 0


def test_another_python_does_not_use_it(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    before = runs(tmp_path)
    assert python(tmp_path, "-O", "-m", "jug", "status", "--cache").code == 1
    assert runs(tmp_path) == before + 1


# The file


@pytest.mark.parametrize("content", [b"", b"garbage\n" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_file_is_made_anew(tmp_path, content):
    write(tmp_path, PLAIN)
    (tmp_path / FILE).write_bytes(content)
    keep(tmp_path)


@pytest.mark.parametrize("at", [100, 4096 + 100, 3 * 4096 + 100, -2000])
def test_a_file_that_is_damaged_anywhere_is_made_anew(tmp_path, at):
    write(tmp_path, BEGIN + "for i in range(500): double(i)\n")
    keep(tmp_path)
    content = bytearray((tmp_path / FILE).read_bytes())
    content[at : at + 50] = b"\xff" * 50
    (tmp_path / FILE).write_bytes(content)
    look(tmp_path)
    assert look(tmp_path) == 0


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_made_anew(tmp_path, share):
    write(tmp_path, BEGIN + "for i in range(500): double(i)\n")
    keep(tmp_path)
    size = (tmp_path / FILE).stat().st_size
    os.truncate(tmp_path / FILE, int(size * share))
    look(tmp_path)
    assert look(tmp_path) == 0


def test_a_damaged_database_of_another_name_is_put_aside(tmp_path):
    write(tmp_path, PLAIN)
    damaged = b"SQLite format 3\0" + b"and nothing more"
    (tmp_path / "mine").write_bytes(damaged)
    assert look(tmp_path, "--cache-file=mine", err=".*'mine' was damaged: it is now .*damaged-1', .*") == 1
    assert (tmp_path / "mine.damaged-1").read_bytes() == damaged
    assert look(tmp_path, "--cache-file=mine") == 0


@pytest.mark.parametrize("clear", [(), ("--clear",)])
def test_a_file_that_is_no_database_is_left_alone(tmp_path, clear):
    write(tmp_path, PLAIN)
    before = (tmp_path / "jugfile.py").read_bytes()
    done = jug(tmp_path, "status", "--cache", "--cache-file=jugfile.py", *clear)
    assert "The cache file 'jugfile.py' is not a cache of jug status" in done.err
    assert (tmp_path / "jugfile.py").read_bytes() == before
    assert list(tmp_path.glob("*damaged*")) == []


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    write(tmp_path, PLAIN)
    db = sqlite3.connect(tmp_path / "mine.db")
    db.execute("CREATE TABLE mine (x)")
    db.close()
    before = (tmp_path / "mine.db").read_bytes()
    said = "jug: warning: The cache file 'mine.db' is not a cache of jug status: .*\n"
    assert look(tmp_path, "--cache-file=mine.db", err=said) == 1
    cleared = jug(tmp_path, "status", "--cache", "--cache-file=mine.db", "--clear")
    assert (cleared.code, cleared.out) == (1, "")
    assert "left alone" in cleared.err
    assert (tmp_path / "mine.db").read_bytes() == before


def test_a_cache_of_2_7_and_a_foreign_table_of_our_name(tmp_path):
    write(tmp_path, PLAIN)
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("CREATE TABLE ht (id INTEGER PRIMARY KEY, name CHAR(128), hash CHAR(128), status CHAR(32))")
    db.execute("CREATE TABLE dep (source INT, target INT)")
    db.commit()
    keep(tmp_path)
    assert sorted(name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")) == [
        "dep",
        "ht",
    ]
    db.close()  # it had the file of before, which nobody changed
    for statement in ("DROP TABLE jug_graphs_2", "CREATE TABLE jug_graphs_2 (x)"):
        db = sqlite3.connect(tmp_path / FILE)
        db.execute(statement)
        db.close()
    keep(tmp_path)


@pytest.mark.parametrize("where", ["missing/cache", "directory"])
def test_a_file_that_cannot_be_written_costs_a_warning(tmp_path, where):
    write(tmp_path, PLAIN)
    (tmp_path / "directory").mkdir()
    assert look(tmp_path, f"--cache-file={where}", err=f"jug: warning: The cache file '{where}' .*; .* not kept\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_costs_a_warning(tmp_path):
    write(tmp_path, PLAIN)
    (tmp_path / "closed").mkdir(mode=0o500)
    said = "jug: warning: The cache file 'closed/cache' cannot be written: Permission denied; .*\n"
    assert look(tmp_path, "--cache-file=closed/cache", err=said) == 1


def test_a_file_that_is_locked_by_another_program_is_no_obstacle(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    db = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    assert look(tmp_path) == 0
    write(tmp_path, PLAIN + "double(7)\n")
    keep(tmp_path)
    db.close()


def test_many_at_once(tmp_path):
    write(tmp_path, PLAIN)
    expected = jug(tmp_path, "status").out
    ended = [process.wait() for process in [start(tmp_path, "status", "--cache") for _ in range(6)]]
    assert {(done.code, done.out, done.err) for done in ended} == {(1, expected, "")}
    assert look(tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir() if "sqlite" in path.name] == [FILE]


def test_killed_while_writing(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    write(tmp_path, PLAIN + "double(7)\n")
    code = """
import os, signal
import jug.engine.status_cache.cache_file as m
m.os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
import jug.jug
jug.jug.main()
"""
    assert python(tmp_path, "-c", code, "status", "--cache").code == -9
    assert (tmp_path / FILE).read_bytes() == before
    (left,) = tmp_path.glob("*.tmp")  # Path.glob finds names with a dot in front, too
    keep(tmp_path)
    os.utime(left, (1, 1))
    write(tmp_path, PLAIN)
    keep(tmp_path)
    assert not left.exists()


def test_clear(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    assert look(tmp_path, "--clear") == 1
    assert look(tmp_path) == 0
    done = jug(tmp_path, "status", "--clear")
    assert (done.code, done.out) == (1, jug(tmp_path, "status").out)
    assert not (tmp_path / FILE).exists()
    assert look(tmp_path, "--clear") == 1  # without a file, too


def test_a_jugfile_that_raises_is_told_and_not_kept(tmp_path):
    write(tmp_path, PLAIN)
    keep(tmp_path)
    write(tmp_path, PLAIN + "1 / 0\n")
    done = jug(tmp_path, "status", "--cache")
    assert (done.code, done.last) == (1, "jug: The jugfile 'jugfile.py' raised ZeroDivisionError")
    write(tmp_path, PLAIN)
    assert look(tmp_path) == 0


def test_without_a_jugfile_to_run_no_package_of_it_is_imported(tmp_path):
    pytest.importorskip("numpy")
    write(tmp_path, PLAIN + "import numpy\n")
    keep(tmp_path)
    code = "import sys, jug.jug\ntry: jug.jug.main()\nfinally: print('numpy' in sys.modules)"
    done = python(tmp_path, "-c", code, "status", "--cache")
    assert done.out.endswith("False\n"), done
