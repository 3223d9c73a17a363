"""What a subcommand is: a name, a line of help, declared options, and ``run``.

jug's own commands declare their options as a tuple and get parser and defaults from it. Users may do the
same, or write ``parse(parser)``, which receives an argparse group, and ``parse_defaults()``. Creating an
instance makes it a command.
"""

from __future__ import annotations

from jug.words.config import Option, Options, attribute_name, warn

from .table import cmdapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    from typing_extensions import Self  # typing has it from 3.11 on

    Container: TypeAlias = argparse._ActionsContainer


class SubCommand:
    """One subcommand of jug. The first line of a subclass's docstring is its help.

    ``section`` is the prefix of the attributes of its options, by default its name. A command that can do
    without a jugfile or without a store says so, and is then run with ``jugspace`` or ``store`` None. One that
    ``works`` computes results again that are damaged.
    """

    name: str = ""
    section: str = ""
    options: tuple[Option, ...] = ()
    needs_jugfile: bool = True
    needs_store: bool = True
    works: bool = False

    # Here and not in __init__, which subclasses override without a thought for ours.
    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        cmdapi.register(self)
        return self

    @property
    def help(self) -> str:
        lines = (type(self).__doc__ or "").strip().splitlines()
        return lines[0] if lines else ""

    @property
    def description(self) -> str:
        """The help as a sentence, and all else that the docstring says."""
        rest = (type(self).__doc__ or "").strip().partition("\n")[2]
        return " ".join(f"{self.help.rstrip('.')}. {rest}".replace("``", "").split())

    @property
    def prefix(self) -> str:
        """What the attributes of this command's options begin with."""
        return self.section or self.name.replace("-", "_")

    def reads_jugfile(self, options: Options) -> bool:
        """Whether the jugfile is to be run before this command is."""
        return self.needs_jugfile

    def judges(self, options: Options) -> bool:
        """Whether this is about whether results are to be trusted: with ``--sign-key``, all stay where they are."""
        return False

    def parse(self, parser: argparse._ArgumentGroup) -> None:
        """Add the options of this command to an argparse group."""
        add_options(parser, self.prefix, self.options)

    def parse_defaults(self) -> dict[str, Any]:
        """The default of each option by attribute name."""
        return defaults_of(self.prefix, self.options)

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int | None:
        """Do it. The result is the exit code of the process, ``None`` meaning 0."""
        raise NotImplementedError(f"subcommand {self.name!r} does not define run()")

    def __call__(self, *args: Any, **kwargs: Any) -> int | None:
        """The same as :meth:`run`, for commands that call others."""
        return self.run(*args, **kwargs)


def defaults_of(section: str, options: Sequence[Option]) -> dict[str, Any]:
    return {option.attribute(section): option.default for option in options if not option.deprecated}


def add_options(group: Container, section: str, options: Sequence[Option]) -> None:
    """Add ``options`` to an argparse group. What is not given will not be in the namespace."""
    exclusive: dict[str, Container] = {}
    for option in options:
        container = group
        if option.exclusive:
            if option.exclusive not in exclusive:
                required = any(other.required for other in options if other.exclusive == option.exclusive)
                exclusive[option.exclusive] = group.add_mutually_exclusive_group(required=required)
            container = exclusive[option.exclusive]
        _add_option(container, section, option)


def _add_option(container: Container, section: str, option: Option) -> None:
    from argparse import SUPPRESS  # late: `jug --version` does without argparse

    flags = [f"--{spelling}" for spelling in option.spellings]
    dest = attribute_name(section, option.name) if option.deprecated else option.attribute(section)
    # argparse formats help with %: what is in it is meant as it stands.
    help = option.help_text.replace("%", "%%")
    if option.kind is bool:
        container.add_argument(*flags, action="store_true", default=SUPPRESS, dest=dest, help=help)
        return
    metavar = option.metavar or option.name.upper().replace("-", "_")
    action = container.add_argument(
        *flags,
        action=_collecting() if option.several else "store",
        type=_argparse_type(option),
        choices=option.choices or None,
        default=SUPPRESS,
        dest=dest,
        metavar=metavar,
        help=help,
    )
    action.path = option.path  # type: ignore[attr-defined]  # for jug.cli.completion


def _collecting() -> type[argparse.Action]:
    """The action of an option that may be given several times: one value is that value, more are a list."""
    from argparse import Action

    class Collect(Action):
        def __call__(self, parser: object, namespace: object, value: Any, flag: str | None = None) -> None:
            before = getattr(namespace, self.dest, None)
            if before is not None:
                value = [*before, value] if isinstance(before, list) else [before, value]
            setattr(namespace, self.dest, value)

    return Collect


def _argparse_type(option: Option) -> Callable[[str], Any]:
    from argparse import ArgumentTypeError

    def cast(text: str) -> Any:
        try:
            return option.cast(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return cast


def replace_deprecated(values: dict[str, Any], section: str, options: Sequence[Option]) -> None:
    """Move the values of deprecated options to those that replace them, with a warning for each."""
    for option in options:
        dest = attribute_name(section, option.name)
        if option.deprecated and dest in values:
            spelt = " or ".join(f"--{spelling}" for spelling in option.spellings)
            warn(f"{spelt} is deprecated: {option.deprecated}")
            values[option.attribute(section)] = values.pop(dest)
