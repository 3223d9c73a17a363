"""What is said at the end of ``python jugfile.py``, which defines tasks, and by itself runs none.

It concerns scripts of people who do not know that yet. So nothing is said where a store was chosen (by ``jug`` itself,
``jug.init`` or ``jug.set_jugdir``), a task was run, the user is at a prompt, or the program is about something else.
"""

from __future__ import annotations

import atexit
import os
import sys
from types import FunctionType, ModuleType

from jug import task
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NOT_SCRIPTS = ("pytest", "IPython", "ipykernel")

_pid = os.getpid()
# (Now: Python removes the name when the script has come to its end.)
_is_script = hasattr(sys.modules.get("__main__"), "__file__")


def _say() -> None:
    number = len(task.alltasks)
    script = _script() if number and task.Task.store is None and not _has_run() else ""
    if script:
        none_was = "and not" if number == 1 else "none was"
        what = f"{number_of(number, 'task was', 'tasks were')} defined, {none_was} run"
        sys.stderr.write(f"jug: {what}: jug execute {script}\n")


def _script() -> str:
    """The script that this process runs, as the user named it, if it uses jug; else ''."""
    main = sys.modules.get("__main__")
    path = sys.argv[0] if sys.argv else ""
    if main is None or not path or os.getpid() != _pid or sys.stderr is None or _is_child():
        return ""
    if not _is_script or getattr(main, "__spec__", None) is not None:
        return ""
    if hasattr(sys, "ps1") or sys.flags.interactive or hasattr(sys, "last_value"):
        return ""
    if any(name in sys.modules for name in _NOT_SCRIPTS) or not any(map(_is_of_jug, vars(main).values())):
        return ""
    return path


def _is_child() -> bool:
    """Whether it is a process of multiprocessing, which runs the script's beginning again."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _has_run() -> bool:
    return any(each.is_loaded() for each in task.alltasks)


def _is_of_jug(value: Any) -> bool:
    if isinstance(value, (task.Task, task.TaskGenerator)):
        return True
    if isinstance(value, (type, FunctionType)):
        return str(value.__module__).partition(".")[0] == "jug"
    return isinstance(value, ModuleType) and value.__name__.partition(".")[0] == "jug"


atexit.register(_say)
