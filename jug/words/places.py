"""Places in the call of a task: ``argument 'data'['table'][3].name``."""

from __future__ import annotations

from .short import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    Step: TypeAlias = tuple[str, Any]

# The kinds of steps from an object to something inside: x[...], x.name, a key of x, an element of the set x.
ITEM, ATTRIBUTE, KEY, ELEMENT = "item", "attribute", "key", "element"

_MOST_STEPS = 12  # at each end of a long way


def describe_place(f: Any, argument: int | str, steps: Sequence[Step]) -> str:
    """Where the steps lead to from an argument (by position or name) of a call of `f`."""
    return _name(f, argument) + _way([written(step) for step in steps])


def general_place(f: Any, argument: int | str, steps: Sequence[Step]) -> str:
    """The same for all items of a container."""
    return _name(f, argument) + _way([written(step) if step[0] != ITEM else "[...]" for step in steps])


def _name(f: Any, argument: int | str) -> str:
    if isinstance(argument, int):
        code = getattr(f, "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code is not None else ()
        if argument >= len(names):
            return f"argument number {argument + 1}"
        argument = names[argument]
    return f"argument {argument!r}"


def written(step: Step) -> str:
    """One step."""
    kind, what = step
    if kind == ITEM:
        return f"[{short(what)}]"
    return f".{what}" if kind == ATTRIBUTE else f"{{{kind}}}"


def _way(words: list[str]) -> str:
    if len(words) > 2 * _MOST_STEPS:
        words = [*words[:_MOST_STEPS], " ... ", *words[-_MOST_STEPS:]]
    return "".join(words)
