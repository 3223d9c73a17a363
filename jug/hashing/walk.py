"""Running generators that yield generators, as functions that call functions: without recursion, however deep."""

from __future__ import annotations

from jug.words.nodes import CYCLE_CHECK_DEPTH

from .unhashable import UnhashableError, local, with_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, TypeVar

    T = TypeVar("T")
    Walk = Generator[Any, Any, Any]


def run_walk(walk: Generator[Any, Any, T]) -> T:
    """Run a generator and all those that it yields, without recursion; what one returns is sent to its parent."""
    stack: list[Walk] = [walk]
    try:
        return _run(stack)  # type: ignore[no-any-return]
    except UnhashableError as error:
        raise with_owner(error, stack) from error.__cause__
    finally:
        for unfinished in reversed(stack):
            unfinished.close()


def _run(stack: list[Walk]) -> Any:
    result = None
    while stack:
        try:
            child = stack[-1].send(result)
        except StopIteration as stop:
            stack.pop()
            result = stop.value
        else:
            stack.append(child)
            result = None
            if len(stack) % CYCLE_CHECK_DEPTH == 0:
                _refuse_cycle(stack)
    return result


def _refuse_cycle(stack: list[Walk]) -> None:
    sources = [local(walk, "source") for walk in stack]
    open_objects = [id(source) for source in sources if source is not None]
    if len(set(open_objects)) < len(open_objects):
        raise UnhashableError("A list, tuple or dict among the arguments contains itself")
