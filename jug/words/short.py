"""Objects and moments in a few words, for messages and for the prompt: one short line, whatever they are."""

from __future__ import annotations

import reprlib
from itertools import islice

from .nodes import ATOMS, Node, TaskNode
from .plain import plain_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MOST_CHARACTERS = 60
# Of calls inside a call that is shown: arguments of each, calls in all, plain arguments of what is not shown, and
# objects that these are looked for in.
_MOST_ARGUMENTS, _MOST_CALLS, _MOST_LEAVES, _MOST_LOOKS = 6, 12, 3, 40


class _Short(reprlib.Repr):
    """Cuts long strings and containers; tasks inside others are shown by what they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = _MOST_CHARACTERS

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, Node):
            return x.label()
        try:
            return super().repr1(x, level)
        except Exception:  # noqa: BLE001  (until Python 3.12, any class called `array` is taken for one of that module)
            return self.repr_instance(x, level)

    def repr_function(self, f: Any, level: int) -> str:
        return f"{f.__module__}.{f.__qualname__}"  # where it is in memory is of no interest


class _ShortInside(_Short):
    """For what is shown inside the label of a tasklet: further tasklets there could go on for ever."""

    def repr1(self, x: Any, level: int) -> str:
        return "..." if isinstance(x, Node) and not isinstance(x, TaskNode) else super().repr1(x, level)


class _ShortCall(_Short):
    """For the arguments of a call: tasks among them are shown with their own, where samples often differ.

    Of calls inside calls, so many levels are shown and so many in all; of what is further inside, the first plain
    arguments.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 5
        self.maxtuple = self.maxlist = _MOST_ARGUMENTS
        self._left = 0

    def call(self, x: Any) -> str:
        self._left = _MOST_CALLS
        return self.repr(x)

    def repr1(self, x: Any, level: int) -> str:
        if not isinstance(x, TaskNode) or not hasattr(x, "args"):
            return super().repr1(x, level)
        return self._task(x, level)

    def _task(self, x: Any, level: int) -> str:
        self._left -= 1
        if level > 0 and self._left >= 0:
            arguments = [self.repr1(arg, level - 1) for arg in x.args[:_MOST_ARGUMENTS]]
            arguments += [
                f"{key}={self.repr1(arg, level - 1)}" for key, arg in islice(x.kwargs.items(), _MOST_ARGUMENTS)
            ]
            arguments += ["..."] * (max(len(x.args), len(x.kwargs)) > _MOST_ARGUMENTS)
        else:
            leaves = [super(_ShortCall, self).repr1(leaf, 0) for leaf in _leaves(x)]
            arguments = ["...", *leaves] if x.args or x.kwargs else []
        return f"{x.name}({', '.join(arguments)})"


def _leaves(node: Node) -> list[Any]:
    """The first plain arguments at or below a node, without looking at more than some nodes."""
    found: list[Any] = []
    stack: list[Any] = [node]
    looks = 0
    while stack and looks < _MOST_LOOKS and len(found) < _MOST_LEAVES:
        obj = stack.pop()
        looks += 1
        if isinstance(obj, Node):
            stack += reversed(obj.sources()[:_MOST_LOOKS])
        elif type(obj) in (list, tuple):
            stack += reversed(obj[:_MOST_LOOKS])
        elif type(obj) is dict:
            stack += reversed(list(islice(obj.values(), _MOST_LOOKS)))
        elif type(obj) in ATOMS:
            found.append(obj)
    return found


_short = _Short()
_short_call = _ShortCall()
_short_inside = _ShortInside()


def short(obj: Any) -> str:
    """`obj` in one line."""
    return plain_line(" ".join(_short.repr(obj).split()))


def short_inside(obj: Any) -> str:
    """`obj` in one line, with tasklets as dots."""
    return plain_line(" ".join(_short_inside.repr(obj).split()))


def short_call(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A call with all its arguments, each of them in a few words; tasks among them are shown with their own."""
    arguments = [_in_call(arg) for arg in args]
    arguments += [f"{key}={_in_call(arg)}" for key, arg in kwargs.items()]
    return plain_line(f"{name}({', '.join(arguments)})")


def _in_call(arg: Any) -> str:
    return " ".join(_short_call.call(arg).split())


def number_of(number: int, noun: str, nouns: str = "") -> str:
    """``1 task``, and of any other number ``2 tasks``; `nouns` is the plural where it is not `noun` with an s."""
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


def local_time(seconds: float) -> str:
    """A moment, in seconds since the epoch, by the clock on the wall."""
    import time

    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return "?"  # no moment that there is
