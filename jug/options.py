"""The options of a run: the command line over local configuration files over the global one over the
defaults.

``read_command_line`` gives one :class:`Options` that answers for all of them. A mistake on the command line is a
UsageError of one sentence; ``--help`` and ``--version`` print and raise ``SystemExit(0)``. ``parse`` is for programs.
"""

from __future__ import annotations

import sys

from . import __version__
from .cli import completion, terminal
from .cli.command import add_options, defaults_of, replace_deprecated
from .cli.selection import selection_from
from .cli.table import cmdapi
from .engine.loading.stores import set_jugdir
from .errors import ConfigError, UsageError
from .words.config import Option, Options, expand_jugdir, to_bool
from .words.config_files import cast_settings, configured_settings, find_local_configuration_files, read_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Container, Iterable, Sequence
    from typing import Any, NoReturn, TextIO

    from .cli.table import Command
    from .words.config_files import Setting

__all__ = [
    "Options",
    "build_parser",
    "default_options",
    "find_local_configuration_files",
    "parse",
    "read_configuration_file",
    "set_jugdir",
]

_str_to_bool = to_bool  # the name that it had


JUGFILE = Option("jugfile", "jugfile.py", "Python script to use.", path="*.py")

# What every subcommand takes.
COMMON_OPTIONS = (
    Option(
        "aggressive-unload",
        False,
        "Aggressively unload data from memory. This causes more reloading of data, but is necessary if "
        "keeping too much in memory is leading to memory errors.",
    ),
    Option(
        "jugdir",
        "%(jugfile)s.jugdata",
        "Where results are kept: a directory, or another kind of store (such as redis://HOST, dict_store:FILE, "
        "file_keepalive:DIRECTORY). It may contain the placeholders %(date)s and "
        "%(jugfile)s (the jugfile name without the .py extension).",
        path=completion.DIRECTORIES,
    ),
    Option(
        "verbose",
        "quiet",
        "How much to say about what is done (errors and warnings always are)",
        choices=("quiet", "error", "warning", "info", "debug"),
    ),
    Option(
        "sign-key",
        None,
        "A file with a key, which only you can read: results are signed with it, and none is loaded whose signature is "
        "not right. Folders only",
        path="*",
    ),
    Option("short", False, "Short output"),
    Option("pdb", False, "Drop to a PDB (debug) console on error. Implies --debug."),
    Option(
        "debug",
        False,
        "Debug mode: check that the hashes of tasks do not change, and refuse tasks that are created inside "
        "tasks. It is slower, and it does not imply --pdb.",
    ),
    Option("will-cite", False, "Accepted, and of no effect"),
)


class _CommandDefaults(Options):
    """The defaults of subcommands, learned from the command that a name belongs to when it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name != "next":
            self._learn(name.partition("_")[0])
            if name in self.__dict__:
                return self.__dict__[name]
        return super().__getattr__(name)

    def _learn(self, word: str) -> None:
        # The prefix may be shorter than the command: options.invalid_name belongs to `invalidate`.
        for command in _commands_that_begin_with(word):
            self.update(command.parse_defaults() or {})


def _commands_that_begin_with(word: str) -> list[Command]:
    return [cmdapi.get(name) for name in cmdapi.helps() if name.replace("-", "_").startswith(word)]


default_options = Options(_CommandDefaults())
default_options.update(defaults_of("main", (JUGFILE, *COMMON_OPTIONS)))
default_options.update({"argv": None, "print_out": print, "subcommand": None, "user_args": []})


def parse(args: Sequence[str] | None = None, optionsfile: TextIO | None = None) -> Options:
    """Options of the command line ``args``, for a program: mistakes in it end that, and ``sys.argv`` is the jugfile's.

    Parameters
    ----------
    args : sequence of str, optional
        Default: ``sys.argv[1:]``.
    optionsfile : file, optional
        Read instead of the usual configuration files.

    Raises
    ------
    SystemExit
        With status 2: the command line makes no sense, and standard error says why. With 0: ``--help``, ``--version``.
    ConfigError
        A configuration file holds something that cannot be used.
    """
    try:
        options = read_command_line(args, optionsfile)
        selection_from(options, cmdapi.get(options.subcommand).prefix)  # refuses an empty one
    except ConfigError:
        raise
    except UsageError as error:
        terminal.say(str(error))
        raise SystemExit(error.exit_code) from error
    sys.argv[:] = [options.jugfile, *options.user_args]
    return options


def read_command_line(args: Sequence[str] | None = None, optionsfile: TextIO | None = None) -> Options:
    """As :func:`parse`, with a UsageError for a mistake, and nothing is changed."""
    args = sys.argv[1:] if args is None else list(args)
    command = _asked_command(args)
    given = _parse_command_line(command, args[1:])
    if default_options.next is not None:
        default_options.next.update(command.parse_defaults() or {})
    options = Options(read_configuration_file(optionsfile, default_options))
    options.update({"subcommand": command.name, **given})
    if options.pdb:
        options.debug = True
    if not options.jugdir:
        raise UsageError("--jugdir '': the name of a directory or store is needed")
    options.jugdir = expand_jugdir(options.jugdir, options.jugfile)
    return options


def _asked_command(args: Sequence[str]) -> Command:
    if completion.is_asked_by_the_shell():
        _complete(args)
    first = args[0] if args else ""
    if first.partition("=")[0] == "--print-completion":
        _print_completion(args)
    if first == "--version":
        print(__version__)
        raise SystemExit(0)
    cmdapi.load_user_commands()
    if first in ("-h", "--help"):
        print(cmdapi.usage(), end="")
        raise SystemExit(0)
    try:
        if not first or first.startswith("-"):
            where = f" before {first!r}" if first else ""
            raise UsageError(f"a subcommand is needed{where}")
        return cmdapi.get(first)
    except UsageError:
        print(cmdapi.usage(), file=sys.stderr)
        raise


def _complete(args: Sequence[str]) -> NoReturn:
    """Tell the shell, which has started us without arguments, how the line can go on."""
    cmdapi.load_user_commands(warn=lambda message: None)  # it would be in the middle of a line
    if args:  # it is jug-execute
        completion.answer(lambda: build_parser(cmdapi.get(args[0])))
    completion.answer(lambda: _build_parser_of_all(completion.words_so_far()))


def _print_completion(args: Sequence[str]) -> NoReturn:
    from contextlib import redirect_stdout

    _flag, _, shell = args[0].partition("=")
    shell = shell or " ".join(args[1:2])
    with redirect_stdout(sys.stderr):  # what the user's file may print is not for the shell
        cmdapi.load_user_commands()
        text = completion.script(shell, build_parser)
    print(text)
    raise SystemExit(0)


def _parse_command_line(command: Command, args: Sequence[str]) -> dict[str, Any]:
    """What was given, by attribute name. Everything after the first ``--`` is the jugfile's."""
    end = args.index("--") if "--" in args else len(args)
    parser = build_parser(command)
    namespace, unknown = parser.parse_known_intermixed_args(args[:end])
    values = vars(namespace)
    if unknown:
        _refuse_unknown(parser, unknown)
    _refuse_second_jugfile(parser, values)
    values["user_args"] = [*values.get("user_args", ()), *args[end + 1 :]]
    if values.get("jugfile", "") is None:
        del values["jugfile"]
    replace_deprecated(values, command.prefix, command.options)
    return values


def _refuse_unknown(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> NoReturn:
    import difflib

    flags = [word for word in unknown if word.startswith("-")] or list(unknown)
    close = difflib.get_close_matches(flags[0].partition("=")[0], parser._option_string_actions, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    parser.error(f"unrecognized arguments: {' '.join(flags)} ({hint}arguments for the jugfile go after --)")


def _refuse_second_jugfile(parser: argparse.ArgumentParser, values: dict[str, Any]) -> None:
    """An argument of the jugfile needs no ``--`` before it, as ever, unless it looks like another jugfile."""
    jugfile, first = values.get("jugfile"), next(iter(values.get("user_args", ())), "")
    if jugfile and first.endswith(".py"):
        parser.error(
            f"one jugfile at a time: {jugfile!r} is one, {first!r} seems to be another (what is for it goes after --)"
        )


def build_parser(command: Command | None = None) -> argparse.ArgumentParser:
    """The parser of one subcommand, or of all (which imports them all) as shell completion needs it."""
    import argparse

    if command is None:
        return _build_parser_of_all(cmdapi.helps())
    parser = argparse.ArgumentParser(
        prog=f"jug {command.name}",
        usage=f"jug {command.name} [JUGFILE] [OPTIONS...] [-- ARGUMENTS FOR THE JUGFILE...]",
        description=command.description,
        argument_default=argparse.SUPPRESS,
        add_help=False,
    )
    # In a group it costs no look at the terminal, for which argparse imports shutil with all that compresses.
    parser.add_argument_group("options").add_argument(
        "-h", "--help", action="help", help="show this help message and exit"
    )
    _fill_parser(parser, command)
    return parser


def _build_parser_of_all(filled: Container[str]) -> argparse.ArgumentParser:
    """A parser that knows all subcommands, and of those that are to be `filled` the options, too."""
    import argparse

    parser = argparse.ArgumentParser(prog="jug")
    parser.add_argument("--version", action="version", version=__version__, help="Show the version")
    parser.add_argument(
        "--print-completion", choices=completion.SHELLS, metavar="SHELL", help="Print a script for completion"
    )
    subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, help in cmdapi.helps().items():
        subparser = subparsers.add_parser(name, help=help.replace("%", "%%"), argument_default=argparse.SUPPRESS)
        if name in filled:
            _fill_parser(subparser, cmdapi.get(name))
    return parser


def _fill_parser(parser: argparse.ArgumentParser, command: Command) -> None:
    def refuse(message: str) -> NoReturn:
        raise UsageError(f"{message} (see 'jug {command.name} --help')")

    parser.error = refuse  # type: ignore[method-assign]
    command.parse(parser.add_argument_group(command.name))
    common = parser.add_argument_group("common")
    jugfile = common.add_argument("jugfile", nargs="?", metavar="JUGFILE", help=JUGFILE.help_text)
    jugfile.path = JUGFILE.path  # type: ignore[attr-defined]  # for completion
    common.add_argument("user_args", nargs="*", metavar="ARGUMENTS", help="Arguments for the jugfile (sys.argv[1:])")
    add_options(common, "main", COMMON_OPTIONS)


def read_configuration_file(fp: TextIO | None = None, default_options: Options | None = None) -> Options:
    """The options of ``fp``, or of the usual files, over ``default_options``; without these all are text."""
    settings = configured_settings() if fp is None else read_settings(fp, getattr(fp, "name", "configuration"))
    layer = Options(default_options)
    declared = _declared_options(settings) if default_options is not None else {}
    layer.update(cast_settings(settings, declared, default_options))
    return layer


def _declared_options(settings: Iterable[Setting]) -> dict[str, tuple[str, Sequence[Option]]]:
    """For each section that is used: the prefix of its attributes and its options."""
    declared: dict[str, tuple[str, Sequence[Option]]] = {"main": ("main", (JUGFILE, *COMMON_OPTIONS))}
    for section in {setting.section.replace("-", "_") for setting in settings} - {"main"}:
        for command in _commands_that_begin_with(section):
            if section in (command.name.replace("-", "_"), command.prefix):
                declared[section] = command.prefix, command.options
    return declared
