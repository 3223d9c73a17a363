"""What people do wrong, and what the machine does to them: one clear sentence, the right exit status, nothing lost.

A test here reads as: do this, and the person reads that.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress

import checkout
import pytest
from processes import ROOT, Finished, environment, files_in, jug, python, use, write

from jug.cli import terminal


@pytest.fixture
def where(tmp_path):
    """A directory with a good jugfile and a file that is in the way."""
    use(tmp_path, "chain.py")
    (tmp_path / "file").write_text("mine")
    return tmp_path


def says(done, code, sentence):
    """Assert that the command said this one sentence on standard error, and nothing else."""
    assert (done.code, done.out, done.err) == (code, "", f"jug: {sentence}\n")


# The jugfile


@pytest.mark.parametrize("command", ["execute", "status", "check", "count", "cleanup", "shell", "sleep-until"])
def test_the_jugfile_is_missing(where, command):
    before = files_in(where)
    says(jug(where, command, "primse.py"), 2, "The jugfile 'primse.py' cannot be read: No such file or directory")
    assert files_in(where) == before


@pytest.mark.parametrize("word", ["sweep", "swep.py", "sweeps.py", "sweep.pyy", "Sweep.py"])
def test_a_script_with_nearly_the_name_is_suggested(where, word):
    (where / "sweep.py").write_text("")
    (where / "sweepings.txt").write_text("")
    (where / "deep").mkdir()
    (where / "deep" / "sweep.py").write_text("")
    missing = "The jugfile '{0}' cannot be read: No such file or directory (did you mean '{1}'?)"
    says(jug(where, "execute", word), 2, missing.format(word, "sweep.py"))
    says(jug(where, "status", f"deep/{word}"), 2, missing.format(f"deep/{word}", "deep/sweep.py"))


@pytest.mark.parametrize("path", ["none/sweep.py", "sweep.py/sweep.py", "tables.py", ""])
def test_no_script_is_suggested_where_none_is_near(where, path):
    (where / "sweep.py").write_text("")
    done = jug(where, "execute", path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "did you mean" not in done.err


def test_no_jugfile_is_named_and_there_is_none_of_the_usual_name(tmp_path):
    done = jug(tmp_path, "execute")
    assert done.code == 2
    assert done.err.startswith("jug: The jugfile 'jugfile.py' cannot be read: No such file or directory")
    assert done.err.count("\n") == 1


def test_the_jugfile_is_a_directory(where):
    (where / "work").mkdir()
    says(jug(where, "execute", "work"), 2, "The jugfile 'work' cannot be read: Is a directory")


def test_the_jugfile_is_called_like_jug_itself(where):
    checkout.required()
    use(where, "chain.py", "jug.py")
    done = python(where, ROOT / "bin/jug", "execute", "jug.py", PYTHONPATH=None)
    says(done, 2, "The jugfile cannot be called 'jug.py': that name is taken by jug itself")


def test_the_jugfile_is_not_python(where):
    write(where, "x = 1\ny = (2\n", "broken.py")
    done = jug(where, "execute", "broken.py")
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines()
    assert lines[0] == '  File "broken.py", line 2'
    assert lines[-2] == "SyntaxError: '(' was never closed"
    assert lines[-1] == "jug: The jugfile 'broken.py' raised SyntaxError"


@pytest.mark.parametrize("data", [b"x = '\xff'\n", b"x = 1\0\n", b"# coding: nonsense\n"])
def test_the_jugfile_is_not_text(where, data):
    (where / "broken.py").write_bytes(data)
    done = jug(where, "count", "broken.py")
    assert (done.code, done.out) == (1, "")
    assert "SyntaxError: " in done.err or "ValueError: " in done.err
    assert "/jug/" not in done.err
    assert done.last.startswith("jug: The jugfile 'broken.py' raised ")


@pytest.mark.parametrize("command", ["execute", "status", "invalidate"])
def test_the_jugfile_raises(where, command):
    write(where, "import helper\ndef f(x):\n    return helper.g(x)\nf(0)\n", "broken.py")
    write(where, "def g(x):\n    return 1 / x\n", "helper.py")
    before = files_in(where)
    done = jug(where, command, "broken.py", *(["--name", "f"] if command == "invalidate" else []))
    assert (done.code, done.out) == (1, "")
    frames = re.findall(r'^  File "(.*)", line (\d+)', done.err, re.MULTILINE)
    assert [(os.path.basename(name), int(line)) for name, line in frames] == [
        ("broken.py", 4),
        ("broken.py", 3),
        ("helper.py", 2),
    ]
    assert done.err.splitlines()[-2:] == [
        "ZeroDivisionError: division by zero",
        "jug: The jugfile 'broken.py' raised ZeroDivisionError",
    ]
    assert files_in(where) == before


def test_the_jugfile_exits(where):
    write(where, "import sys\nsys.exit('enough of this')\n", "exits.py")
    done = jug(where, "execute", "exits.py")
    assert (done.code, done.out, done.err) == (1, "", "enough of this\n")


@pytest.mark.parametrize("command", ["execute", "status", "check"])
def test_the_jugfile_exits_as_if_all_were_well(where, command):
    write(where, "import sys\nfrom jug import Task\nTask(len, [])\nsys.exit()\n", "exits.py")
    done = jug(where, command, "exits.py")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "jug: The jugfile 'exits.py' called sys.exit(): nothing is known of its tasks, and nothing was done\n"
    )


def test_the_jugfile_asks_for_a_result_that_is_not_there(where):
    path = where / "jugfile.py"
    path.write_text(path.read_text() + "from jug import value\nprint(value(direct))\n")
    done = jug(where, "execute")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[:2] == [
        f'  File "jugfile.py", line {len(path.read_text().splitlines())}, in <module>',
        "    print(value(direct))",
    ]
    assert re.fullmatch(
        r"jug: jugfile\.second has no result yet \(task [0-9a-f]{40}\): "
        r"use bvalue\(\) in place of value\(\), or call barrier\(\) first, to have the jugfile wait for it",
        done.last,
    )


@pytest.mark.parametrize("command", ["execute", "status"])
def test_an_argument_cannot_be_hashed(where, command):
    write(where, "from jug import Task\nTask(len, [{'key': open(__file__)}])\n", "unhashable.py")
    done = jug(where, command, "unhashable.py", PYTHONWARNINGS="ignore")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("jug: Task builtins.len(...): ") and "TextIOWrapper" in done.err
    assert done.err.endswith(" (pass the path of the file)\n")
    assert done.err.count("\n") == 1


# The jugdir


@pytest.mark.parametrize("command", ["execute", "status", "check", "cleanup"])
@pytest.mark.parametrize("jugdir", ["file", "file/below", "file/below/that"])
def test_the_jugdir_is_a_file_or_below_one(where, command, jugdir):
    says(
        jug(where, command, "--jugdir", jugdir),
        4,
        f"Cannot use the jugdir {where / jugdir}: Not a directory (it is a file, or below one)",
    )
    assert (where / "file").read_text() == "mine"
    assert files_in(where) == ["file", "jugfile.py"]


# Root may write everywhere, unless it is without this capability.
ORDINARY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def as_ordinary_user(where, *arguments):
    """Run jug without the power of root."""
    done = subprocess.run(
        [*ORDINARY, sys.executable, "-m", "jug", *arguments],
        cwd=where,
        env=environment(where),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def protected(where):
    """A function that takes the right to write in a directory from everybody, until the test ends."""
    if ORDINARY and (shutil.which("setpriv") is None or as_ordinary_user(where, "--version").code != 0):
        pytest.skip("root may write everywhere, and setpriv does not change that here")
    paths = []

    def protect(path):
        paths.append(path)
        path.chmod(0o555)

    yield protect
    for path in paths:
        path.chmod(0o755)


def test_the_jugdir_cannot_be_created(where, protected):
    protected(where)
    done = as_ordinary_user(where, "execute")
    says(done, 4, f"Cannot create the jugdir {where}/jugfile.jugdata: Permission denied")
    assert as_ordinary_user(where, "status").code == 1  # to look is fine


def test_the_jugdir_cannot_be_written(where, protected):
    assert jug(where, "execute", "--no-groups", JUG_MAX_TASKS="2").code == 3
    before = files_in(where)
    for path in [where / "jugfile.jugdata", *(where / "jugfile.jugdata").iterdir()]:
        protected(path)
    done = as_ordinary_user(where, "execute")
    assert (done.code, done.out) == (4, "")
    assert done.err == f"jug: Cannot write {where}/jugfile.jugdata/tempfiles: Permission denied\n"
    done = as_ordinary_user(where, "invalidate", "--name", "*")
    assert (done.code, done.table()["Total:"]) == (4, {"Selected": 2, "Dependent": 0})
    result = re.escape(f"{where}/jugfile.jugdata/")
    told = r"Permission denied \(0 of 2 results were removed: the same command removes the rest\)"
    assert re.fullmatch(rf"jug: Cannot remove {result}../[0-9a-f]{{38}}: {told}\n", done.err)
    assert files_in(where) == before
    assert as_ordinary_user(where, "status").table()["Total:"]["Finished"] == 2


def test_a_kind_of_store_that_is_not_known(where):
    done = jug(where, "execute", "--jugdir", "redsi://x")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jug: Unknown kind of store 'redsi' in 'redsi://x' (known: dict_store")
    assert done.err.endswith("); a directory is ./redsi://x\n")
    assert files_in(where) == ["file", "jugfile.py"]


def test_the_file_of_a_dict_store_is_something_else(where):
    done = jug(where, "execute", "--jugdir", "dict_store:file")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(f"jug: Cannot read {where / 'file'}: not the file of a dict_store")
    assert (where / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("jugdir", "sentence"),
    [
        ("", "--jugdir '': the name of a directory or store is needed"),
        (
            "%(file)s",
            "--jugdir '%(file)s': unknown placeholder '%(file)s' (there are %(jugfile)s and %(date)s)",
        ),
    ],
)
def test_the_jugdir_makes_no_sense(where, jugdir, sentence):
    says(jug(where, "cleanup", "--jugdir", jugdir), 2, sentence)


# The command line


FOR_JUGFILE = "arguments for the jugfile go after --"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("execute --keep-gong", f"Unrecognized arguments: --keep-gong (did you mean --keep-going? {FOR_JUGFILE})"),
        ("status --keep-going", f"Unrecognized arguments: --keep-going ({FOR_JUGFILE})"),
        ("execute --wait-cycle-time abc", "Argument --wait-cycle-time: 'abc' is not a number"),
        ("execute --wait-cycle-time", "Argument --wait-cycle-time: expected one argument"),
        ("execute --nr-wait-cycles 1.5", "Argument --nr-wait-cycles: '1.5' is not a whole number"),
        ("execute --nr-wait-cycles -1", "Argument --nr-wait-cycles: '-1' is less than 0"),
        ("status --verbose loud", "Argument --verbose: 'loud' is not one of quiet, error, warning, info, debug"),
        ("execute --name f --pattern g", "Argument --pattern: not allowed with argument --name"),
    ],
)
def test_an_option_is_wrong(where, arguments, sentence):
    command, *rest = arguments.split()
    says(jug(where, command, "jugfile.py", *rest), 2, f"{sentence} (see 'jug {command} --help')")
    assert files_in(where) == ["file", "jugfile.py"]


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--pattern", "/(/", "is not a regular expression: missing ), unterminated subpattern at position 0"),
        ("--pattern", "", "is not allowed, as it would match every task (to select all tasks, use '/.*/')"),
        ("--pattern", "//", "is not allowed, as it would match every task (to select all tasks, use '/.*/')"),
        ("--name", "", "is not allowed (to select all tasks, use '*')"),
    ],
)
@pytest.mark.parametrize("command", ["execute", "invalidate"])
def test_a_selection_is_wrong(where, command, option, text, sentence):
    done = jug(where, command, option, text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jug: Empty " if not text.strip("/") else "jug: Pattern ")
    assert repr(text) in done.err and done.err.endswith(f" {sentence}\n")
    assert files_in(where) == ["file", "jugfile.py"]


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("stauts", " (did you mean 'status'?)"),
        ("xyz", ""),
        ("jugfile.py", " (did you mean 'jug execute jugfile.py'?)"),
        ("help", " (did you mean 'jug --help', or 'jug SUBCOMMAND --help'?)"),
    ],
)
def test_a_subcommand_that_there_is_not(where, word, suggestion):
    done = jug(where, word)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: jug SUBCOMMAND")
    assert done.last == f"jug: There is no subcommand '{word}'{suggestion}"


def test_an_option_before_the_subcommand(where):
    done = jug(where, "--jugdir", "x", "status")
    assert done.code == 2
    assert done.last == "jug: A subcommand is needed before '--jugdir'"


# Configuration and environment


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[execute]\nwait-cycle-time = soon\n", ": [execute] wait-cycle-time = soon: 'soon' is not a number"),
        ("[execute]\nnr_wait_cycles = -3\n", ": [execute] nr_wait_cycles = -3: '-3' is less than 0"),
        (
            "[main]\nverbose = loud\n",
            ": [main] verbose = loud: 'loud' is not one of quiet, error, warning, info, debug",
        ),
    ],
)
@pytest.mark.parametrize("name", [".jugrc", ".config/jug/jugrc"])
def test_a_value_in_a_configuration_file_is_wrong(where, name, text, sentence):
    write(where, text, name)
    says(jug(where, "execute"), 2, f"{where / name}{sentence}")


def test_a_configuration_file_is_not_one(where):
    write(where, "keep-going\n", "jugrc")
    done = jug(where, "execute")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"jug: {where / 'jugrc'} is not a configuration file: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("JUG_MAX_TASKS", "abc", "'abc' is not a whole number"),
        ("JUG_MAX_TASKS", "0", "'0' is less than 1"),
        ("JUG_MAX_SECONDS", "-1", "'-1' is less than 0"),
        ("JUG_MAX_MINUTES", "nan", "'nan' is not a finite number"),
        ("JUG_MAX_HOURS", "1h", "'1h' is not a number"),
    ],
)
def test_an_environment_variable_is_wrong(where, variable, text, sentence):
    done = jug(where, "execute", **{variable: text})
    says(done, 2, f"Environment variable {variable}: {sentence}")
    assert files_in(where) == ["file", "jugfile.py"]


# Standard output


def shell(where, command, **env):
    """Run a line of shell in which ``$JUG`` is the command jug."""
    done = subprocess.run(
        ["sh", "-c", command.replace("$JUG", f"{sys.executable} -m jug")],
        cwd=where,
        env=environment(where, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("command", ["status", "execute", "count", "--help", "--version"])
def test_nobody_reads_the_output(where, command):
    os.mkfifo(where / "gone")  # the command begins when its reader has left
    _, err = shell(where, f"{{ read x <gone; $JUG {command}; echo status $? >&2; }} | {{ exec <&-; echo >gone; }}")
    assert err.replace("jug: All tasks are finished.\n", "") == "status 141\n"


@pytest.mark.parametrize(("command", "code"), [("status", 1), ("count", 0), ("execute", 0), ("--version", 0)])
def test_standard_output_is_closed(where, command, code):
    _, err = shell(where, f"$JUG {command} >&-; echo status $? >&2")
    assert err.replace("jug: All tasks are finished.\n", "") == f"status {code}\n"


@pytest.mark.parametrize(("command", "code"), [("status", 1), ("execute", 0), ("status nope.py", 2)])
def test_standard_error_is_closed(where, command, code):
    out, err = shell(where, f"$JUG {command} 2>&-; echo status $?")
    assert out.splitlines()[-1] == f"status {code}"
    assert err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("command", ["status", "execute", "--version", "status many.py", "execute many.py"])
def test_standard_output_is_full(where, command):
    many = "from jug import Task\ndef f(i): pass\nfor i in range(300): Task(f, i).name = f'a_long_name_of_a_task_{i}'\n"
    write(where, many, "many.py")  # more than a buffer holds
    _, err = shell(where, f"$JUG {command} >/dev/full; echo status $? >&2")
    assert err == "jug: Cannot write to standard output: No space left on device\nstatus 1\n"


REMOVED = "mkdir gone && cd gone && rmdir ../gone"
COMMANDS = ["execute", "status", "status --cache", "check", "count", "cleanup", "graph", "invalidate --name f", "demo"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_that_the_working_directory_was_removed(where, command):
    command, _, options = command.partition(" ")
    paths = "" if command == "demo" else f"{where}/jugfile.py --jugdir {where}/jd"
    before = files_in(where)
    _, err = shell(where, f"{REMOVED}; $JUG {command} {paths} {options}; echo status $? >&2")
    assert err.startswith("jug: The working directory does not exist any more: it was removed. ")
    assert err.endswith("\nstatus 2\n") and err.count("\n") == 2
    assert files_in(where) == before


@pytest.mark.parametrize("command", ["--help", "--version", "execute --help"])
def test_without_a_working_directory_there_is_help(where, command):
    out, err = shell(where, f"{REMOVED}; $JUG {command}; echo status $? >&2")
    assert out and err == "status 0\n"


@pytest.mark.parametrize(
    ("line", "is_of_print"),
    [
        ("print('x' * 100_000, flush=True)", True),
        ("sys.stdout.write('x' * 100_000)", True),
        ("os.getcwd()", False),
        ("os.write(full, b'x')", False),
        ("os.fsync(10_000)", False),
        ("os.read(10_000, 1)", False),
        ("os.stat('nope')", False),
        ("print('x') or os.kill(2**22 - 7, 0)", False),
    ],
)
def test_only_errors_of_printing_are_told_as_those_of_standard_output(tmp_path, monkeypatch, line, is_of_print):
    """What is raised in the outermost function of jug is not yet one of them."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with suppress(OSError), open("/dev/full", "w") as full, open("/dev/full", "w") as out:
        names = {"__name__": "jug.subcommands.status", "os": os, "sys": sys, "full": full.fileno()}
        exec(f"def command():\n    {line}", names)
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(OSError, match=".") as caught:
            names["command"]()
        assert terminal.is_of_print(caught.value) is is_of_print


@pytest.mark.parametrize(
    "line",
    [
        "double(1) + 1",
        "double(1).bit_length()",
        "[1][double(1)]",
        "range(double(1))",
        "double(1) > 2",
        "2 >= double(1)",
        "len(double(1))",
        "float(double(1))",
        "round(double(1))",
        "'s' + double(1)",
        "f'{double(1):.2f}'",
        "import json; json.dumps([double(1)])",
        "double(1)[0] < 3",
    ],
)
def test_a_task_that_is_taken_for_its_result_is_explained(where, line):
    write(where, f"from jug import TaskGenerator\n@TaskGenerator\ndef double(x): return 2 * x\n{line}\n", "add.py")
    done = jug(where, "status", "add.py")
    assert done.code == 1
    assert "\nA task is not its result, but a note that there will be one: make it an argument" in done.err


@pytest.mark.parametrize("line", ["Task()", "Task(print).load(1)", "jug.task.no_such.Task", "json.Task"])
def test_other_mistakes_with_tasks_are_not_explained_so(where, line):
    write(where, f"import json\nimport jug\nfrom jug import Task\n{line}\n", "other.py")
    done = jug(where, "status", "other.py")
    assert done.code == 1
    assert "Error: " in done.err and "A task is not its result" not in done.err


def test_it_is_explained_inside_a_task_as_well(where):
    write(
        where,
        """
        from jug import TaskGenerator

        @TaskGenerator
        def double(x):
            return 2 * x

        @TaskGenerator
        def more(x):
            return double(x) + 1

        more(1)
        """,
        "inside.py",
    )
    done = jug(where, "execute", "inside.py")
    assert done.code == 1
    assert "(in a task, call the undecorated function, such as f.f(x))" in done.err


def test_the_working_directory_was_removed(tmp_path):
    jugfile = write(tmp_path, "import jug\njug.Task(abs, -1)\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    command = [sys.executable, "-m", "jug", "execute", str(jugfile), "--jugdir", str(tmp_path / "results")]
    script = f"import os, sys; os.rmdir({str(gone)!r}); os.execv(sys.executable, {command!r})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=gone, env=environment(gone), capture_output=True, text=True
    )
    assert done.returncode == 2
    told = "The working directory does not exist any more: it was removed. Change to another one"
    assert done.stderr == f"jug: {told}\n"
