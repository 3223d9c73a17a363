"""Everything that can go wrong by the user's hand or the world's, as one family.

A :class:`JugError` is a sentence for a person: ``main`` prints it on one line, without a traceback, and leaves with its
``exit_code``. Anything else that reaches ``main`` is a bug, of jug or of the jugfile, and keeps its traceback.

Exit codes of a process (the last line on standard error says why):

====  =====================================================================
0     everything that was selected is complete
1     a task failed, or the jugfile raised; for ``check`` and ``status``: not all is finished
2     usage or configuration
3     stopped with work left (others hold it, wait limit, time limit, exit file)
4     the store cannot be used (absent, read-only, full, unreachable)
128+n stopped by signal n
====  =====================================================================
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_WORK_LEFT = 3
EXIT_STORE = 4
EXIT_SIGNAL = 128


class JugError(Exception):
    """A message for the user; ``exit_code`` is what the process returns."""

    exit_code = EXIT_FAILED


class UsageError(JugError):
    """The command line or the arguments of a call make no sense."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A configuration file holds something that cannot be used."""


class JugfileError(JugError):
    """The jugfile cannot be found or read."""

    exit_code = EXIT_USAGE


class NoStoreError(JugError):
    """A result was asked for, but no store has been chosen: the script does not run under jug."""


class NotFinishedError(JugError, AssertionError):
    """A result was asked for that is not in the store (``AssertionError``: what callers could catch before)."""


class UnusableHashError(JugError, ValueError):
    """The hash that a class of tasks gives them cannot be one, or not in this store."""


class UnstorableError(JugError):
    """What a task returned cannot be stored: it cannot be pickled."""


class DebugCheckError(JugError, RuntimeError):
    """``--debug`` found a task that does not do what a task may."""


class StoreError(JugError):
    """The store cannot be reached, read or written."""

    exit_code = EXIT_STORE


class OutputError(JugError):
    """What a command prints cannot be written."""


class DamagedResultError(StoreError):
    """A result is stored that cannot be read. Other results can: the worker goes on.

    Attributes
    ----------
    name : bytes or None
        The hash of its task, if the store can set the result aside so that the task runs again.
    """

    def __init__(self, message: str, name: bytes | None = None) -> None:
        super().__init__(message)
        self.name = name


class UnsignedResultError(DamagedResultError):
    """A result without a signature, where all have one: it is for the user to say whether it is to be trusted."""

    def __init__(self, result: str) -> None:
        super().__init__(
            f"{result} is not signed, and was not loaded: whoever wrote it did not have the key. If you trust it, have "
            "it signed by 'jug check --sign'; if not, remove it by 'jug invalidate'"
        )


class UnloadableResultError(JugError, RuntimeError):
    """A result is as it was written, but cannot be made again: its class is gone, or raises an exception.

    Attributes
    ----------
    task, where : str
        Its task, and ``in`` which file it is; empty if that is not known (yet).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.task = self.where = ""

    def __str__(self) -> str:
        parts = ["The result", self.task and f"of {self.task}", self.where, f"cannot be loaded: {self.reason}"]
        return " ".join(filter(None, parts))


class NoRoomError(StoreError):
    """There is no room for what is to be stored, and has not been for a long time. Other results may be smaller."""


class StopWorker(SystemExit):
    """Raised by a hook to end this worker after the task at hand; the message is the reason.

    It is a SystemExit, so that it ends a program, too, which calls the hooks itself.

    Attributes
    ----------
    code : object
        What a hook gave to ``sys.exit``; 0 and None ask for no exit status of their own.
    """

    def __init__(self, reason: str = "", code: object = 0) -> None:
        super().__init__(reason)
        self.code = code  # type: ignore[assignment]  # whatever sys.exit() takes


def sentence(message: str) -> str:
    """The message with a capital, if it begins with an ordinary word and not with a name, a path or an option."""
    first = message.partition(" ")[0]
    return message[:1].upper() + message[1:] if first.isalpha() and first.islower() else message
