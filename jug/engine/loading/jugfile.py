"""Reading the jugfile, and the current store: the only place that touches the globals of a run.

A jugfile is run like a script, under a module name of its own, so that the functions in it can be pickled. What it
creates is found in ``jug.task.alltasks``. A barrier whose results are missing stops the reading; that is not an
error, and the rest is read another time.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from jug import task
from jug.barrier import BarrierError
from jug.engine.call.user_traceback import hint_for
from jug.engine.gc_tuning import rare_collections
from jug.errors import EXIT_FAILED, JugError, JugfileError, NotFinishedError, StoreError, sentence
from jug.task_parts import namesakes
from jug.words.config import expand_jugdir, warn
from jug.words.config_files import configured
from jug.words.plain import plain

from . import unrun as unrun
from .directory import go_to, working_directory
from .imports import imports_of
from .stores import current_store, set_jugdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from jug.backends.base import base_store

    from .imports import Imports

#: The name under which a jugspace holds the BarrierError that stopped the reading, if one did.
BARRIER = "__jug_barrier__"
#: The same as a plain True, which is what plug-ins look for.
HAS_BARRIER = "__jug__hasbarrier__"

_OLD_DEFAULT = "jugdata"

_running = False
# Where the command was started, which is where its relative paths lead from.
_start = ""


class JugfileExited(JugfileError):
    """The jugfile ended the program, although as a success."""

    exit_code = EXIT_FAILED


class JugfileRaised(JugfileError):
    """The jugfile at `path` raised `error`."""

    exit_code = EXIT_FAILED

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(_explained(error) or f"The jugfile {path!r} raised {type(error).__name__}")
        self.path = path
        self.error = error
        if isinstance(error, JugError):
            self.exit_code = error.exit_code

    @property
    def has_place(self) -> bool:
        """Whether it was raised by what the jugfile does, so that one can look around there."""
        tb = self.error.__traceback__
        while tb is not None and tb.tb_frame.f_code.co_filename != self.path:
            tb = tb.tb_next
        return tb is not None

    def report(self) -> str:
        """What to tell the user: one sentence, and before it where in the jugfile to look."""
        if isinstance(self.error, StoreError):
            return f"jug: {self}\n"
        place = self._line() if isinstance(self.error, JugError) else self._traceback()
        return f"{place}{hint_for(self.error)}jug: {self}\n"

    def _line(self) -> str:
        """The last line of the user's own code, with its file and number."""
        import traceback

        tb, last = self.error.__traceback__, None
        while tb is not None:
            if not tb.tb_frame.f_globals.get("__name__", "").startswith("jug."):
                last = tb
            tb = tb.tb_next
        return "".join(traceback.format_tb(last, 1))

    def _traceback(self) -> str:
        """The traceback from the jugfile on."""
        import traceback

        tb = self.error.__traceback__
        while tb is not None and tb.tb_frame.f_code.co_filename != self.path:
            tb = tb.tb_next
        # A file that is not Python has no frame: where the mistake is stands in the error itself.
        return "".join(traceback.format_exception(type(self.error), self.error, tb))


def _explained(error: Exception) -> str:
    """The sentence of a JugError, with what an author of a jugfile can do about it; '' for other errors."""
    if not isinstance(error, JugError):
        return ""
    if isinstance(error, NotFinishedError):
        return f"{error}: use bvalue() in place of value(), or call barrier() first, to have the jugfile wait for it"
    return sentence(str(error))


class Jugfile:
    """A jugfile and the arguments for it; :meth:`load` reads it, as often as need be, in the directory of the start.

    Parameters
    ----------
    path : str
    arguments : sequence of str, or None
        What the jugfile finds in ``sys.argv[1:]``; None: ``sys.argv`` is left as it is.
    """

    def __init__(self, path: str, arguments: Sequence[str] | None = ()) -> None:
        self.path = path
        self.arguments = None if arguments is None else list(arguments)
        self.module_name = module_name(path)
        self.directory = working_directory() if arguments is None or not _running else _start

    def load(self, among_others: bool = False) -> dict[str, Any]:
        """Run the jugfile from its beginning, with no tasks; returns its names (the jugspace).

        With `among_others`, the tasks that there are stay, but for those of an earlier such reading.

        Raises
        ------
        JugfileError
            The file cannot be read, or has a name that cannot be used.
        JugfileRaised
            The jugfile raised (or is not Python); ``error`` is what.
        """
        if not among_others and working_directory() != self.directory:
            go_to(self.directory)
        source = self._source()
        imports = imports_of(self.path)
        before = self._forget_tasks(imports, among_others)
        space = self._new_module().__dict__
        try:
            with rare_collections(), imports.watched():
                exec(compile(source, self.path, "exec", dont_inherit=True), space)
        except BarrierError as barrier:
            if not among_others:  # a script that imports such a module itself is to meet the barrier
                imports.keep_half_imported()
            space[BARRIER] = barrier
            space[HAS_BARRIER] = True
        except SystemExit as stop:
            if stop.code in (None, 0):  # "finished, and all is well" would be wrong
                raise JugfileExited(
                    f"The jugfile {self.path!r} called sys.exit(): nothing is known of its tasks, and nothing was done"
                ) from None
            raise
        except Exception as error:
            raise JugfileRaised(self.path, error) from error
        imports.made = task.alltasks[before:] if among_others else []
        return space

    def _forget_tasks(self, imports: Imports, among_others: bool) -> int:
        """Have no tasks but those of modules that stay imported (and `among_others`); returns how many others."""
        forgotten = set(map(id, imports.made))
        task.alltasks[:] = [t for t in task.alltasks if id(t) not in forgotten] if among_others else ()
        namesakes.forget(self.module_name if among_others else None)
        others = len(task.alltasks)
        present = set(map(id, task.alltasks))
        task.alltasks.extend(kept for kept in imports.tasks() if id(kept) not in present)
        return others

    def _new_module(self) -> ModuleType:
        """The module that the jugfile is run as, with all that a script can expect around it."""
        from importlib.machinery import SourceFileLoader

        if self.arguments is not None:
            sys.argv[:] = [self.path, *self.arguments]
        places = list(dict.fromkeys((os.getcwd(), os.path.dirname(os.path.abspath(self.path)))))
        if sys.path[: len(places)] != places:
            sys.path[:0] = places
        module = ModuleType(self.module_name)
        module.__file__ = os.path.abspath(self.path)
        # By this, lines of the source are found (for tracebacks, by inspect) in any directory.
        module.__loader__ = SourceFileLoader(self.module_name, module.__file__)
        sys.modules[self.module_name] = module
        _provide_parent(self.module_name)
        return module

    def _source(self) -> bytes:
        if self.module_name.partition(".")[0] == "jug":
            raise JugfileError(f"The jugfile cannot be called {self.path!r}: that name is taken by jug itself")
        try:
            with open(self.path, "rb") as stream:
                return stream.read()
        except OSError as error:
            hint = _neighbour(self.path) if isinstance(error, FileNotFoundError) else ""
            raise JugfileError(f"The jugfile {self.path!r} cannot be read: {error.strerror}{hint}") from error


def _neighbour(path: str) -> str:
    """The question whether another file was meant, if there is a script in that directory with nearly the same name."""
    import difflib

    directory, name = os.path.split(path)
    try:
        names = sorted(os.listdir(directory or "."))
    except OSError:
        return ""
    stems = [other.removesuffix(".py") for other in names if other.endswith(".py")]
    close = difflib.get_close_matches(os.path.splitext(name)[0], stems, n=1)
    return f" (did you mean {os.path.join(directory, close[0] + '.py')!r}?)" if close else ""


def module_name(path: str) -> str:
    """The name of the module that a jugfile is run as: its file name without ``.py``."""
    name = os.path.basename(path)
    try:
        name = os.fsencode(name).decode("utf-8")  # the same name, and the same hashes, under any locale
    except UnicodeDecodeError:
        raise JugfileError(f"The jugfile cannot be called {path!r}: its name is not UTF-8") from None
    return name.removesuffix(".py")


def _provide_parent(name: str) -> None:
    """Pickling a function of the module ``analysis.v2`` also imports ``analysis``: see to it that this can be done."""
    first, dot, _ = name.partition(".")
    if not dot or first in sys.modules:
        return
    from importlib.util import find_spec

    if find_spec(first) is None:
        sys.modules[first] = ModuleType(first)


def barrier_of(jugspace: Mapping[str, Any]) -> BarrierError | None:
    """The barrier that stopped the reading of a jugfile, if one did."""
    return jugspace.get(BARRIER)


def init(
    jugfile: str | None = None,
    jugdir: str | base_store | None = None,
    on_error: str = "exit",
    store: base_store | None = None,
) -> tuple[base_store, dict[str, Any]]:
    """Read a jugfile outside of ``jug``, in a script or a notebook, so that results can be inspected with ``value``.

    Its tasks join those in ``jug.task.alltasks``, of this program or of other jugfiles; if it is read again, they
    replace those of before.

    Parameters
    ----------
    jugfile : str, optional
        Default: what the configuration files say, else ``jugfile.py``.
    jugdir : str or base_store, optional
        Default: where ``jug execute`` would put results, by the configuration files: the name of the jugfile with
        ``.jugdata`` for ``.py`` if they say nothing (or the directory ``jugdata``, if there is that and not the other).
    on_error : {'exit', 'propagate'}
        What to do if the jugfile raises: print the traceback and exit with status 1, or let the exception through.
    store : base_store, optional
        Used instead of `jugdir` if given.

    Returns
    -------
    store : base_store
    jugspace : dict
        The names that the jugfile defines.
    """
    if on_error not in ("exit", "propagate"):
        raise ValueError(f"jug.init: on_error must be 'exit' or 'propagate', and is {on_error!r}")
    path = os.fspath(jugfile or configured("jugfile") or "jugfile.py")
    store = set_jugdir(store if store is not None else jugdir if jugdir is not None else _default_jugdir(path))
    jugspace = _load_for_script(path, on_error)
    current_store(store)  # it can be used
    return task.Task.store or store, jugspace


def _load_for_script(path: str, on_error: str) -> dict[str, Any]:
    try:
        space = Jugfile(path, arguments=None).load(among_others=True)
        space.pop("__builtins__", None)  # long, and nobody's own: functions have it by themselves
        return space
    except JugfileRaised as raised:
        if on_error == "propagate":
            raise raised.error from None
        sys.stderr.write(raised.report())
        raise SystemExit(raised.exit_code) from raised
    except JugfileError as error:
        if on_error == "propagate":
            raise error.__cause__ or error from None
        sys.stderr.write(f"jug: {plain(str(error))}\n")
        raise SystemExit(error.exit_code) from error


def _default_jugdir(path: str) -> str:
    told = configured("jugdir")
    usual = expand_jugdir(told or "%(jugfile)s.jugdata", path)
    if told or not os.path.isdir(_OLD_DEFAULT):
        return usual
    # Scripts that call init() with no jugdir have kept their results there.
    if os.path.isdir(usual):
        warn(f"jug.init: there are both {usual} and {_OLD_DEFAULT}, and results are looked for in {usual}")
        return usual
    return _OLD_DEFAULT


def is_jug_running() -> bool:
    """True in a process that a ``jug`` command started; False in a plain script, even after :func:`init`."""
    return _running


def mark_running() -> None:
    """Called once by the command line."""
    global _running, _start
    _running, _start = True, working_directory()
