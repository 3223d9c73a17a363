"""What goes over the line to a Redis server, by a connection of the redis package: commands, and answers to them."""

from __future__ import annotations

from itertools import chain

from .errors import is_answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .errors import Command

_PIECE = 1 << 20  # bytes; each piece of a large value has the whole time-out for itself


def read(connection: Any) -> Any:
    try:
        return connection.read_response()
    except Exception as error:
        if not is_answer(error):  # those to the other commands follow
            raise
        return error


def life_of(connection: Any) -> object:
    """What is the same as long as it is the same server, which was not started again."""
    connection.send_command("INFO", "server", check_health=False)
    text = read(connection)
    lines = text.splitlines() if isinstance(text, bytes) else []  # otherwise it does not tell: then this is another one
    return next((line for line in lines if line.startswith(b"run_id:")), None) or object()


def packed(commands: Sequence[Command | bytes]) -> list[Any]:
    """What is sent, as the protocol wants it: one piece of bytes, unless there are large values.

    What is packed already may be among the commands. (The redis package takes several times as long for it.)
    """
    pieces: list[bytes | memoryview] = []
    small: list[bytes] = []  # to be sent together
    for command in commands:
        if isinstance(command, bytes):
            small.append(command)
            continue
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        sizes = [*map(len, words)]
        small.append(b"*%d\r\n" % len(words))
        if max(sizes) <= _PIECE:
            small.append(b"$%d\r\n%b\r\n" * len(words) % tuple(chain.from_iterable(zip(sizes, words, strict=True))))
            continue
        for word in words:
            view = memoryview(word)
            pieces.append(b"%b$%d\r\n" % (b"".join(small), len(word)))
            pieces += (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))
            small = [b"\r\n"]
    return [*pieces, b"".join(small)]
