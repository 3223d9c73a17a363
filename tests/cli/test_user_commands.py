"""Commands of users and configuration files, through the command line."""

import pytest
from processes import jug, use, write

COMMANDS = """
from jug.subcommands import SubCommand
from jug.task import alltasks

class Names(SubCommand):
    '''Print the names of all tasks

    One by one.'''
    name = "names"

    def parse(self, parser):
        parser.add_argument("--upper", action="store_const", const=True, dest="names_upper")
        parser.add_argument("--times", type=int, dest="names_times")

    def parse_defaults(self):
        return {"names_upper": False, "names_times": 1}

    def run(self, options, store, jugspace, *args, **kwargs):
        for task in alltasks * options.names_times:
            print(task.name.upper() if options.names_upper else task.name, task.can_load(store))
        print(len(jugspace["firsts"]))
        return 5

class Count(SubCommand):
    '''Count in another way'''
    name = "count"

    def run(self, *args, **kwargs):
        print("many")

names = Names()
count = Count()
"""
PLACE = ".config/jug/jug_user_commands.py"


@pytest.fixture
def where(tmp_path):
    use(tmp_path, "chain.py")
    write(tmp_path, COMMANDS, PLACE)
    return tmp_path


def test_a_command_is_added(where):
    done = jug(where, "names")
    assert (done.code, done.err) == (5, "")
    lines = done.out.splitlines()
    assert lines[0] == "jugfile.first False" and lines[-1] == "3" and len(lines) == 8


def test_its_options_its_help_and_its_section_of_the_configuration(where):
    assert jug(where, "names", "--upper", "--times", "2").out.splitlines().count("JUGFILE.SECOND False") == 2
    assert "--upper" in jug(where, "names", "--help").out
    (where / "jugrc").write_text("[names]\ntimes = 3\nupper = yes\n")
    assert jug(where, "names").out.splitlines().count("JUGFILE.SECOND False") == 3


def test_a_built_in_command_is_replaced(where):
    done = jug(where, "count")
    assert (done.code, done.out) == (0, "many\n")


def test_usage_shows_both(where):
    done = jug(where, "--help")
    assert "   names:          Print the names of all tasks\n" in done.out
    assert "   count:          Count in another way\n" in done.out


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError: division by zero, in line 2"),
        ("import not_installed_here\n", "ModuleNotFoundError: No module named 'not_installed_here', in line 1"),
        ("\nimport sys; sys.exit('not here')\n", "SystemExit: not here, in line 2"),
        ("x = 1\nx = = 2\n", None),
    ],
)
def test_a_file_that_cannot_be_imported_is_warned_of(where, source, why):
    write(where, source, PLACE)
    done = jug(where, "status", "--short")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "waiting to be run" in done.out
    start = f"jug: warning: {where / PLACE} cannot be imported, and its commands are not there ("
    assert done.err.startswith(start) and "in line 2)" in done.err if why is None else done.err == f"{start}{why})\n"


def test_a_command_of_a_file_that_cannot_be_imported(where):
    write(where, "1 / 0\n", PLACE)
    done = jug(where, "names")
    assert done.code == 2
    assert done.last.startswith("jug: There is no subcommand 'names'")
    assert "ZeroDivisionError" in done.err.splitlines()[0]


# Configuration files


@pytest.mark.parametrize("name", [".jugrc", "jugrc", ".config/jug/jugrc", ".config/jugrc", ".jug/configrc"])
def test_a_configuration_file_sets_options(tmp_path, name):
    use(tmp_path, "chain.py", "chain.py")
    write(tmp_path, "[main]\njugfile = chain.py\nshort = on\n[status]\ncache = no\n", name)
    assert jug(tmp_path, "count").out == "Count:  7 tasks\n** Total: 7 tasks.\n"


def test_the_command_line_comes_before_local_files_and_these_before_the_global_one(tmp_path):
    use(tmp_path, "chain.py")
    use(tmp_path, "chain.py", "other.py")
    everywhere = "[main]\njugdir = global.%(jugfile)s\nverbose = info\n[execute]\nname = apart\n"
    write(tmp_path, everywhere, ".config/jug/jugrc")
    assert jug(tmp_path, "execute").err.splitlines()[0] == "jug: executing jugfile.apart()"
    assert (tmp_path / "global.jugfile").is_dir()
    write(tmp_path, "[main]\njugdir = local.%(jugfile)s\n", "jugrc")
    assert jug(tmp_path, "execute").err.splitlines()[0] == "jug: executing jugfile.apart()"
    assert (tmp_path / "local.jugfile").is_dir()
    given = ["--jugdir", "given.%(jugfile)s", "--name", "first", "--verbose", "quiet"]
    done = jug(tmp_path, "execute", "other.py", *given)
    assert done.err == "jug: All tasks that match --name 'first' are finished.\n"
    assert (tmp_path / "given.other").is_dir()


def test_a_local_file_counts_in_the_whole_checkout(tmp_path):
    (tmp_path / ".git").mkdir()
    use(tmp_path, "chain.py", "deep/down/jugfile.py")
    write(tmp_path, "[main]\nshort = yes\n", ".jugrc")
    assert jug(tmp_path / "deep/down", "count").out == "Count:  7 tasks\n** Total: 7 tasks.\n"
    write(tmp_path, "[main]\nshort = no\n", "deep/jugrc")
    assert "Total:" in jug(tmp_path / "deep/down", "count").out


def test_an_option_of_a_command(tmp_path):
    use(tmp_path, "failing.py")
    write(tmp_path, "[execute]\nkeep-going = true\nkeep_failed = 1\nnr-wait-cycles = 0\n", "jugrc")
    assert jug(tmp_path, "execute").last.startswith("jug: 3 tasks failed")
    assert jug(tmp_path, "status").table()["Total:"]["Failed"] == 3
