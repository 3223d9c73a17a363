"""The subcommands of the command line, jug's own and those of users."""

from .command import SubCommand
from .old_calls import __getattr__ as __getattr__
from .table import NoSuchCommandError, SubCommandError, cmdapi

__all__ = ["NoSuchCommandError", "SubCommand", "SubCommandError", "cmdapi"]
