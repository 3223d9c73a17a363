"""What the user's functions log, and ``--verbose``."""

import pytest
from processes import jug, python, write

LOGS = """
import logging
from jug import TaskGenerator

{setup}
log = logging.getLogger(__name__)
log.info("reading")

@TaskGenerator
def f(x):
    log.debug("in detail")
    log.info("working on %s", x)
    logging.getLogger("other").warning("careful")
    return x

f(0)
"""
INFO = ["INFO:jugfile:reading", "INFO:jugfile:working on 0"]


def logged(where, *arguments, setup=""):
    """What was logged, without jug's own lines."""
    write(where, LOGS.format(setup=setup))
    done = jug(where, "execute", "--short", "--jugdir", "dict_store", *arguments)
    assert done.code == 0
    return [line for line in done.err.splitlines() if not line.startswith("jug: ")]


@pytest.mark.parametrize(
    ("verbose", "lines"),
    [
        ("quiet", ["careful"]),
        ("warning", ["careful"]),
        ("info", [*INFO, "WARNING:other:careful"]),
        ("debug", [INFO[0], "DEBUG:jugfile:in detail", INFO[1], "WARNING:other:careful"]),
    ],
)
def test_verbose_shows_what_is_logged(tmp_path, verbose, lines):
    assert logged(tmp_path, "--verbose", verbose) == lines


def test_the_configuration_shows_what_is_logged(tmp_path):
    write(tmp_path, "[main]\nverbose = info\n", ".jugrc")
    assert logged(tmp_path)[:2] == INFO


@pytest.mark.parametrize("level", ["", ", level='WARNING'"])
def test_a_jugfile_that_sets_up_logging_is_obeyed(tmp_path, level):
    setup = f"logging.basicConfig(format='mine: %(message)s'{level})"
    expected = ["mine: careful"] if level else ["mine: reading", "mine: working on 0", "mine: careful"]
    assert logged(tmp_path, "--verbose", "info", setup=setup) == expected


def test_a_program_that_sets_up_logging_is_obeyed(tmp_path):
    write(tmp_path, LOGS.format(setup=""))
    script = "import logging, jug.jug; logging.basicConfig(format='mine: %(message)s'); jug.jug.main({})"
    argv = ["jug", "execute", "--short", "--jugdir", "dict_store", "--verbose", "info"]
    done = python(tmp_path, "-c", script.format(argv))
    assert [line for line in done.err.splitlines() if not line.startswith("jug: ")] == ["mine: careful"]
