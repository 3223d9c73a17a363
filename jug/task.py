"""Tasks: the vocabulary of a jugfile.

A :class:`Task` is a call that will be made, identified by the hash of its function's name and its arguments. Creating
one only records what is to be done; :meth:`Task.run` does it, and puts the result into the store.
"""

from __future__ import annotations

from functools import partial, update_wrapper
from types import FunctionType

from .errors import NoStoreError, NotFinishedError, UnloadableResultError
from .hash import hash_one, hash_update, new_hash_object, stable_hash_one, stream
from .hashcheck.changed_inputs import RunCheck
from .hashing.walk import run_walk
from .task_parts.namesakes import makers, meet
from .task_parts.naming import (
    NO_KWARGS_HASHED,
    address_of,
    caption_of,
    checked_hash,
    flat_hash,
    found_at,
    hash_of_name,
    task_name,
)
from .task_parts.provenance import describe, recursive_dependencies, topological_sort
from .task_parts.scripts import MAIN, look, remember
from .task_parts.task_lock import Lockable
from .task_parts.tasklet import Indexable, Result, Tasklet, _get_check, _getitem, iteratetask, return_tuple
from .task_parts.values import value
from .words import nodes
from .words.short import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any, Generic, ParamSpec, TypeVar

    from .backends.base import base_store

    P = ParamSpec("P")
    R = TypeVar("R")

    class _Call(Generic[P, R]): ...
else:
    P = R = None
    _Call = Result


__all__ = [
    "CachedFunction",
    "Task",
    "TaskGenerator",
    "Tasklet",
    "alltasks",
    "describe",
    "hash_one",
    "hash_update",
    "iteratetask",
    "new_hash_object",
    "recursive_dependencies",
    "return_tuple",
    "topological_sort",
    "value",
]

# What is imported from here is pickled as being here. (The very string: pickles note which strings are one object.)
for _imported in (Tasklet, iteratetask, return_tuple, value, _getitem, _get_check):
    _imported.__module__ = __name__

#: All tasks, in the order of their creation. User code may clear it, or put another list in its place.
alltasks: list[Task[Any]] = []

_NOT_LOADED: Any = type("_NotLoaded", (), {"__repr__": lambda self: "not loaded"})()


class Task(nodes.TaskNode, Result[R], Indexable, Lockable):
    """The lazy call ``f(*args, **kwargs)``, with its result in the store.

    Parameters
    ----------
    f : callable
        A named function (not a lambda): its name is part of the task's identity. `functools.partial` is taken apart.
    args, kwargs
        Arguments, in which tasks may stand for their results (nested in lists, tuples and dicts).

    Attributes
    ----------
    name : str
        ``module.function``; may be set before the hash is asked for.
    """

    __slots__ = ("name", "f", "args", "kwargs", "_result", "__dict__", "__weakref__")

    #: The store of all tasks of this process.
    store: base_store | None = None

    def __init__(self, f: Callable[..., R], /, *args: Any, **kwargs: Any) -> None:
        self._set_up(f, args, kwargs)
        alltasks.append(self)

    def _set_up(self, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        while type(f) is not FunctionType and isinstance(f, (partial, TaskGenerator)):
            if isinstance(f, partial):
                args = (*f.args, *args)
                kwargs = {**f.keywords, **kwargs}
                f = f.func
            else:
                f = f.f
        self.name: str = task_name(f)
        if makers.get(self.name) is not f:
            meet(self.name, f, alltasks)
        self.f = f
        self.args = args
        self.kwargs: dict[str, Any] = kwargs
        self._hash = None
        self._result: Any = _NOT_LOADED

    @classmethod
    def unregistered(cls, f: Callable[..., R], /, *args: Any, **kwargs: Any) -> Task[R]:
        """A task that is not (yet) in `alltasks`; see :meth:`register`."""
        task = cls.__new__(cls)
        task._set_up(f, args, kwargs)
        return task

    def register(self) -> None:
        """Add the task to `alltasks`."""
        alltasks.append(self)

    # Identity

    def hash(self) -> bytes:
        """The hash that identifies the task: 40 hexadecimal digits. Computed once, then kept.

        Raises
        ------
        UnhashableError
            An argument cannot be hashed.
        """
        return self._hash or self._flat_hash() or run_walk(self.hash_walk())

    def _flat_hash(self) -> bytes | None:
        if self._hash is None and not self.kwargs and type(self).__jug_hash__ is Task.__jug_hash__:
            self._hash = flat_hash(self.name, self.args)
        return self._hash

    def __jug_hash__(self) -> bytes:
        return run_walk(self._own_walk())

    def hash_walk(self) -> Generator[Any, Any, bytes]:
        if type(self).__jug_hash__ is not Task.__jug_hash__:  # a subclass has an identity of its own
            self._hash = checked_hash(self.__jug_hash__(), self)
        else:
            with nodes.being_hashed(self):
                self._hash = yield from self._own_walk()
        return self._hash

    def _own_walk(self) -> Generator[Any, Any, bytes]:
        M = hash_of_name(self.name).copy()
        yield stream(M, enumerate(self.args), self.args)
        if self.kwargs:
            yield stream(M, (("kwargs", self.kwargs),))
        else:
            M.update(NO_KWARGS_HASHED)
        return M.hexdigest().encode("ascii")  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "f": self.f, "args": self.args, "kwargs": self.kwargs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for key, val in state.items():
            setattr(self, key, val)
        self._hash = None
        self._result = _NOT_LOADED

    def __repr__(self) -> str:
        return f"Task({self.name}, args={short(self.args)}, kwargs={short(self.kwargs)})"

    def label(self) -> str:
        return f"{self.name}({'...' if self.args or self.kwargs else ''})"

    def __str__(self) -> str:
        return f"Task: {self.label()}"

    # The result

    def run(self, force: bool | None = None, save: bool = True, debug_mode: bool = False) -> R:
        """Call the function and return its result; with `save`, put it into the store. (`force` has no effect.)

        Raises
        ------
        NotFinishedError
            A result that it needs is not in the store.
        DebugCheckError
            In `debug_mode`: the hash of an argument changes, or the function created a task or changed an input.
        """
        check = RunCheck(self, alltasks) if debug_mode else None
        args = nodes.value(self.args)
        kwargs = nodes.value(self.kwargs)
        result: R = self.f(*args, **kwargs)
        if check is not None:
            check.after(alltasks)
        self._result = result
        if save:
            self.require_store().dump(result, self.hash())
            if self.name.startswith(MAIN):
                remember(self)
        return result

    def value(self) -> R:
        """The result, loaded from the store if need be; raises NotFinishedError if there is none."""
        if type(self).result is not Task.result:
            return self.result  # of a subclass
        return self._own_result()

    def _own_result(self) -> R:
        if self._result is _NOT_LOADED:
            self.load()
        if nodes.reads is not None:
            nodes.reads.append(self)
        return self._result  # type: ignore[no-any-return]

    @property
    def result(self) -> R:
        """The result, as by :meth:`value`. A subclass may define another one, by way of ``super().result``."""
        return self.value() if type(self).result is Task.result else self._own_result()

    def load(self) -> None:
        """Load the result from the store; raises NotFinishedError if it is not there."""
        try:
            self._result = self.require_store().load(self.hash())
        except (KeyError, FileNotFoundError):
            raise NotFinishedError(f"{caption_of(self)} has no result yet (task {self.hash().decode()})") from None
        except UnloadableResultError as error:
            error.task = f"{caption_of(self)} (task {self.hash().decode()})"
            raise

    def adopt(self, result: R) -> None:
        """Take `result` as the one in the store, which the caller has read."""
        self._result = result

    def is_loaded(self) -> bool:
        """True if the result is in memory."""
        return self._result is not _NOT_LOADED

    def unload(self) -> None:
        """Forget the result in memory (not the one in the store)."""
        self._result = _NOT_LOADED

    def unload_recursive(self) -> None:
        """Unload this task and all those that it depends on."""
        nodes.unload_all((self,))

    def can_load(self, store: base_store | None = None) -> bool:
        """True if the result is in the store."""
        return (self.require_store() if store is None else store).can_load(self.hash())

    def can_run(self) -> bool:
        """True if all results that the task needs are in the store."""
        return all(needed.can_load() for needed in self.dependencies())

    def invalidate(self) -> None:
        """Remove the result from the store."""
        self.unload()
        self.require_store().remove(self.hash())

    def sources(self) -> tuple[Any, ...]:
        return (self.args, self.kwargs) if self.kwargs else self.args

    def dependencies(self) -> Iterator[nodes.TaskNode]:
        """Iterate over the tasks that this one needs directly: in order, each once."""
        return iter(nodes.direct_tasks(self.sources()))

    def require_store(self) -> base_store:
        if self.store is None:
            raise NoStoreError(
                f"The result of {self!s} is wanted, but there is no store to look for it. Run this script as "
                "'jug execute SCRIPT' (or 'jug shell SCRIPT'), or call jug.set_jugdir(...) or jug.init(...) first"
            )
        if self.name.startswith(MAIN):
            look(self)
        return self.store


class TaskGenerator(_Call[P, R]):
    """Decorator: calling the decorated function gives a Task instead of a result.

    On a method, the object that it is called on becomes the first argument of the task; it must have a stable hash.

    Attributes
    ----------
    f : callable
        The undecorated function.
    """

    _jug_is_task_generator = True

    f: Callable[P, R]

    def __init__(self, f: Callable[P, R]) -> None:
        self.f = f
        update_wrapper(self, f, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        return Task(self.f, *args, **kwargs)

    def __get__(self, obj: Any, objtype: type | None = None) -> Any:
        if obj is None:
            return self
        stable_hash_one(obj)
        return partial(self, obj)

    def __getstate__(self) -> tuple[str, str]:
        module, name = address_of(self.f)
        if makers.get(f"{module}.{name}") is not self.f:  # as an argument, too, it is told apart by its name alone
            meet(f"{module}.{name}", self.f, alltasks)
        return module, name

    def __setstate__(self, state: tuple[str, str]) -> None:
        found = found_at(*state)
        if isinstance(found, TaskGenerator):
            vars(self).update(vars(found))  # with what a subclass has beside the function
        else:
            TaskGenerator.__init__(self, found)

    def __repr__(self) -> str:
        return f"TaskGenerator({self.f.__module__}.{self.f.__qualname__})"


def CachedFunction(f: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Return ``f(*args, **kwargs)``, computed now unless it is in the store already.

    Raises
    ------
    ValueError
        A result that the arguments need is not there yet.
    """
    task = Task(f.f if isinstance(f, TaskGenerator) else f, *args, **kwargs)
    if not task.can_load():
        if not task.can_run():
            raise ValueError(f"jug.CachedFunction cannot run {task!s}: a result among its arguments is not there yet")
        task.run()
    return task.value()  # type: ignore[no-any-return]
