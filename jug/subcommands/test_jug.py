"""``jug test-jug``: the tests that belong to the version of jug that is installed.

A selection of them shows in less than a minute that jug works on this machine: hashes are those of the reference,
stores keep what they are given, workers share the work. ``--all`` runs all, for some ten minutes.

They are in the package, beside their configuration, as they are in a checkout (``setup.py`` puts them there); pytest
runs them in an empty directory, and nothing is written into the installation.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError
from jug.words.config import Option, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from jug.words.config import Options

PACKAGE = Path(__file__).resolve().parent.parent
CONFIGURATION = "pyproject.toml"
PYTEST_USAGE_ERROR = 4
#: Files of tests that take less than a minute together, and would notice most of what can be wrong with a machine.
SELECTION = (
    *("test_golden.py", "test_hash.py", "test_task.py", "test_tasklet.py", "test_nodes.py", "test_mapreduce.py"),
    *("test_barrier.py", "test_compound.py", "test_options.py"),
    *("test_encode.py", "test_dict_store.py", "test_lock_contract.py"),
    *("test_graph.py", "test_scheduler.py", "test_execute.py", "subcommands/test_status.py"),
)


class TestJugCommand(SubCommand):
    """Run jug's own tests (what follows -- is for pytest)

    Without anything after --, a selection that takes less than a minute; with ``--all``, all of them. For instance,
    ``jug test-jug -- -k lock -x`` or ``jug test-jug -- tests/test_hash.py``.
    """

    name = "test-jug"
    options = (Option("all", False, "Run all tests, which takes some ten minutes"),)
    needs_jugfile = False
    needs_store = False
    __test__ = False  # in spite of its name, it is nothing that pytest should collect

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        from importlib.util import find_spec

        given = vars(options).get("jugfile")  # on the command line
        if given is not None:
            raise UsageError(f"{given!r}: what is for pytest follows --, as in 'jug test-jug -- {given}'")
        suite = _suite()
        if find_spec("pytest") is None:
            raise UsageError(
                "the tests need pytest, which is not installed: pip install pytest, or pip install 'jug[test]' for all "
                "that tests of optional parts need"
            )
        arguments = options.user_args
        if not (arguments or options.test_jug_all):
            arguments = [*SELECTION]
        return _run_pytest(options, suite, arguments)


def _suite() -> Path:
    """The directory that holds ``tests`` and their configuration: in the package, or the checkout around it."""
    for place in (PACKAGE / "_testsuite", PACKAGE.parent):
        # Others have a directory `tests` beside their packages, too.
        if (place / CONFIGURATION).is_file() and (place / "tests" / "conftest.py").is_file():
            return place
    raise UsageError(f"the tests are not part of this installation: there is no {PACKAGE / '_testsuite'}")


def _run_pytest(options: Options, suite: Path, arguments: Sequence[str]) -> int:
    import subprocess
    import tempfile

    selected = [_selection(suite, word) for word in arguments]
    if selected == list(arguments):
        selected = [str(suite / "tests"), *arguments]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += ["-c", str(suite / CONFIGURATION), "--rootdir", str(suite), *selected]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    tell(options, f"The tests of {suite}")
    terminal.flush()
    with tempfile.TemporaryDirectory(prefix="jug-test-") as empty:
        process = subprocess.Popen(command, cwd=empty, env=environment)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted as well, and tells what it has found
            raise
    if code == PYTEST_USAGE_ERROR:
        return EXIT_USAGE
    return EXIT_OK if code == 0 else EXIT_FAILED


def _selection(suite: Path, word: str) -> str:
    """The word with the path of a file of tests (``test_hash.py::test_x``) made whole, and any other as it is."""
    path, colons, name = word.partition("::")
    if path.endswith(".py"):
        for place in (suite, suite / "tests", *sorted((suite / "tests").rglob("*/"))):
            if (place / path).is_file():
                return f"{place / path}{colons}{name}"
    return word


__getattr__ = as_in_old_releases(__name__, "test-jug")
