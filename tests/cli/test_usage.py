import sys
from importlib import import_module

import pytest

from jug.cli.table import BUILTINS, USER_MODULE, CommandTable
from jug.errors import UsageError
from jug.options import default_options
from jug.subcommands import SubCommand, cmdapi

# What the reference release answers; user code and third-party subcommands read these.
REFERENCE_DEFAULTS = {
    "aggressive_unload": False,
    "cleanup_failed_only": False,
    "cleanup_keep_locks": False,
    "cleanup_locks_only": False,
    "debug": False,
    "execute_keep_failed": False,
    "execute_keep_going": False,
    "execute_name": None,
    "execute_no_check_environment": False,
    "execute_nr_wait_cycles": 150,
    "execute_pattern": None,
    "execute_wait_cycle_time": 12.0,
    "invalid_name": None,
    "invalid_pattern": None,
    "jugdir": "%(jugfile)s.jugdata",
    "jugfile": "jugfile.py",
    "pdb": False,
    "short": False,
    "status_cache": False,
    "status_cache_clear": False,
    "status_cache_file": ".jugstatus.sqlite3",
    "verbose": "quiet",
    "webstatus_ip": "localhost",
    "webstatus_port": 8080,
    "will_cite": False,
}


@pytest.fixture
def registry(monkeypatch):
    """An empty registry that SubCommand instances of the test join."""
    fresh = CommandTable()
    monkeypatch.setattr("jug.cli.command.cmdapi", fresh)
    return fresh


@pytest.fixture
def user_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, USER_MODULE, raising=False)
    path = tmp_path / ".config/jug/jug_user_commands.py"
    path.parent.mkdir(parents=True)
    yield path
    sys.modules.pop(USER_MODULE, None)


USER_SOURCE = """
from jug.subcommands import SubCommand

class Greet(SubCommand):
    '''Say hello

    And nothing else.'''
    def __init__(self, name, answer):
        self.name = name
        self.answer = answer
    def run(self, options, store, jugspace, *args, **kwargs):
        return self.answer, options, store, jugspace, args, kwargs

greet = Greet('greet', 5)
for name in ('count', 'elsewhere'):
    Greet(name, 6)
"""


@pytest.mark.parametrize("name", BUILTINS)
def test_a_built_in_command_is_what_the_table_says(name):
    module, cls, help = BUILTINS[name]
    command = getattr(import_module(f"jug.subcommands.{module}"), cls)
    assert issubclass(command, SubCommand)
    assert command.name == name
    assert command.__doc__.splitlines()[0] == help


def test_the_defaults_are_those_of_the_reference():
    assert {name: getattr(default_options, name) for name in REFERENCE_DEFAULTS} == REFERENCE_DEFAULTS


def test_usage_has_one_line_per_command_and_imports_none(registry):
    before = set(sys.modules)
    lines = registry.usage().splitlines()
    assert "   sleep-until:    Wait until all tasks are done, then exit." in lines
    assert sum(line.startswith("   ") for line in lines) == len(BUILTINS)
    assert set(sys.modules) == before


def test_an_unknown_command_is_named_with_the_closest_one(registry):
    with pytest.raises(UsageError, match=r"^there is no subcommand 'stauts' \(did you mean 'status'\?\)$"):
        registry.get("stauts")


def test_instances_become_commands_and_are_run_with_what_they_are_given(registry):
    class Mine(SubCommand):
        """My own

        More."""

        name = "mine"

        def run(self, options, store, jugspace, *args, **kwargs):
            return options, store, jugspace, args, kwargs

    Mine()
    assert registry.run("mine", options=1, store=2, jugspace=3, x=4) == (1, 2, 3, (), {"x": 4})
    assert "   mine:           My own" in registry.usage().splitlines()


def test_a_user_command_replaces_a_built_in_one(registry):
    class Count(SubCommand):
        """Count differently"""

        name = "count"

    mine = Count()
    assert registry.get("count") is mine
    assert registry.user_commands() == [mine]
    assert "   count:          Count differently" in registry.usage().splitlines()


def test_a_command_without_a_name_is_refused(registry):
    class Nameless(SubCommand):
        pass

    Nameless()
    with pytest.raises(UsageError, match="Nameless has no name"):
        registry.get("execute")


def test_a_command_without_run_says_so(registry):
    class Lazy(SubCommand):
        name = "lazy"

    assert Lazy().help == ""
    with pytest.raises(NotImplementedError, match="'lazy'"):
        registry.run("lazy", options=None, store=None, jugspace=None)


def test_the_users_file_is_imported_once(registry, user_file):
    user_file.write_text(USER_SOURCE)
    registry.load_user_commands()
    registry.load_user_commands()
    assert sorted(command.name for command in registry.user_commands()) == ["count", "elsewhere", "greet"]
    assert registry.run("greet", options=1, store=2, jugspace=3) == (5, 1, 2, 3, (), {})
    assert registry.helps()["greet"] == "Say hello"


def test_no_users_file_is_fine(registry, user_file):
    registry.load_user_commands()
    assert registry.user_commands() == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def f():\n    return 1 / 0\nf()\n", "ZeroDivisionError: division by zero"),
        ("def f(:\n", "SyntaxError: "),
    ],
)
def test_an_error_in_the_users_file_names_it(registry, user_file, capsys, source, sentence):
    user_file.write_text(source)
    registry.load_user_commands()
    said = capsys.readouterr().err
    assert said.startswith(f"jug: warning: {user_file} cannot be imported, and its commands are not there ({sentence}")
    assert said.count("\n") == 1
    assert USER_MODULE not in sys.modules and registry.user_commands() == []


def test_the_registry_is_where_it_always_was():
    import jug.subcommands

    assert jug.subcommands.cmdapi is cmdapi
