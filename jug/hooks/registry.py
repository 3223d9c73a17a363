"""The hooks: their names, who registered for them, and calling them.

``execute.task-loadable(task)``
    a task was skipped since its result is there
``execute.task-pre-execute(task)``
    a task is about to run (its lock is held)
``execute.task-executed1(task)``
    a task has run and its result is stored (or about to be, for functions marked by :func:`early`)
``execute.finished_pre_status()`` and ``execute.finished_post_status()``
    before and after the table at the end of ``jug execute``

A hook may raise :class:`jug.errors.StopWorker` (or ``SystemExit``) to end the worker. Calling a hook that
nobody has registered for is one look into a dictionary, since it happens three times per task.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from typing import Any, NoReturn, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])

HOOK_NAMES = (
    "execute.task-loadable",
    "execute.task-pre-execute",
    "execute.task-executed1",
    "execute.finished_pre_status",
    "execute.finished_post_status",
)

_functions: dict[str, list[Callable[..., Any]]] = {name: [] for name in HOOK_NAMES}
_registered_codes: set[tuple[str, Hashable]] = set()


def _unknown(name: str) -> NoReturn:
    raise ValueError(f"there is no hook {name!r} (known are {', '.join(HOOK_NAMES)})")


if TYPE_CHECKING:

    @overload
    def register_hook(name: str, f: None = None) -> Callable[[F], F]: ...
    @overload
    def register_hook(name: str, f: F) -> F: ...


def register_hook(name: str, f: Any = None) -> Any:
    """Call ``f`` at every ``name`` from now on; without ``f``, a decorator. Returns the function."""
    if name not in _functions:
        _unknown(name)
    if f is None:
        return lambda decorated: register_hook(name, decorated)
    _functions[name].append(f)
    return f


def register_hook_once(name: str, code: Hashable, f: Callable[..., Any]) -> None:
    """Like register_hook, but only the first time for this ``code``: a jugfile may be loaded many times."""
    if name not in _functions:
        _unknown(name)
    if (name, code) not in _registered_codes:
        _registered_codes.add((name, code))
        _functions[name].append(f)


def jug_hook(name: str, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None) -> list[Any]:
    """Call everything registered for ``name``, in order of registration; returns what they returned."""
    try:
        functions = _functions[name]
    except KeyError:
        _unknown(name)
    if not functions:
        return []
    args, kwargs = tuple(args), kwargs or {}
    return [f(*args, **kwargs) for f in functions]


def is_hooked(name: str) -> bool:
    """Whether anything is registered for ``name``."""
    return bool(_functions[name])


def early(f: F) -> F:
    """Mark a function for hooks that does not mind if the result is not stored yet: so it holds up no short tasks."""
    f.is_early = True  # type: ignore[attr-defined]
    return f


def needs_result(name: str) -> bool:
    """Whether somebody has registered for ``name`` who expects the result to be stored."""
    return any(not getattr(f, "is_early", False) for f in _functions[name])


def reset_all_hooks() -> None:
    """Forget every registered function."""
    _registered_codes.clear()
    for functions in _functions.values():
        functions.clear()
