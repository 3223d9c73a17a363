"""Which subcommands there are: jug's own in one table, those of users as they are created.

Only the module of a command that is asked for is imported. Commands of users come from
``~/.config/jug/jug_user_commands.py`` (or any code that ran before): every instance of a SubCommand subclass
joins the registry, and one that has the name of a built-in command replaces it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from ..errors import EXIT_FAILED, JugError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .command import SubCommand

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


class UserCommandsError(JugError):
    """The user's file of subcommands raises when it is imported."""

    exit_code = EXIT_FAILED


class CommandTable:
    """Finds and runs subcommands by name."""

    def __init__(self) -> None:
        self._created: list[SubCommand] = []
        self._commands: dict[str, SubCommand] = {}

    def register(self, command: SubCommand) -> None:
        """Add ``command``; its name is asked for later, since its ``__init__`` may not have run yet."""
        self._created.append(command)

    def _settle(self) -> dict[str, SubCommand]:
        while self._created:
            command = self._created.pop(0)
            if not isinstance(command.name, str) or not command.name:
                raise UsageError(f"the subcommand class {type(command).__qualname__} has no name")
            self._commands[command.name] = command
        return self._commands

    def get(self, name: str) -> SubCommand:
        """The command called ``name``; UsageError, with the closest name, if there is none."""
        command = self._settle().get(name)
        if command is not None:
            return command
        if name not in BUILTINS:
            raise UsageError(f"there is no subcommand {name!r}{self._suggestion(name)}")
        module, cls, _help = BUILTINS[name]
        getattr(import_module(f"{__package__}.{module}"), cls)()
        return self._settle()[name]

    def _suggestion(self, name: str) -> str:
        import difflib

        if os.path.isfile(name):
            return f" (did you mean 'jug execute {name}'?)"
        close = difflib.get_close_matches(name, self.helps(), n=1)
        return f" (did you mean {close[0]!r}?)" if close else ""

    def run(self, command: str, /, *args: Any, **kwargs: Any) -> int | None:
        """Run the command called ``command``; main gives options, store and jugspace as keywords."""
        return self.get(command).run(*args, **kwargs)

    def user_commands(self) -> list[SubCommand]:
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

    def load_user_commands(self) -> None:
        """Import the user's file of subcommands, once, if there is one."""
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
        except Exception as error:  # noqa: BLE001  (it is the user's code)
            del sys.modules[USER_MODULE]
            _print_user_traceback(error, path)
            raise UserCommandsError(f"{path} cannot be imported: {type(error).__name__}: {error}") from None


def _is_builtin(command: SubCommand) -> bool:
    module, cls, _help = BUILTINS.get(command.name, ("", "", ""))
    return (type(command).__module__, type(command).__name__) == (f"{__package__}.{module}", cls)


def _print_user_traceback(error: Exception, path: str) -> None:
    """The traceback from the user's file on: how jug came to import it is of no interest."""
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)


cmdapi = CommandTable()
