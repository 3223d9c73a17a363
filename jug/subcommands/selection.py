"""The options that tell a command which tasks it is about: ``--name``, ``--pattern``, old ``--target``."""

from __future__ import annotations

from ..config import Option, Options
from ..matching import prepare_matcher_from_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..matching import Matcher

NAME_HELP = (
    "{verb} tasks whose name is NAME. NAME is either the full task name (module.function) or the end of it "
    "(function), and may contain wildcards (e.g., 'function*')"
)
PATTERN_HELP = (
    "{verb} tasks whose name contains PATTERN (or matches PATTERN if given as /regex/). Note that 'function' "
    "also matches 'function_other'; use --name for exact matching"
)
INSTEAD = "use --name (the full name or its end, '*' is a wildcard) or --pattern (a part, or /regex/)"


def selection_options(verb: str, required: bool = False) -> tuple[Option, ...]:
    """Options to select tasks, for a command that does ``verb`` ('Only execute', 'Invalidate') to them."""
    exclusive = "selection"
    return (
        Option("name", None, NAME_HELP.format(verb=verb), "NAME", exclusive=exclusive, required=required),
        Option("pattern", None, PATTERN_HELP.format(verb=verb), "PATTERN", exclusive=exclusive),
        Option(
            "target",
            None,
            "Deprecated: use --name (or --pattern)",
            "NAME",
            aliases=("invalid",),
            dest="name",
            deprecated=INSTEAD,
            exclusive=exclusive,
        ),
    )


def selection_from(options: Options, section: str) -> Matcher | None:
    """The matcher that the user asked for; ``None``: all tasks."""
    return prepare_matcher_from_options(
        name=getattr(options, f"{section}_name", None), pattern=getattr(options, f"{section}_pattern", None)
    )


def selection_in_words(options: Options, section: str) -> str:
    """What the user asked for, as it is written on the command line."""
    given = ((word, getattr(options, f"{section}_{word}", None)) for word in ("name", "pattern"))
    return " and ".join(f"--{word} {text!r}" for word, text in given if text is not None)


def no_match(options: Options, section: str, names: Iterable[str]) -> str:
    """That no task has one of the names asked for, with the closest of those `names` that there are."""
    import difflib

    message = f"No task matches {selection_in_words(options, section)}"
    asked = getattr(options, f"{section}_name", None)
    if asked is None:
        return message
    known: dict[str, str] = {}
    for name in dict.fromkeys(names):
        known.setdefault(name, name)
        known.setdefault(name.rpartition(".")[2], name)
    close = difflib.get_close_matches(asked, known, n=1)
    return f"{message} (did you mean {known[close[0]]!r}?)" if close else message
