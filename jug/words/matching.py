"""Choosing tasks by their name: what ``--name`` and ``--pattern`` mean, in one place.

A matcher is a function from a task's name (``module.function``) to a bool. Matching is case sensitive. A
selection that would match everything by mistake (an empty string: an unset shell variable) is refused.

Some tasks have several names: those that call functions which they were given are found by the names of these, too.
What is told of such a task is its :class:`Caption`, and a matcher that is asked about this looks at all its names.
"""

from __future__ import annotations

from jug.errors import UsageError

from .config import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Matcher = Callable[[str], bool]


class Caption(str):
    """What a task is called in tables and messages: ``jug.mapreduce._jug_map(module.function)``.

    Attributes
    ----------
    names : tuple of str
        Its own, and those of the functions that it calls.
    """

    names: tuple[str, ...]

    def __new__(cls, name: str, functions: Iterable[str]) -> Caption:
        functions = tuple(functions)
        # Without spaces: whoever reads a table by program takes what is before the first one for the name.
        self = super().__new__(cls, f"{name}({','.join(functions)})")
        self.names = (name, *functions)
        return self


def names_of(caption: str) -> tuple[str, ...]:
    """The names of a task, from what it is called."""
    return caption.names if isinstance(caption, Caption) else (caption,)


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
    return lambda name: pattern in name  # a caption holds all names


def _prepare_regex(expression: str) -> Matcher:
    import re

    try:
        search = re.compile(expression).search
    except re.error as error:
        raise PatternError(f"pattern '/{expression}/' is not a regular expression: {error}") from None
    return lambda name: search(name) is not None or (isinstance(name, Caption) and any(map(search, name.names)))


def prepare_name_matcher(name: str) -> Matcher:
    """Matches the full name or a part that begins after a dot; ``*`` (dots too) and ``?`` are wildcards."""
    if not name:
        raise PatternError("empty name ('') is not allowed (to select all tasks, use '*')")
    import fnmatch
    import re

    match = re.compile(rf"(?:.*\.)?{fnmatch.translate(name)}", re.DOTALL).match
    if "(" in name:  # it is a whole caption
        return lambda caption: match(caption) is not None
    return lambda caption: any(map(match, names_of(caption)))


class Selection:
    """A matcher for several names or patterns, of which one has to match; it remembers which of them have.

    Parameters
    ----------
    names, patterns : sequence of str
        Where there are both, one of each has to match.

    Attributes
    ----------
    has_selected : bool
        Whether there was a task for it.
    """

    def __init__(self, names: Sequence[str] = (), patterns: Sequence[str] = ()) -> None:
        self._kinds = [
            [_Criterion("name", name, prepare_name_matcher(name)) for name in names],
            [_Criterion("pattern", pattern, prepare_task_matcher(pattern)) for pattern in patterns],
        ]
        self._kinds = [kind for kind in self._kinds if kind]
        self.has_selected = False

    def __call__(self, name: str) -> bool:
        # All are asked, so that it is known which of them are of use.
        kinds = [[criterion(name) for criterion in kind] for kind in self._kinds]
        selects = all(map(any, kinds))
        self.has_selected = self.has_selected or selects
        return selects

    def __str__(self) -> str:
        """As it is written on the command line."""
        return " and ".join(" ".join(map(str, kind)) for kind in self._kinds)

    def misses(self) -> bool:
        """Whether there is a part of it that has matched nothing, or nothing that all of it has matched.

        To be asked when all tasks have been seen. A task that has matched may be gone by then: one of a compound.
        """
        return not self.has_selected or bool(self.unmatched())

    def unmatched(self) -> list[_Criterion]:
        """What has matched none of the names that this was asked about."""
        return [criterion for kind in self._kinds for criterion in kind if not criterion.has_matched]


class _Criterion:
    """One name or pattern.

    Attributes
    ----------
    word : str
        ``name`` or ``pattern``.
    text : str
    has_matched : bool
    """

    def __init__(self, word: str, text: str, matches: Matcher) -> None:
        self.word = word
        self.text = text
        self.has_matched = False
        self._matches = matches

    def __call__(self, name: str) -> bool:
        if not self._matches(name):
            return False
        self.has_matched = True
        return True

    def __str__(self) -> str:
        return f"--{self.word} {self.text!r}"


def prepare_matcher_from_options(
    name: str | Sequence[str] | None = None, pattern: str | Sequence[str] | None = None
) -> Selection | None:
    """A matcher for all the criteria that are given, ``None`` when there are none.

    Of several names, or several patterns, one has to match.
    """
    if name is None and pattern is None:
        return None
    selection = Selection(_all_of(name), _all_of(pattern))
    if name is not None and pattern is not None:
        # On the command line they exclude each other, so one of them may have been forgotten in a file.
        warn(
            f"both a name ({name!r}) and a pattern ({pattern!r}) are set (one of them may come from a "
            "configuration file): only tasks that match both are selected"
        )
    return selection


def _all_of(texts: str | Sequence[str] | None) -> Sequence[str]:
    if texts is None:
        return ()
    if not texts and not isinstance(texts, str):
        raise PatternError("no name or pattern at all is not allowed, as it would match every task")
    return (texts,) if isinstance(texts, str) else texts
