"""Standard output and standard error, in whatever state the command finds them.

They may be closed, on a full disk, read by somebody who leaves early, or unable to show the names of the user's tasks.
"""

from __future__ import annotations

import errno
import os
import sys

from jug.errors import OutputError, sentence
from jug.words.plain import plain

# What a function uses that prints, and what goes wrong by writing to an open file. (Of other files, and of sockets and
# processes, a function that uses them may say the same, but no function that prints uses any.)
_PRINTING = frozenset(["print", "stdout", "stderr"])
_NAMES = ("EAGAIN", "EBADF", "EDQUOT", "EFBIG", "EINVAL", "EIO", "ENOSPC", "ENXIO", "EPERM", "ESTALE", "ETIMEDOUT")
_OF_WRITING = frozenset(getattr(errno, name) for name in _NAMES if hasattr(errno, name))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.words.config import Options


def prepare() -> None:
    """Have printing not fail for what is printed, nor a closed stream's number be given to another file."""
    if sys.stdout is None or sys.stderr is None:
        _open_missing()
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
        # (Half a character, as of a file that is not named in this encoding, cannot be written in UTF-8 either.)
        is_strict = getattr(stream, "errors", "") == "strict"
        if (is_strict or encoding not in ("utf-8", "utf8")) and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _open_missing() -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < 2:  # always the lowest number that is free
        opened = os.dup(opened)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def flush() -> None:
    """Write what has been printed.

    Raises
    ------
    OutputError
        It cannot be written.
    BrokenPipeError
        Nobody reads it.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"Cannot write to standard output: {error.strerror}") from error


def is_of_print(error: OSError) -> bool:
    """Whether `error` was raised by writing to standard output or standard error, in a function of jug that prints."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    if tb is None or error.filename is not None or error.errno not in _OF_WRITING:
        return False
    is_ours = tb.tb_frame.f_globals.get("__name__", "").startswith("jug.")
    return is_ours and not _PRINTING.isdisjoint(tb.tb_frame.f_code.co_names)


def discard() -> None:
    """Forget what could not be written, which Python would try once more at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def is_answered(options: Options) -> bool:
    """Whether there is somebody to answer a question: at a terminal, and no program that has its own way to print."""
    at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return at_terminal and getattr(options, "print_out", print) is print


def agrees(question: str) -> bool:
    """The answer to a question of yes or no; whoever says nothing does not agree."""
    flush()
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def say(message: str) -> None:
    """One line on standard error, after all that has been printed."""
    flush()
    print(f"jug: {plain(sentence(message))}", file=sys.stderr, flush=True)
