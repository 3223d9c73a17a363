"""Tasks in ordinary Python, run by as many processes and machines as share a folder.

This is what a jugfile imports; the command line is in :mod:`jug.jug`.
"""

from .barrier import barrier, bvalue
from .compound import CompoundTask, CompoundTaskGenerator
from .engine.loading.jugfile import init, is_jug_running
from .engine.loading.stores import set_jugdir
from .jug_version import __version__
from .task import CachedFunction, Task, TaskGenerator, Tasklet, iteratetask, return_tuple, value
from .words.lazy_modules import of_jug as __getattr__  # noqa: F401

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
    "redis_store",
    "return_tuple",
    "set_jugdir",
    "value",
]
