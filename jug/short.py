"""Objects and moments in a few words, for messages and for the prompt: one short line, whatever they are."""

from __future__ import annotations

import reprlib

from .nodes import Node, TaskNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MOST_CHARACTERS = 60


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


class _ShortInside(_Short):
    """For what is shown inside the label of a tasklet: further tasklets there could go on for ever."""

    def repr1(self, x: Any, level: int) -> str:
        return "..." if isinstance(x, Node) and not isinstance(x, TaskNode) else super().repr1(x, level)


_short = _Short()
_short_inside = _ShortInside()


def short(obj: Any) -> str:
    """`obj` in one line."""
    return " ".join(_short.repr(obj).split())


def short_inside(obj: Any) -> str:
    """`obj` in one line, with tasklets as dots."""
    return " ".join(_short_inside.repr(obj).split())


def short_call(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A call with all its arguments, each of them in a few words."""
    arguments = [short(arg) for arg in args]
    arguments += [f"{key}={short(arg)}" for key, arg in kwargs.items()]
    return f"{name}({', '.join(arguments)})"


def local_time(seconds: float) -> str:
    """A moment, in seconds since the epoch, by the clock on the wall."""
    import time

    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return "?"  # no moment that there is
