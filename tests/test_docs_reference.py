"""The reference chapters of the documentation name everything that there is, and nothing else."""

import inspect
import re
from importlib import import_module

import checkout
import pytest
from documents import ROOT

from jug import errors, hooks
from jug.backends.base import base_lock, base_store
from jug.cli.table import BUILTINS
from jug.hooks import exit_checks, registry
from jug.options import COMMON_OPTIONS
from jug.subcommands import cmdapi
from jug.subcommands.shell import Tools
from jug.words.config_files import GLOBAL_FILES, LOCAL_NAMES

checkout.required()


def chapter(name):
    return (ROOT / "docs" / f"{name}.rst").read_text(encoding="utf-8")


def sections(text):
    """What stands below each title that is underlined with =, by title."""
    parts = re.split(r"^(.+)\n=+$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SUBCOMMANDS = sections(chapter("subcommands"))
COMMON = "Options of all subcommands"
# Of other programs, and of jug without a subcommand.
OTHERS = {"--help", "--version", "--print-completion"}


def declared(options):
    return {f"--{spelling}" for option in options for spelling in option.spellings}


def explained(text):
    """The options in the terms of definition lists."""
    terms = " ".join(re.findall(r"^``--.*", text, re.MULTILINE))
    return set(re.findall(r"``(--[\w-]+)", terms))


@pytest.mark.parametrize("name", BUILTINS)
def test_every_option_of_a_subcommand_is_explained_in_its_section(name):
    options = cmdapi.get(name).options
    mentioned = set(re.findall(r"``(--[\w-]+)", SUBCOMMANDS[name]))
    assert explained(SUBCOMMANDS[name]) | (mentioned & {"--target", "--invalid"}) == declared(options)


def test_every_common_option_is_explained():
    assert explained(SUBCOMMANDS[COMMON]) == declared(COMMON_OPTIONS)


@pytest.mark.parametrize("name", ["subcommands", "configuration", "backends", "hooks", "faq"])
def test_no_option_is_named_that_does_not_exist(name):
    known = declared(COMMON_OPTIONS).union(OTHERS, *(declared(cmdapi.get(command).options) for command in BUILTINS))
    known |= {"--number"}  # of the command that the chapter writes
    typed = re.findall(r"jug [a-z][\w-]*[^\n`|;&]*", chapter(name))
    named = {option for words in typed for option in re.findall(r"(?<!\S)--[a-z][\w-]*", words)}
    named |= set(re.findall(r"``(--[a-z][\w-]*)", chapter(name)))
    assert named - known == set()


def test_every_exit_status_is_explained():
    numbers = {value for name, value in vars(errors).items() if name.startswith("EXIT_") and name != "EXIT_SIGNAL"}
    table = re.findall(r"^    \* - (.+)$", SUBCOMMANDS["Exit statuses"], re.MULTILINE)
    assert table == [*map(str, sorted(numbers)), f"{errors.EXIT_SIGNAL} + *n*"]


def test_every_variable_of_the_environment_is_explained():
    variables = set(re.findall(r"JUG_[A-Z_]+[A-Z]", inspect.getsource(exit_checks.exit_env_vars)))
    assert set(re.findall(r"``(JUG_\w+)``", SUBCOMMANDS["Stopping workers early"])) == variables
    assert exit_checks.STOP_FILE in SUBCOMMANDS["Stopping workers early"]


def test_every_function_of_the_shell_is_explained():
    for name, function in Tools(None, {}).as_names().items():
        assert f"``{name}(" in SUBCOMMANDS["shell"]
        for argument in list(inspect.signature(function).parameters)[1:]:
            assert argument in SUBCOMMANDS["shell"]


def test_every_hook_and_every_exit_check_is_explained():
    text = chapter("hooks")
    assert re.findall(r"^    \* - ``(execute[\w.-]+)\(", text, re.MULTILINE) == list(registry.HOOK_NAMES)
    public = [name for name, obj in vars(exit_checks).items() if inspect.isfunction(obj) and name.startswith("exit_")]
    for name in public:
        assert f"``{name}(" in text
    for name in [*hooks.__all__, "register_time_tasks"]:
        assert re.search(rf"``{name}\(", text)


@pytest.mark.parametrize("kind", [base_store, base_lock])
def test_every_method_of_stores_and_locks_is_explained_with_its_arguments(kind):
    text = chapter("writing_a_backend")
    for name in vars(kind):
        if name.startswith("_"):
            continue
        if not callable(getattr(kind, name)):
            assert f"``{name}``" in text
            continue
        parameters = [p for p in inspect.signature(getattr(kind, name)).parameters.values() if p.name != "self"]
        written = ", ".join(p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters)
        written = {"metadata": "task"}.get(name, written)
        assert f"``{name}({written})``" in text


def test_all_configuration_files_are_listed_in_their_order():
    text = chapter("configuration")
    assert tuple(re.findall(r"^\d\. ``(~/.+)``$", text, re.MULTILINE)) == GLOBAL_FILES
    assert tuple(re.findall(r"^\d\. ``([\w.]+)`` in the working directory$", text, re.MULTILINE)) == LOCAL_NAMES


def test_every_common_option_has_a_place_in_the_chapter_on_configuration():
    for option in COMMON_OPTIONS:
        assert f"``{option.name}``" in chapter("configuration")


def test_every_field_of_the_json_is_explained():
    fields = set(re.findall(r'^        "(\w+)":', SUBCOMMANDS["webstatus"], re.MULTILINE))
    table = re.findall(r"^    \* - (``.+)$", SUBCOMMANDS["webstatus"], re.MULTILINE)
    assert set(re.findall(r"``(\w+)``", " ".join(table))) == fields


def test_every_scheme_is_explained():
    schemes = import_module("jug.backends.select")._schemes
    assert [scheme for scheme in schemes if not re.search(rf"``{re.escape(scheme)}:", chapter("backends"))] == []
