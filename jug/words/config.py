"""What an option is, and the chain of layers that answers ``options.name``.

An :class:`Option` is declared once; the command line, the cast of configuration files, the help and the
defaults all derive from it. Which options exist is said by jug.options and by the subcommands.
"""

from __future__ import annotations

import os
import sys
import time

from jug.errors import UsageError

from .plain import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# Paths of which was warned.
_told: set[str] = set()

FALSE_WORDS = frozenset(["", "0", "false", "off", "no", "n"])


def attribute_name(section: str, name: str) -> str:
    """``('status', 'cache-file')`` is ``options.status_cache_file``; section ``main`` adds no prefix."""
    full = name if section == "main" else f"{section}_{name}"
    return full.replace("-", "_")


def to_bool(text: str) -> bool:
    return text.strip().lower() not in FALSE_WORDS


def to_number(text: str, kind: type) -> int | float:
    """An int or a finite float; ``ValueError`` with a sentence otherwise."""
    noun = "whole number" if kind is int else "number"
    try:
        number: int | float = kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a {noun}") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{text!r} is not a finite number")
    return number


class Option:
    """One option: ``Option('nr-wait-cycles', 150, 'How many wait cycles to do', at_least=0)``.

    The kind of value is the type of the default (``None``: text) unless ``kind`` says otherwise; a bool is a
    flag. Traits:

    - ``kind``: bool, int, float or str;  ``choices``: the allowed words, in lower case;  ``at_least``:
      smallest number;  ``above``: the number is larger than this
    - ``dest``: last part of the attribute name when it is not the option's own name (``--clear``:
      ``status_cache_clear``)
    - ``aliases``: more spellings of the flag;  ``deprecated``: what to use instead, printed as a warning when
      it is used
    - ``path``: which files are completed by the shell, as a pattern (``*.py``); directories are, too, and ``/``
      is directories alone
    - ``several``: it may be given more than once: the value is then a list (in a file: a line for each)
    - ``exclusive``: name of a group of which the command line takes at most one; ``required``: and at least
      one
    """

    kind: type = str
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    above: float | None = None
    aliases: tuple[str, ...] = ()
    deprecated: str = ""
    path: str = ""
    several: bool = False
    exclusive: str = ""
    required: bool = False

    def __init__(self, name: str, default: Any, help: str, metavar: str | None = None, **traits: Any) -> None:
        self.name = name
        self.default = default
        self.help = help
        self.metavar = metavar
        self.dest = name
        if default is not None:
            self.kind = type(default)
        for trait, value in traits.items():
            if not hasattr(self, trait):
                raise TypeError(f"Option({name!r}): unknown trait {trait!r}")
            setattr(self, trait, value)

    def __repr__(self) -> str:
        return f"Option({self.name!r}, {self.default!r})"

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def help_text(self) -> str:
        """The help with what can be said about every option: its choices and its default."""
        text = self.help
        if self.choices:
            text += f" [{', '.join(self.choices)}]"
        if self.kind is not bool and self.default not in (None, ""):
            text += f" (Default: {self.default})"
        return text

    def attribute(self, section: str) -> str:
        return attribute_name(section, self.dest)

    def cast(self, text: str) -> Any:
        """The value that ``text`` stands for; ``ValueError`` with a sentence if there is none."""
        if self.several and "\n" in text.strip():
            return [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind is bool:
            return to_bool(text)
        if self.kind in (int, float):
            number = to_number(text, self.kind)
            if self.at_least is not None and number < self.at_least:
                raise ValueError(f"{text!r} is less than {self.at_least}")
            if self.above is not None and number <= self.above:
                raise ValueError(f"{text!r} is not more than {self.above}")
            return number
        if self.choices and text.lower() not in self.choices:
            raise ValueError(f"{text!r} is not one of {', '.join(self.choices)}")
        return text.lower() if self.choices else text


class Options:
    """A layer of option values over ``next``; what one layer does not have is asked of the one below.

    ``autoinit(layer)`` is called once, at the first question that the layer cannot answer.
    """

    # For type checkers: any attribute may exist. __getattr__ below gives the real answer.
    next: Options | None

    def __init__(self, next: Options | None = None, autoinit: Callable[[Options], object] | bool = False) -> None:
        self.next = next
        self._autoinit = autoinit

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("next", "_autoinit"):
            raise AttributeError(name)
        if callable(self._autoinit):
            init, self._autoinit = self._autoinit, False
            init(self)
            return getattr(self, name)
        if self.next is None:
            raise AttributeError(f"there is no option {name!r}")
        return getattr(self.next, name)

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def copy(self) -> Options:
        """An independent chain: setting an option in either is not seen by the other."""
        duplicate = type(self)()
        duplicate.__dict__.update(self.__dict__)
        if self.next is not None:
            duplicate.next = self.next.copy()
        return duplicate

    def update(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def as_dict(self) -> dict[str, Any]:
        """Everything that the chain answers, without calling ``autoinit``."""
        below = self.next.as_dict() if self.next is not None else {}
        own = {name: value for name, value in self.__dict__.items() if name not in ("next", "_autoinit")}
        return {**below, **own}

    def __repr__(self) -> str:
        return f"Options({self.as_dict()!r})"


def warn(message: str) -> None:
    print(f"jug: warning: {plain(message)}", file=sys.stderr)


def tell(options: Options, text: str) -> None:
    """What a command says: one or more lines, by the function that the user has chosen (``options.print_out``)."""
    print_out = getattr(options, "print_out", print)
    text = plain(text)
    if print_out is print:
        # In one piece: of several workers on one terminal, none is to write between the text and its last newline.
        print(f"{text}\n", end="")
    else:
        print_out(text)


def expand_jugdir(template: str, jugfile: str) -> str:
    """Fill in ``%(jugfile)s`` and ``%(date)s`` (today); ``%%`` is a percent sign, and ``~`` the home directory."""
    if "%" not in template:
        return expand_home(template)
    import re

    values = {"jugfile": jugfile.removesuffix(".py"), "date": _today()}

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return "%"
        if name not in values or match[2] != "s":
            known = "there are %(jugfile)s and %(date)s"
            raise UsageError(f"--jugdir {template!r}: unknown placeholder {match[0]!r} ({known})")
        return values[name]

    return expand_home(re.sub(r"%(?:%|\(([^()]*)\)(\w?))", fill, template))


def expand_home(jugdir: str) -> str:
    """The jugdir with the home directory for ``~`` (or that of another user, for ``~name``), which shells do not do in
    all places; redis: and dict_store: are no directories."""
    kind, separator, path = jugdir.rpartition(":") if jugdir.startswith("file_keepalive:") else ("", "", jugdir)
    if not path.startswith("~"):
        return jugdir
    if os.path.lexists(path) and path not in _told:
        _told.add(path)
        warn(f"{jugdir!r} is a directory in the home directory; the one here, which is called so, too, is './{path}'")
    return f"{kind}{separator}{os.path.expanduser(path)}"


def _today() -> str:
    return time.strftime("%Y-%m-%d")
