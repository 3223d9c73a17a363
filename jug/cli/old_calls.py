"""The commands as programs for Jug 2.7 call them: ``jug.subcommands.status.status(options)``.

There each module has an object of its own name. Those that need a store get it before the options, and a command that
is given none reads the jugfile that the options name. Both are done here, for all commands alike.
"""

from __future__ import annotations

from importlib import import_module

from jug.engine.loading.jugfile import init
from jug.words.config import Options

from .table import BUILTINS, cmdapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


# There, these two end the program.
_ENDING = ("check", "sleep-until")
_MODULES = {module for module, _class, _help in BUILTINS.values()}


class OldCall:
    """The command `name`, with the call that it has in Jug 2.7; all else is asked of the command."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(cmdapi.get(self._name), attribute)

    def __repr__(self) -> str:
        return f"<the command {self._name!r} of jug>"

    def __call__(self, *args: Any, **kwargs: Any) -> int | None:
        """Run it; returns its exit status, or None for 0.

        Parameters
        ----------
        options : Options
            As by ``jug.options.parse``.
        store : base_store, optional
        jugspace : dict, optional
            The names that the jugfile defines. Without a store and this, the jugfile is read.

        Raises
        ------
        SystemExit
            With the exit status, by ``check`` and ``sleep-until``.
        """
        command = cmdapi.get(self._name)
        given = {**_by_name(args), **kwargs}
        options = given.pop("options", None)
        if options is None:
            options = Options()
            options.update(command.parse_defaults())
        store, jugspace = given.pop("store", None), given.pop("jugspace", None)
        if store is None and (command.needs_store or command.reads_jugfile(options)):
            store, jugspace = init(options.jugfile, options.jugdir)
        status = command.run(options=options, store=store, jugspace=jugspace or {}, **given)
        if self._name in _ENDING:
            raise SystemExit(status)
        return status

    run = __call__


def _by_name(args: tuple[Any, ...]) -> dict[str, Any]:
    """Which of the positional arguments is which: options are told by their type, and the store is the first other."""
    options = [arg for arg in args if isinstance(arg, Options)]
    others = [arg for arg in args if not isinstance(arg, Options)]
    return {**dict(zip(("options",), options, strict=False)), **dict(zip(("store", "jugspace"), others, strict=False))}


def as_in_old_releases(module: str, *commands: str) -> Callable[[str], OldCall]:
    """The ``__getattr__`` of a `module` that has these commands under their names."""
    calls = {command.replace("-", "_"): OldCall(command) for command in commands}

    def __getattr__(name: str) -> OldCall:
        if name not in calls:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return calls[name]

    return __getattr__


def __getattr__(name: str) -> ModuleType:
    """Of the package: the module of a command, imported when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module 'jug.subcommands' has no attribute {name!r}")
    return import_module(f"jug.subcommands.{name}")
