"""Choosing tasks by their name: what ``--name`` and ``--pattern`` mean, in one place.

A matcher is a function from a task's name (``module.function``) to a bool. Matching is case sensitive. A
selection that would match everything by mistake (an empty string: an unset shell variable) is refused.
"""

from __future__ import annotations

from .config import warn
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Matcher = Callable[[str], bool]


class PatternError(UsageError, ValueError):
    """A name or pattern that selects nothing sensible (``ValueError``: what callers could catch before)."""


def prepare_task_matcher(pattern: str) -> Matcher:
    """Matches names that contain ``pattern``, or in which a ``/regex/`` is found."""
    if pattern in ("", "//"):
        raise PatternError(
            f"empty pattern ({pattern!r}) is not allowed, as it would match every task "
            "(to select all tasks, use '/.*/')"
        )
    if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        return _prepare_regex(pattern[1:-1])
    return lambda name: pattern in name


def _prepare_regex(expression: str) -> Matcher:
    import re

    try:
        search = re.compile(expression).search
    except re.error as error:
        raise PatternError(f"pattern '/{expression}/' is not a regular expression: {error}") from None
    return lambda name: search(name) is not None


def prepare_name_matcher(name: str) -> Matcher:
    """Matches the full name or a part that begins after a dot; ``*`` (dots too) and ``?`` are wildcards."""
    if not name:
        raise PatternError("empty name ('') is not allowed (to select all tasks, use '*')")
    import fnmatch
    import re

    match = re.compile(rf"(?:.*\.)?{fnmatch.translate(name)}", re.DOTALL).match
    return lambda task_name: match(task_name) is not None


def prepare_matcher_from_options(name: str | None = None, pattern: str | None = None) -> Matcher | None:
    """A matcher for all the criteria that are given, ``None`` when there are none."""
    by_name = prepare_name_matcher(name) if name is not None else None
    by_pattern = prepare_task_matcher(pattern) if pattern is not None else None
    if by_name is None or by_pattern is None:
        return by_name or by_pattern
    first, second = by_name, by_pattern
    # On the command line they exclude each other, so one of them may have been forgotten in a file.
    warn(
        f"both a name ({name!r}) and a pattern ({pattern!r}) are set (one of them may come from a "
        "configuration file): only tasks that match both are selected"
    )
    return lambda task_name: first(task_name) and second(task_name)
