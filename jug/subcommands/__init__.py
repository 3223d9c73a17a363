"""The subcommands of the command line, jug's own and those of users."""

from jug.cli.command import SubCommand
from jug.cli.old_calls import __getattr__ as __getattr__
from jug.cli.table import NoSuchCommandError, SubCommandError, cmdapi

__all__ = ["NoSuchCommandError", "SubCommand", "SubCommandError", "cmdapi"]
