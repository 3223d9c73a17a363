"""A task that is pickled as a part of an argument is where jug does not look for it: this is how that is noticed.

It would be no dependency, and the function would get the task itself in place of its result. So whoever pickles an
argument for its hash does this where no node can be pickled; everywhere else nodes can be pickled as always.
"""

from __future__ import annotations

from _thread import _local


class NodeInside(BaseException):
    """A node was met in what was pickled. (Code of users that handles errors is not to handle this one.)"""


class _Pickling(_local):
    is_refused = False


#: Whether this thread refuses to pickle nodes at the moment.
pickling = _Pickling()


class pickling_refused:
    """Context in which this thread cannot pickle a node: to try it raises NodeInside."""

    __slots__ = ("before",)

    def __enter__(self) -> None:
        self.before = pickling.is_refused
        pickling.is_refused = True

    def __exit__(self, *exc_info: object) -> None:
        pickling.is_refused = self.before
