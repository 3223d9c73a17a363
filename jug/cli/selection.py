"""The options that tell a command which tasks it is about: ``--name``, ``--pattern``, old ``--target``."""

from __future__ import annotations

from jug.words.config import Option, Options
from jug.words.matching import names_of, prepare_matcher_from_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from jug.words.matching import Selection

NAME_HELP = (
    "{verb} tasks whose name is NAME. NAME is either the full task name (module.function) or the end of it "
    "(function), and may contain wildcards (e.g., 'function*'). Tasks that apply a function to many elements (as those "
    "of jug.mapreduce do) are found by the function's name, too. May be given several times"
)
PATTERN_HELP = (
    "{verb} tasks whose name contains PATTERN (or matches PATTERN if given as /regex/). Note that 'function' "
    "also matches 'function_other'; use --name for exact matching. May be given several times"
)
INSTEAD = "use --name (the full name or its end, '*' is a wildcard) or --pattern (a part, or /regex/)"


def selection_options(verb: str, required: bool = False) -> tuple[Option, ...]:
    """Options to select tasks, for a command that does ``verb`` ('Only execute', 'Invalidate') to them."""
    exclusive, several = "selection", True
    return (
        Option(
            "name",
            None,
            NAME_HELP.format(verb=verb),
            "NAME",
            several=several,
            exclusive=exclusive,
            required=required,
        ),
        Option("pattern", None, PATTERN_HELP.format(verb=verb), "PATTERN", several=several, exclusive=exclusive),
        Option(
            "target",
            None,
            "Deprecated: use --name (or --pattern)",
            "NAME",
            aliases=("invalid",),
            dest="name",
            deprecated=INSTEAD,
            several=several,
            exclusive=exclusive,
        ),
    )


def selection_from(options: Options, section: str) -> Selection | None:
    """The matcher that the user asked for; ``None``: all tasks."""
    return prepare_matcher_from_options(
        name=getattr(options, f"{section}_name", None), pattern=getattr(options, f"{section}_pattern", None)
    )


def no_match(selection: Selection, captions: Iterable[str]) -> str:
    """That no task matches what has matched none so far, or not all of it at once, with the closest of the names."""
    import difflib

    unmatched = selection.unmatched()
    if not unmatched:
        return f"No task matches {selection}"
    message = f"No task matches {' or '.join(map(str, unmatched))}"
    asked = next((criterion.text for criterion in unmatched if criterion.word == "name"), None)
    if asked is None:
        return message
    known: dict[str, str] = {}
    for name in (name for caption in dict.fromkeys(captions) for name in names_of(caption)):
        known.setdefault(name, name)
        known.setdefault(name.rpartition(".")[2], name)
    close = difflib.get_close_matches(asked, known, n=1)
    return f"{message} (did you mean {known[close[0]]!r}?)" if close else message
