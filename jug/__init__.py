"""Tasks in ordinary Python, run by as many processes and machines as share a folder.

This is what a jugfile imports; the command line is in :mod:`jug.jug`.
"""

from .backends import dict_store, file_store
from .barrier import barrier, bvalue
from .compound import CompoundTask, CompoundTaskGenerator
from .engine.jugfile import init, is_jug_running, set_jugdir
from .task import CachedFunction, Task, TaskGenerator, Tasklet, iteratetask, return_tuple, value
from .version import __version__

__all__ = [
    "CachedFunction",
    "CompoundTask",
    "CompoundTaskGenerator",
    "Task",
    "TaskGenerator",
    "Tasklet",
    "__version__",
    "barrier",
    "bvalue",
    "dict_store",
    "file_store",
    "init",
    "is_jug_running",
    "iteratetask",
    "return_tuple",
    "set_jugdir",
    "value",
]
