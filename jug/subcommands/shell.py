"""``jug shell``: IPython with the names of the jugfile and its results."""

from __future__ import annotations

from functools import partial

from jug import task
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import barrier_of
from jug.engine.views.removal import Invalidation
from jug.engine.views.status import State, Status
from jug.errors import JugError, UsageError
from jug.words.config import Options
from jug.words.nodes import direct_tasks
from jug.words.plain import plain
from jug.words.short import short

from .invalidate import show, show_and_remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from jug.task import Task

#: How many names load_all says at most.
NAMES_TOLD = 20
BANNER = """\
=========
jug shell
=========

The names of the jugfile {jugfile!r} are here{partly}, and besides them:

    value(task)             the result of a task (or of a list, dict, ... of tasks; with missing=None, None for each
                            that is not there)
    load_all()              replace every task among the names by its result, where there is one
    invalidate(task)        remove the result of a task, and all results that depend on it (these are shown first;
                            with dry_run=True they are only shown)
    get_tasks()             all tasks
    get_filtered_tasks(loadable=False, failed=False, available=False)
                            those that are finished, that failed, that can be run now
"""


class ShellCommand(SubCommand):
    """Run a shell after initialization"""

    name = "shell"

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        names = dict(jugspace)
        names.update(Tools(store, names, options).as_names())
        barrier = barrier_of(names)
        partly = f" (up to a barrier: {barrier})" if barrier else ""
        _start(names, BANNER.format(jugfile=options.jugfile, partly=partly))
        return 0


def _start(names: dict[str, Any], banner: str) -> None:
    """Run IPython until the user leaves it."""
    try:
        from IPython.terminal.ipapp import TerminalIPythonApp
        from traitlets.config import Config
    except ImportError:
        raise UsageError("the shell needs IPython, which is not installed: pip install 'jug[shell]'") from None

    config = Config()
    config.TerminalInteractiveShell.banner2 = banner
    config.TerminalInteractiveShell.confirm_exit = False
    app = TerminalIPythonApp.instance(user_ns=names, config=config)
    app.initialize([])
    app.shell.set_custom_exc((JugError,), _show_sentence)
    app.start()


def _show_sentence(shell: Any, kind: type, error: BaseException, traceback: Any, tb_offset: int | None = None) -> None:
    """What IPython shows of a mistake: that it leads through jug is of no interest."""
    print(plain(f"{kind.__name__}: {error}"))


class Tools:
    """The functions that the shell adds to the names of the jugfile."""

    def __init__(self, store: Any, names: dict[str, Any], options: Options | None = None) -> None:
        self._store = store
        self._names = names
        self._options = options or Options()
        self._tasks = list(task.alltasks)

    def as_names(self) -> dict[str, Any]:
        public = ("load_all", "invalidate", "get_tasks", "get_filtered_tasks")
        return {"value": task.value, **{name: getattr(self, name) for name in public}}

    def load_all(self) -> None:
        """Replace every task (or list, dict, ... of tasks) among the names by its result, where that is there.

        It says which ones are left, since results are missing.
        """
        shell_names = _shell_names() or self._names
        history = shell_names.get("_oh")  # the same as Out: IPython goes on to write into it, not into a copy
        names = {name: obj for name, obj in shell_names.items() if obj is not history and not name.startswith("_")}
        load_all(names, shell_names)
        left = sorted(name for name in names if direct_tasks((shell_names[name],)))
        if left:
            more = f" and {len(left) - NAMES_TOLD} more" if len(left) > NAMES_TOLD else ""
            print(plain(f"Not replaced, since results are missing: {', '.join(left[:NAMES_TOLD])}{more}"))

    def invalidate(self, *tasks: Any, dry_run: bool = False) -> int:
        """Remove the results of the tasks, and all results that depend on them; returns how many there were.

        What goes is shown first, and with `dry_run` only shown: the number is that of what would go.
        """
        graph = Graph(self._tasks)
        chosen = [graph.index[t.hash()] for t in direct_tasks(tasks)]
        if not chosen:
            raise UsageError(f"there is no task in {short(tasks)}: nothing was invalidated")
        plan = Invalidation(graph, self._store, chosen)
        if dry_run:
            show(plan, self._options)
            return len(plan)
        shown = partial(show_and_remove, options=self._options)
        return _remove(graph, plan, shown if plan else Invalidation.remove)

    def get_tasks(self, copy: bool = True) -> list[Task[Any]]:
        """All tasks of the jugfile, in the order of their creation; with `copy` False, jug's own list of them."""
        return list(self._tasks) if copy else task.alltasks

    def get_filtered_tasks(
        self, loadable: bool = False, failed: bool = False, available: bool = False
    ) -> list[Task[Any]]:
        """The tasks that are finished (`loadable`), that failed, or that can be run now (`available`)."""
        can_be_run = ((State.READY, available), (State.ABANDONED, available))
        asked = ((State.FINISHED, loadable), (State.FAILED, failed), *can_be_run)
        wanted = {state for state, is_asked in asked if is_asked}
        graph = Graph(self._tasks)
        states = Status(graph, self._store).states
        return [t for t, state in zip(graph.tasks, states, strict=False) if state in wanted]


def load_all(jugspace: Mapping[str, Any], local_ns: dict[str, Any]) -> None:
    """Put the value of every task (or list, dict, ... of tasks) among the names of `jugspace` into `local_ns`, where
    its results are there."""
    for name, obj in list(jugspace.items()):
        if name.startswith("_"):
            continue
        tasks = direct_tasks((obj,))
        if tasks and all(t.can_load() for t in tasks):
            local_ns[name] = task.value(obj)


def invalidate(tasklist: Sequence[Task[Any]], reverse: dict[Any, Any], task: Task[Any]) -> None:
    """Remove the result of `task`, and all that depend on it, of the tasks in `tasklist`; nothing is printed.

    What was found out of the tasks is kept in `reverse`, a dict that the next call may use again.
    """
    graph = reverse.setdefault("graph", None) or Graph(list(tasklist))
    reverse["graph"] = graph
    _remove(graph, Invalidation(graph, task.require_store(), [graph.index[task.hash()]]))


def _remove(graph: Graph, plan: Invalidation, remove: Callable[[Invalidation], int] = Invalidation.remove) -> int:
    """Remove what is planned, and forget what is in memory of it; returns how many results there were."""
    removed = remove(plan)
    for node in plan.nodes:
        for copy in (graph.tasks[node], *graph.copies.get(node, ())):
            copy.unload()
    return removed


def _shell_names() -> dict[str, Any] | None:
    """The names of the running IPython shell."""
    from IPython import get_ipython

    shell = get_ipython()
    return None if shell is None else shell.user_ns


__getattr__ = as_in_old_releases(__name__, "shell")
