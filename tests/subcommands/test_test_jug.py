"""The tests of the tests: that they can be run where jug is installed, and say how it went."""

import os
from importlib.util import find_spec
from pathlib import Path

import checkout
import pytest
from fresh_install import build_wheel, call, clean_environment, install
from processes import environment, files_in, jug, write

from jug.errors import UsageError
from jug.options import parse
from jug.subcommands import cmdapi, test_jug

SMALL = ["tests/words/test_short.py", "-q"]
WHAT_PYTEST_IS_MADE_OF = [
    "pytest",
    "_pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "exceptiongroup",
    "tomli",
]
FAILING = "def pytest_runtest_setup(item):\n    assert False, 'as it was asked for'\n"


@pytest.fixture
def in_the_way(tmp_path):
    """A directory with files that jug or pytest would use if they looked there."""
    for name in ("conftest.py", "jugfile.py", "tests/words/test_short.py"):
        write(tmp_path, "raise SystemExit('this is nothing of yours')", name)
    write(tmp_path, "[pytest]\naddopts = --no-such-option\n", "pytest.ini")
    return tmp_path


def test_what_is_in_the_directory_plays_no_part_and_stays_as_it_is(in_the_way):
    before = files_in(in_the_way)
    done = jug(in_the_way, "test-jug", "--", *SMALL)
    assert (done.code, done.err) == (0, "")
    assert " passed" in done.out
    assert files_in(in_the_way) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test_short.py::test_a_call_shows_its_arguments_in_one_line"], "1 passed"),
        (["tests/words/test_short.py", "-k", "its_arguments_in_one"], "1 passed"),
        (["--collect-only", "-q", "-k", "test_a_call_shows_its_arguments_in_one_line"], "1/"),
    ],
)
def test_what_follows_the_dashes_is_for_pytest(tmp_path, arguments, said):
    done = jug(tmp_path, "test-jug", "--", *arguments)
    assert done.code == 0, done
    assert said in done.out


def test_a_test_that_fails(tmp_path):
    write(tmp_path, FAILING, "failing.py")
    path = f"{tmp_path}{os.pathsep}{environment(tmp_path)['PYTHONPATH']}"
    done = jug(tmp_path, "test-jug", "--", "-p", "failing", *SMALL, PYTHONPATH=path)
    assert done.code == 1
    assert "as it was asked for" in done.out


def test_no_test_at_all_is_no_success(tmp_path):
    assert jug(tmp_path, "test-jug", "--", *SMALL, "-k", "no_such_test").code == 1


def test_an_option_that_pytest_does_not_have(tmp_path):
    done = jug(tmp_path, "test-jug", "--", "--no-such-option")
    assert done.code == 2
    assert "unrecognized arguments: --no-such-option" in done.err


def test_what_does_not_follow_the_dashes_is_not_taken_for_nothing(tmp_path):
    done = jug(tmp_path, "test-jug", "test_short.py")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jug: 'test_short.py': what is for pytest follows --, as in 'jug test-jug -- test_short.py'\n"


def run():
    return cmdapi.run("test-jug", options=parse(["test-jug"]), store=None, jugspace=None)


def test_no_pytest(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"need pytest, which is not installed: pip install pytest"):
        run()


def test_a_package_without_its_tests(monkeypatch, tmp_path):
    write(tmp_path, "", "tests/conftest.py")  # somebody else's
    monkeypatch.setattr(test_jug, "PACKAGE", tmp_path / "jug")
    with pytest.raises(UsageError, match=rf"not part of this installation: there is no {tmp_path}/jug/_testsuite$"):
        run()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    checkout.required()
    return build_wheel(tmp_path_factory.mktemp("build"))


@pytest.mark.xdist_group("package")
def test_an_installed_jug_runs_the_tests_that_came_with_it(wheel, tmp_path):
    bins = install(wheel, tmp_path / "environment", with_libraries=True)
    before = files_in(tmp_path)
    # One that uses jug itself, one that runs it as a process, one that has data, and one that needs a checkout.
    chosen = ["words/test_short.py", "subcommands/test_demo.py", "backends/file/pack/test_pack.py", "test_house.py"]
    home = tmp_path / "home"
    home.mkdir()
    said = call(bins / "jug", "test-jug", "--", *chosen, cwd=home, env=clean_environment(HOME=str(home)))
    assert said.startswith(f"The tests of {tmp_path}/environment/lib/")
    assert " passed" in said and " failed" not in said
    assert "needs a checkout of jug, and this is an installed one" in said
    assert [name for name in files_in(tmp_path) if name not in before] == ["home"]


@pytest.mark.xdist_group("package")
@pytest.mark.parametrize("with_libraries", [True, False], ids=["all libraries", "pytest alone"])
def test_all_tests_can_be_read_where_jug_is_installed(wheel, tmp_path, with_libraries):
    bins = install(wheel, tmp_path / "environment", with_libraries)
    path = tmp_path / "pytest alone"
    path.mkdir()
    for name in WHAT_PYTEST_IS_MADE_OF:
        if (spec := find_spec(name)) is not None:
            origin = Path(spec.origin)
            origin = origin.parent if origin.name == "__init__.py" else origin
            (path / origin.name).symlink_to(origin)
    env = clean_environment() if with_libraries else clean_environment(PYTHONPATH=str(path))
    said = call(bins / "jug", "test-jug", "--", "--collect-only", "-q", cwd=tmp_path, env=env)
    assert "tests/engine/run/test_scheduler.py::" in said and "tests/backends/test_store_contract.py::" in said


@pytest.mark.xdist_group("package")
def test_an_installed_jug_without_pytest(wheel, tmp_path):
    bins = install(wheel, tmp_path / "environment")
    with pytest.raises(AssertionError, match=r"status 2\n\njug: The tests need pytest, which is not installed"):
        call(bins / "jug", "test-jug", cwd=tmp_path)


# What is run when nothing is asked for


@pytest.fixture
def asked_of_pytest(monkeypatch):
    asked = []
    monkeypatch.setattr(
        test_jug, "_run_pytest", lambda options, suite, arguments: asked.append((suite, list(arguments))) or 0
    )
    return asked


def run_test_jug(*arguments):
    return cmdapi.run("test-jug", options=parse(["test-jug", *arguments]), store=None, jugspace=None)


def test_without_a_word_it_is_a_selection_of_files_that_exist(asked_of_pytest):
    assert run_test_jug() == 0
    ((suite, arguments),) = asked_of_pytest
    assert len(arguments) == len(test_jug.SELECTION) > 10
    assert all((suite / test_jug._selection(suite, word)).is_file() for word in arguments)


def test_all_tests_are_run_if_that_is_asked(asked_of_pytest):
    run_test_jug("--all")
    run_test_jug("--", "-k", "lock")
    assert [arguments for _, arguments in asked_of_pytest] == [[], ["-k", "lock"]]
