"""Which subcommands there are: jug's own in one table, those of users as they are created.

Only the module of a command that is asked for is imported. Commands of users come from
``~/.config/jug/jug_user_commands.py`` (or any code that ran before): every instance of a SubCommand subclass
joins the registry, and one that has the name of a built-in command replaces it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from jug.errors import UsageError
from jug.words.config import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from jug.words.config import Option, Options

    class Command(Protocol):
        """What is asked of a subcommand: see :class:`jug.cli.command.SubCommand`."""

        name: str
        options: tuple[Option, ...]
        works: bool
        needs_jugfile: bool
        needs_store: bool

        @property
        def help(self) -> str: ...
        @property
        def description(self) -> str: ...
        @property
        def prefix(self) -> str: ...
        def reads_jugfile(self, options: Options) -> bool: ...
        def judges(self, options: Options) -> bool: ...
        def parse(self, parser: Any) -> None: ...
        def parse_defaults(self) -> dict[str, Any]: ...
        def run(self, *args: Any, **kwargs: Any) -> int | None: ...


USER_COMMANDS = "~/.config/jug/jug_user_commands.py"
USER_MODULE = "jug_user_commands"

# name: (module in this package, class, first line of the class's docstring)
BUILTINS = {
    "execute": ("execute", "ExecuteCommand", "Execute tasks"),
    "status": ("status", "StatusCommand", "Print status"),
    "check": ("check", "CheckCommand", "Returns 0 if all tasks are finished. 1 otherwise."),
    "sleep-until": ("sleep_until", "SleepUntilCommand", "Wait until all tasks are done, then exit."),
    "shell": ("shell", "ShellCommand", "Run a shell after initialization"),
    "invalidate": (
        "invalidate",
        "InvalidateCommand",
        "Invalidate the results of tasks, and all results that depend on them",
    ),
    "cleanup": ("cleanup", "CleanupCommand", "Cleanup: remove result files that are not used"),
    "graph": ("graph", "GraphCommand", "Graph: produce a diagram of task dependencies"),
    "webstatus": ("webstatus", "WebStatusCommand", "Start a web interface which displays the status"),
    "count": ("count", "CountCommand", "Simply count tasks"),
    "pack": ("pack", "PackCommand", "Pack small result files into a single file (file-based stores only)"),
    "demo": ("demo", "DemoCommand", "Create demo directory."),
    "install-skills": (
        "install_skills.command",
        "InstallSkillsCommand",
        "Write a description of jug for coding assistants into a folder",
    ),
    "test-jug": ("test_jug", "TestJugCommand", "Run jug's own tests (what follows -- is for pytest)"),
}

USAGE = """\
usage: jug SUBCOMMAND [JUGFILE] [OPTIONS...] [-- ARGUMENTS FOR THE JUGFILE...]

Subcommands
-----------

{commands}

Use 'jug SUBCOMMAND --help' for the options of a subcommand, and 'jug --print-completion SHELL' for a script with
which the shell (bash, zsh or tcsh) completes all of them.
"""


class SubCommandError(UsageError):
    """A subcommand is not what one has to be."""


class NoSuchCommandError(UsageError):
    """There is no subcommand of that name."""


class CommandTable:
    """Finds and runs subcommands by name."""

    def __init__(self) -> None:
        self._created: list[Command] = []
        self._commands: dict[str, Command] = {}

    def register(self, command: Command) -> None:
        """Add ``command``; its name is asked for later, since its ``__init__`` may not have run yet."""
        self._created.append(command)

    def _settle(self) -> dict[str, Command]:
        while self._created:
            command = self._created.pop(0)
            if not isinstance(command.name, str) or not command.name:
                raise SubCommandError(f"the subcommand class {type(command).__qualname__} has no name")
            self._commands[command.name] = command
        return self._commands

    def get(self, name: str) -> Command:
        """The command called ``name``; UsageError, with the closest name, if there is none."""
        command = self._settle().get(name)
        if command is not None:
            return command
        if name not in BUILTINS:
            raise NoSuchCommandError(f"there is no subcommand {name!r}{self._suggestion(name)}")
        module, cls, _help = BUILTINS[name]
        getattr(import_module(f"jug.subcommands.{module}"), cls)()
        return self._settle()[name]

    def _suggestion(self, name: str) -> str:
        import difflib

        if name == "help":
            return " (did you mean 'jug --help', or 'jug SUBCOMMAND --help'?)"
        if os.path.isfile(name):
            return f" (did you mean 'jug execute {name}'?)"
        close = difflib.get_close_matches(name, self.helps(), n=1)
        return f" (did you mean {close[0]!r}?)" if close else ""

    def run(self, command: str, /, *args: Any, **kwargs: Any) -> int | None:
        """Run the command called ``command``; main gives options, store and jugspace as keywords."""
        return self.get(command).run(*args, **kwargs)

    def user_commands(self) -> list[Command]:
        """Those that are not jug's own."""
        return [command for command in self._settle().values() if not _is_builtin(command)]

    def helps(self) -> dict[str, str]:
        """One line of help by name, in the order of the table, without importing a command."""
        helps = {name: help for name, (_module, _class, help) in BUILTINS.items()}
        helps.update((command.name, command.help) for command in self.user_commands())
        return helps

    def usage(self) -> str:
        """What ``jug`` says when it is not told what to do."""
        helps = self.helps()
        width = max(map(len, helps)) + 1
        lines = (f"   {name + ':':{width}} {help}".rstrip() for name, help in helps.items())
        return USAGE.format(commands="\n".join(lines))

    def load_user_commands(self, warn: Callable[[str], object] = warn) -> None:
        """Import the user's file of subcommands, once, if there is one; `warn` is told if that fails."""
        path = os.path.expanduser(USER_COMMANDS)
        if USER_MODULE in sys.modules or not os.path.isfile(path):
            return
        from importlib.util import module_from_spec, spec_from_file_location

        spec = spec_from_file_location(USER_MODULE, path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[USER_MODULE] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (it is the user's code, and may not be what is wanted)
            del sys.modules[USER_MODULE]
            what = " ".join(f"{type(error).__name__}: {error}".split())
            warn(f"{path} cannot be imported, and its commands are not there ({what}, in line {_line(error, path)})")


def _is_builtin(command: Command) -> bool:
    module, cls, _help = BUILTINS.get(command.name, ("", "", ""))
    return (type(command).__module__, type(command).__name__) == (f"jug.subcommands.{module}", cls)


def _line(error: BaseException, path: str) -> int:
    """The line of the user's file that raised `error`; of a file that is not Python, where the mistake is."""
    frames, line = error.__traceback__, getattr(error, "lineno", None) or 1
    while frames is not None:
        if frames.tb_frame.f_code.co_filename == path:
            line = frames.tb_lineno
        frames = frames.tb_next
    return line


cmdapi = CommandTable()
