"""Completion in the shell, from the same parsers that read the command line.

There are two ways, each with a library of its own that is imported when it is asked for: ``jug --print-completion
SHELL`` prints a script that needs neither Python nor jug afterwards (shtab), and a shell prepared by argcomplete runs
jug with ``_ARGCOMPLETE`` in the environment at each press of the key, and then knows of new commands at once.
"""

from __future__ import annotations

import os

from jug.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

SHELLS = ("bash", "zsh", "tcsh")
ANY_FILE = "*"
DIRECTORIES = "/"  # and no files

# The name has to have _files in it: from that, shtab concludes that spaces are to be quoted, and a / to follow.
BASH_FUNCTION = """\
{name}() {{
  compgen -f -X '!{pattern}' -- "$1"
  compgen -d -- "$1"
}}
"""


def is_asked_by_the_shell() -> bool:
    """Whether this process was started by argcomplete, to say how a word can go on."""
    return "_ARGCOMPLETE" in os.environ


def words_so_far() -> list[str]:
    """The words of the line that the shell asks about, roughly."""
    return os.environ.get("COMP_LINE", "").split()


def _is_after_dashes() -> bool:
    """Whether the word that is asked about belongs to the arguments of the jugfile in any case."""
    return " -- " in os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", 0))]


def answer(build: Callable[[], argparse.ArgumentParser]) -> NoReturn:
    """Tell the shell, in the way of argcomplete, how the line can go on, and exit.

    Raises
    ------
    UsageError
        The library is missing. To go on would be to run the command.
    """
    try:
        from argcomplete import autocomplete
    except ImportError:
        raise _needs("argcomplete") from None

    parser = build()
    options: list[str] = []
    for action in _actions(parser):
        options += action.option_strings
        if not action.choices:
            action.completer = _completer(_path_of(action))  # type: ignore[attr-defined]
    autocomplete(parser, always_complete_options=False, exclude=options if _is_after_dashes() else None)
    raise SystemExit(1)  # not reached: it ends the process


def script(shell: str, build: Callable[[], argparse.ArgumentParser]) -> str:
    """The text that teaches the shell to complete the command line."""
    if shell not in SHELLS:
        raise UsageError(f"--print-completion {shell!r}: the shells are {', '.join(SHELLS)}")
    try:
        import shtab
    except ImportError:
        raise _needs("shtab") from None

    parser = build()
    for action in _actions(parser):
        path = _path_of(action)
        if path:
            action.complete = _pattern_of_shells(path)  # type: ignore[attr-defined]
    text: str = shtab.complete(parser, shell)
    return text


def _needs(library: str) -> UsageError:
    return UsageError(f"completion needs {library}, which is not installed: pip install 'jug[completion]'")


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All that a command line may hold: the arguments of the parser and of the parsers of its subcommands."""
    from argparse import _SubParsersAction

    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for subparser in action.choices.values():
                yield from _actions(subparser)
        else:
            yield action


def _path_of(action: argparse.Action) -> str:
    """Which files can be meant; by what a user's command has declared in its own way, all of them."""
    is_flag = action.nargs == 0
    return "" if is_flag or action.choices else getattr(action, "path", ANY_FILE)


def _completer(pattern: str) -> Callable[..., Iterator[str]]:
    def complete(prefix: str, action: argparse.Action, parsed_args: argparse.Namespace, **_more: Any) -> Iterator[str]:
        # While the jugfile may still come, its arguments may, too: only the former is meant.
        is_early = action.dest == "user_args" and not getattr(parsed_args, "jugfile", None)
        if not pattern or (is_early and not _is_after_dashes()):
            return iter(())
        return _paths(prefix, pattern)

    return complete


def _paths(prefix: str, pattern: str) -> Iterator[str]:
    """Directories, and files with such a name, whose path begins with `prefix`; hidden ones only if it says so."""
    from fnmatch import fnmatchcase

    folder, start = os.path.split(prefix)
    try:
        entries = list(os.scandir(os.path.expanduser(folder) or "."))
    except OSError:
        return
    for entry in entries:
        is_hidden = entry.name.startswith(".") and not start
        if is_hidden or not entry.name.startswith(start):
            continue
        path = os.path.join(folder, entry.name)
        if entry.is_dir():
            yield path + "/"
        elif fnmatchcase(entry.name, pattern):
            yield path


def _pattern_of_shells(pattern: str) -> dict[str, Any]:
    """How shtab is told which files are meant."""
    import shtab

    if pattern in (ANY_FILE, DIRECTORIES):
        known: dict[str, Any] = shtab.FILE if pattern == ANY_FILE else shtab.DIRECTORY
        return known
    name = "_jug_compgen_files_" + "".join(letter if letter.isalnum() else "_" for letter in pattern)
    return {
        "bash": name,
        "zsh": f"_files -g '{pattern}'",
        "tcsh": f"f:{pattern}",
        "preamble": {"bash": BASH_FUNCTION.format(name=name, pattern=pattern)},
    }
