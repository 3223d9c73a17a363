# PYTHON_ARGCOMPLETE_OK (the shell may ask this program how a line goes on)
"""The door of the command line: from ``sys.argv`` to an exit status.

``main`` is the only place that exits. The statuses are listed in :mod:`jug.errors`; a mistake of the user is one
line on standard error, a bug (of jug or of the jugfile) keeps its traceback.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys

if not __package__:  # python .../jug/jug.py
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "jug"

from . import options as _options
from . import task
from .backends.result_bytes.key_file import read_key
from .cli import terminal
from .cli.console import ConsoleReporter, LoopReporter
from .cli.logs import show_logging
from .cli.selection import selection_from
from .engine.call.debugger import post_mortem
from .engine.call.signals import Interrupted, ignore_signals
from .engine.gc_tuning import leave_alone
from .engine.graph import Graph
from .engine.loading.directory import working_directory
from .engine.loading.healing import load_mending
from .engine.loading.jugfile import Jugfile, JugfileRaised, init, is_jug_running, mark_running
from .engine.loading.stores import Signs, current_store, set_jugdir, stores_of_a_command
from .engine.run.outcome import Ending, is_told
from .engine.run.scheduler import Scheduler
from .errors import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_SIGNAL,
    EXIT_USAGE,
    EXIT_WORK_LEFT,
    JugError,
    OutputError,
    StopWorker,
    StoreError,
)
from .hashcheck.arguments import WatchedTasks
from .subcommands import cmdapi
from .subcommands.execute import settings_from
from .task_parts.scripts import look_at_all
from .words import inherited
from .words.config import warn
from .words.permissions import who_else_can_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from .cli.table import Command
    from .task import Task
    from .words.config import Options

__all__ = ["ExecutionState", "execution_loop", "init", "is_jug_running", "main", "main_execute"]

_NO_DIRECTORY = "the working directory does not exist any more: it was removed. Change to another one"


class ExecutionState:
    """What one call of :func:`execution_loop` leaves for the next.

    Attributes
    ----------
    failed : set of bytes
        Hashes of tasks that failed: they are not run again.
    nr_waits : int
        How many calls ended because there was nothing to do but wait.
    """

    def __init__(self) -> None:
        self.failed: set[bytes] = set()
        self.nr_waits = 0


def execution_loop(tasks: list[Task[Any]], options: Options, state: ExecutionState | None = None) -> bool:
    """Run `tasks`, which must include what they depend on unless that is finished; empties the list.

    Returns
    -------
    failures : bool
        Whether a task failed (with ``options.execute_keep_going``).

    Raises
    ------
    Exception
        What a task raised, unless ``options.execute_keep_going``. (If a task calls ``sys.exit()``, it has failed, too:
        the exit status is 1.)
    SystemExit
        A hook, or an exit check, ended the loop.
    """
    state = state if state is not None else ExecutionState()
    graph = Graph(tasks)
    del tasks[:]
    selected = graph.selected(selection_from(options, "execute"))
    store = current_store(graph.tasks[0].require_store()) if len(graph) else None
    if store is None:
        return False
    inherited.warn_of_ignored_children()
    look_at_all(graph.tasks)
    reporter = ConsoleReporter(options) if options.execute_keep_going else LoopReporter(options)
    scheduler = Scheduler(graph, store, settings_from(options), reporter, selected)
    scheduler.failed_before = frozenset(state.failed)
    try:
        outcome = scheduler.run()
    except Interrupted as interrupt:
        if interrupt.signum != signal.SIGINT:
            raise
        raise KeyboardInterrupt from interrupt  # which is what a program expects
    state.failed.update(task.hash() for task in outcome.failures)
    state.nr_waits += outcome.ending is Ending.GAVE_UP
    if isinstance(outcome.cause, StopWorker):
        raise outcome.cause
    outcome.raise_failure()
    return bool(outcome.failures)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line `argv` (its first item is the program), and exit.

    Without `argv`, it is that of this process, which is jug's own: the command ``jug``.

    Raises
    ------
    SystemExit
        Always, but for the next.
    Exception
        With `argv`: what a task raised, when the user has been told (without ``--keep-going``). A program may catch it.
    """
    is_ours = argv is None
    if argv is None:
        leave_alone()
        inherited.put_right()
        argv = sys.argv
    terminal.prepare()
    try:
        code = _run_and_explain(argv[1:])
        terminal.flush()
    except BrokenPipeError:  # whoever read our output has left
        terminal.discard()
        code = EXIT_SIGNAL + 13
    except OutputError as error:
        terminal.discard()
        code = _explain(str(error), error.exit_code)
    except Exception as error:
        if is_told(error):
            if not is_ours:
                raise
            code = EXIT_FAILED
        elif isinstance(error, OSError) and terminal.is_of_print(error):
            terminal.discard()
            code = _explain(f"Cannot write to standard output: {error.strerror}", OutputError.exit_code)
        else:
            raise
    sys.exit(code)


def main_execute() -> NoReturn:
    """``jug-execute ...`` is ``jug execute ...``."""
    sys.argv.insert(1, "execute")
    main()


def _run_and_explain(arguments: Sequence[str]) -> int:
    """Run one subcommand and say what went wrong, if it did; returns the exit status."""
    try:
        return _run(arguments)
    except StopWorker as stop:  # of a hook that was not called by a worker
        return _explain(str(stop), EXIT_WORK_LEFT)
    except SystemExit as stop:  # --help, --version, or the jugfile's own
        return stop.code  # type: ignore[return-value]  # a message, perhaps: sys.exit() knows
    except JugError as error:
        if is_told(error):
            raise
        return _explain(str(error), error.exit_code)
    except Interrupted as interrupt:
        ignore_signals()
        trouble = interrupt.__context__
        more = str(trouble) if isinstance(trouble, StoreError) else "all locks are released"
        return _explain(f"{interrupt}; {more}", EXIT_SIGNAL + interrupt.signum)
    except KeyboardInterrupt:
        ignore_signals()
        return _explain("interrupted", EXIT_SIGNAL + 2)
    except FileNotFoundError as error:
        if error.filename is not None or working_directory():
            raise
        return _explain(_NO_DIRECTORY, EXIT_USAGE)


def _explain(message: str, code: int) -> int:
    terminal.say(message)
    return code


def _run(arguments: Sequence[str]) -> int:
    """Run one subcommand; returns the exit status."""
    options = _options.read_command_line(arguments)
    command = cmdapi.get(options.subcommand)
    mark_running()
    show_logging(options.verbose)
    atexit.register(task.alltasks.clear)  # else the end of the process goes through all of them again and again
    if options.debug:
        task.alltasks = WatchedTasks(task.alltasks)
    with stores_of_a_command(_signs(options, command) if command.needs_store else None):
        store = set_jugdir(options.jugdir) if command.needs_store else None
        _warn_of_writers(store)
        try:
            start = working_directory()
            jugspace = _jugspace(options, command) if command.reads_jugfile(options) else None
            if working_directory() != start:
                _warn_of_writers(store)
            if store is not None and jugspace is not None:
                store = current_store(store)
            return cmdapi.run(command.name, options=options, store=store, jugspace=jugspace) or EXIT_OK
        except JugfileRaised as raised:
            terminal.flush()
            print(raised.report(), end="", file=sys.stderr, flush=True)
            if options.pdb and raised.has_place:
                post_mortem(raised.error)
            return raised.exit_code


def _jugspace(options: Options, command: Command) -> dict[str, Any]:
    jugfile = Jugfile(options.jugfile, options.user_args)
    return load_mending(jugfile, ConsoleReporter(options)) if command.works else jugfile.load()


def _signs(options: Options, command: Command) -> Signs | None:
    return Signs(read_key(options.sign_key), command.judges(options)) if options.sign_key is not None else None


def _warn_of_writers(store: Any) -> None:
    """Results are pickles: who can write them can run programs as whoever loads them, which a jugfile may do."""
    folder = getattr(store, "jugdir", None)  # only stores in folders have one
    writer = who_else_can_write(folder) if isinstance(folder, (str, os.PathLike)) else ""
    if writer:
        warn(f"{writer} can write to the jugdir {folder}, and so run programs as you: results are pickles")


if __name__ == "__main__":  # python -m jug.jug
    main()
