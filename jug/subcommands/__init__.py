"""The subcommands of the command line, jug's own and those of users."""

from .command import SubCommand
from .table import cmdapi

__all__ = ["SubCommand", "cmdapi"]
