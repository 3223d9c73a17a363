"""The value of what a jugfile holds, as users ask for it: where results may be missing, too."""

from __future__ import annotations

from jug.errors import NotFinishedError
from jug.words import nodes
from jug.words.nodes import Node, TaskNode, _Frame, _open, _same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar, overload

    from .tasklet import Result

    M = TypeVar("M")
    T = TypeVar("T")

_REFUSED: Any = object()  # a result that is missing is an error

if TYPE_CHECKING:

    @overload
    def value(elem: Result[T]) -> T: ...
    @overload
    def value(elem: Result[T], *, missing: M) -> T | M: ...
    @overload
    def value(elem: tuple[Any, ...], *, missing: Any = ...) -> Any: ...
    @overload
    def value(elem: Sequence[Result[T]]) -> list[T]: ...
    @overload
    def value(elem: Sequence[Result[T]], *, missing: M) -> list[T | M]: ...
    @overload
    def value(elem: Any, *, missing: Any = ...) -> Any: ...
    def value(elem: Any, *, missing: Any = None) -> Any: ...

else:

    def value(elem: Any, *, missing: Any = _REFUSED) -> Any:
        """The value of `elem`: each task in it (nested in lists, tuples, dicts, tasklets) replaced by its result.

        Parameters
        ----------
        elem : object
        missing : object, optional
            What takes the place of each result that is not there, and of each tasklet that needs one.

        Raises
        ------
        NotFinishedError
            A task in it has no result yet, and there is nothing to take its place.
        ValueError
            A container contains itself.
        """
        return nodes.value(elem) if missing is _REFUSED else nodes.evaluate(elem, _Lenient(missing).fill)


class _Lenient:
    """Fills frames where results may be missing: `missing` takes their place."""

    def __init__(self, missing: Any) -> None:
        self._missing = missing
        self._lacking: set[int] = set()  # by id: what is put together from a result that is missing

    def fill(self, frame: _Frame, done: dict[int, Any]) -> _Frame | None:
        """Put values into `frame` until it is complete (None) or another must be completed first (that one)."""
        for obj in frame.items:
            if id(obj) in done:
                self._put(frame, done[id(obj)], id(obj) in self._lacking)
                continue
            opened = self._opened(obj)
            if opened is not None:
                opened.build = self._guarded(opened, frame, isinstance(obj, Node))
                return opened
            try:
                self._put(frame, nodes.value(obj), lacks=False)
            except NotFinishedError:
                self._put(frame, self._missing, lacks=True)
        return None

    def _opened(self, obj: Any) -> _Frame | None:
        if isinstance(obj, TaskNode):
            return None
        if getattr(type(obj), "_jug_is_sequence", False):  # its value is the list of the values of its items
            return _Frame(id(obj), obj, _same)
        return _open(obj)

    def _put(self, frame: _Frame, obj: Any, lacks: bool) -> None:
        frame.values.append(obj)
        if lacks:
            self._lacking.add(frame.key)

    def _guarded(self, frame: _Frame, parent: _Frame, is_tasklet: bool) -> Callable[[list[Any]], Any]:
        """What builds the value of `frame`, and notes whether it lacks a result: no tasklet is computed without."""
        build = frame.build

        def guarded(values: list[Any]) -> Any:
            if frame.key in self._lacking:
                self._lacking.add(parent.key)
                if is_tasklet:
                    return self._missing
            return build(values)

        return guarded
