"""What goes wrong with a Redis server, as a sentence; and whether it may pass by itself."""

from __future__ import annotations

from jug.words.plain import plain_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .address import Address

    Word = bytes | str | int
    Command = Sequence[Word]

#: What hope there is: it passes by itself; somebody may mend it, which is worth waiting for with a result in one's
#: hands; none.
PASSES, MENDABLE, FINAL = "passes", "mendable", "final"

# By the word that the server's answer begins with.
_MEANING = {
    "LOADING": ("is reading its data from disk", PASSES),
    "BUSY": ("is busy with a script", PASSES),
    "TRYAGAIN": ("asks to try again", PASSES),
    "CLUSTERDOWN": ("has lost a part of its cluster", PASSES),
    "MASTERDOWN": ("is a replica that has lost its primary", PASSES),
    "OOM": ("is full (see its settings maxmemory and maxmemory-policy)", MENDABLE),
    "MISCONF": ("cannot write to its disk, and takes no changes", MENDABLE),
    "READONLY": ("is a read-only replica", MENDABLE),
    "NOREPLICAS": ("has too few replicas, and takes no changes", MENDABLE),
    "NOAUTH": ("asks for a password, which is written redis://:PASSWORD@HOST", MENDABLE),
    "WRONGPASS": ("refuses the user name or the password", MENDABLE),
    "NOPERM": ("does not allow this user to do that: {said}", FINAL),
    "DENIED": ("takes no connections from other machines (see its setting protected-mode)", FINAL),
}
# For answers whose first word the redis package has replaced by a class.
_CLASSES = {
    "BusyLoadingError": "LOADING",
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "NoPermissionError": "NOPERM",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
}


_MOST_WORDS, _MOST_TEXT = 6, 200
# What a connection that was made and then broken ends with: somebody is there.
_HUNG_UP = ("closed by server", "reset by peer", "Broken pipe")


class Trouble:
    """Why a question was not answered.

    Attributes
    ----------
    what : str
        The sentence for the user.
    hope : str
        PASSES, MENDABLE or FINAL.
    reached : bool
        There is a server.
    """

    __slots__ = ("what", "hope", "reached")

    def __init__(self, what: str, hope: str, reached: bool = True) -> None:
        self.what = what
        self.hope = hope
        self.reached = reached


def trouble_of(error: Any, address: Address, command: Command = ()) -> Trouble:
    """What the error of the redis package means for a user of the server at `address`.

    If it is the answer to a single `command`, this and its keys are told where the server's own words are.
    """
    code, text = _code(error), plain_line(" ".join(str(error).split()))
    server = f"The Redis server at {address.place}"
    if code == "WRONGPASS" and not address.has_password:
        code = "NOAUTH"
    if text.startswith("DB index is out of range"):
        return Trouble(f"{server} has no database {address.database}", FINAL)
    if code in _MEANING:
        meaning, hope = _MEANING[code]
        return Trouble(f"{server} {meaning.format(said=_said(text, command))}", hope)
    if _is_a(error, "ResponseError"):
        return Trouble(f"{server} answers: {_said(text, command)}", FINAL)
    why = _reason(error, text)
    is_there = any(words in why for words in _HUNG_UP)
    return Trouble(f"Cannot reach the Redis server at {address.place}: {why}", PASSES, reached=is_there)


def _said(text: str, command: Command) -> str:
    """The server's own words, and what it was asked for: it often does not name the key."""
    words = [
        word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word) for word in command[:_MOST_WORDS]
    ]
    if not words:
        return text[:_MOST_TEXT]
    name, *keys = words[:2]
    if name in ("EVAL", "EVALSHA"):
        name, keys = "a script", words[3 : 3 + int(words[2])]
    asked = " ".join((name, *(key[:_MOST_TEXT] for key in keys)))
    return f"{text[:_MOST_TEXT].rstrip('.')} (it was asked for {plain_line(asked)})"


def is_trouble(error: Exception) -> bool:
    """True for what goes wrong on the way to a server, or there."""
    return isinstance(error, OSError) or _is_a(error, "RedisError")


def is_answer(error: Exception) -> bool:
    """True for what a server says of a single command."""
    return _is_a(error, "ResponseError")


def is_unknown_script(reply: Any) -> bool:
    """True for the answer of a server that does not remember a script."""
    return isinstance(reply, Exception) and _is_a(reply, "NoScriptError")


def _code(error: Any) -> str:
    for kind in type(error).__mro__:
        if kind.__name__ in _CLASSES:
            return _CLASSES[kind.__name__]
    text = str(error)
    if _is_a(error, "AuthenticationError"):
        return "WRONGPASS"
    word = text.partition(" ")[0]
    if word == "ERR" or not word.isupper():  # servers before version 7 wrap what happened inside a script
        word = text.partition(": -")[2].partition(" ")[0] or word
    return word


def _is_a(error: Any, name: str) -> bool:
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _reason(error: Any, text: str) -> str:
    """The system's own words, if it was the system."""
    if _is_a(error, "TimeoutError"):
        return "no answer in time"
    cause = error.__cause__ or error.__context__
    strerror = getattr(cause, "strerror", None)
    return strerror if isinstance(strerror, str) else text[:200].rstrip(".") or "no answer"
