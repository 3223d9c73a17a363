"""The line to a Redis server: questions in, answers out, over one connection that is made again whenever need be.

Whatever is asked may be asked twice: an answer that is lost with its connection is asked for again, so that every
change must be one that may be repeated. A server that was never reached is an error at once; one that was is waited
for (:mod:`jug.backends.redis_outage`). A question that was interrupted, by a signal or an error, takes its connection
with it: no answer is ever taken for that of another question. Threads take turns; a process made by ``fork`` gets a
connection of its own.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time

from ..errors import StoreError
from .redis_errors import FINAL, MENDABLE, is_unknown_script, trouble_of
from .redis_outage import Outage
from .redis_url import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from .redis_errors import Trouble

    Word = bytes | str | int
    Command = Sequence[Word]

#: So many commands, or keys of one command, are sent together.
TOGETHER = 1000

_SCAN_COUNT = 5000
_PIECE = 1 << 20  # bytes; each piece of a large value has the whole time-out for itself
_WHILE_LOADING = 3.0  # seconds of patience with a server that answers, but never yet what was asked
_FRESH = 0.01  # seconds for which an answer that came along with another is good


class Script:
    """A piece of Lua that the server runs in one step."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Link:
    """Asks the server at `uri`.

    Attributes
    ----------
    address : Address
    absences : int
        How often the server was away for longer than a moment.
    """

    def __init__(self, uri: str) -> None:
        self.address = Address(uri)
        self.absences = 0
        self._met = False  # the server has answered
        self._gave_up = ""  # why patience ended, if there has been no answer since
        self._aside: tuple[bytes, bool, float] | None = None
        self._connection: Any = None
        self._life: object = None
        self._renew()

    def ask(self, *command: Word, owed: bool = False) -> Any:
        """The answer to one command. What is `owed` is not given up while the server merely refuses it.

        Raises
        ------
        StoreError
            There is no answer, or it is an error.
        """
        return self.ask_all([command], owed)[0]

    def ask_all(self, commands: Sequence[Command], owed: bool = False) -> list[Any]:
        """The answers to several commands, which travel together."""
        if self._pid != os.getpid():
            self._renew()
        with self._turn:
            self._aside = None
            return self._insist(commands, owed)

    def run(self, script: Script, keys: Sequence[bytes], *arguments: Word, owed: bool = False) -> Any:
        """What `script` returns."""
        reply = self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments, owed=owed)
        if is_unknown_script(reply):  # the server is new, or was restarted
            reply = self.ask("EVAL", script.source, len(keys), *keys, *arguments, owed=owed)
        return reply

    def scan(self, pattern: bytes) -> set[bytes]:
        """The keys that match. The server goes on with other work in between.

        All of them are of the same life of the same server: what one says before a restart, or before another one took
        its place, is no answer to what comes after that.
        """
        while True:
            keys = self._scan(pattern)
            if keys is not None:
                return keys

    def _scan(self, pattern: bytes) -> set[bytes] | None:
        """All keys, or None if the server began a new life on the way."""
        keys: set[bytes] = set()
        cursor, life = 0, None
        while cursor or life is None:
            told, some = self.ask("SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
            life = life or self._life
            if self._life != life:
                return None
            keys.update(some)
            cursor = int(told)
        return keys

    def facts(self) -> dict[str, str]:
        """What the server tells about itself; empty if it does not."""
        text = self._if_allowed("INFO") or b""
        return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)

    def setting(self, name: str) -> str | None:
        """One of the server's settings; None if it does not tell."""
        told = self._if_allowed("CONFIG", "GET", name) or [b"", None]
        value = next(iter(told.values())) if isinstance(told, dict) else told[1]
        return None if value is None else value.decode()

    def say_more(self, what: str) -> None:
        """If patience has ended, this says why from now on."""
        self._gave_up = self._gave_up and what

    def set_aside(self, key: bytes, answer: bool) -> None:
        """Remember what the last question also told; good for one :meth:`recall`, now."""
        self._aside = key, answer, time.monotonic()

    def recall(self, key: bytes) -> bool | None:
        """What was set aside under `key` right before this call; None if nothing was."""
        aside, self._aside = self._aside, None
        if aside is None or aside[0] != key or time.monotonic() - aside[2] > _FRESH:
            return None
        return aside[1]

    def close(self) -> None:
        """Hang up. (A later question would connect again.)"""
        if self._pid == os.getpid():
            with self._turn:
                self._drop()

    # One question

    def _if_allowed(self, *command: Word) -> Any:
        """The answer, or None if there is none; if the server is away, the next question says so."""
        try:
            return self.ask(*command)
        except StoreError:
            return None

    def _insist(self, commands: Sequence[Command], owed: bool) -> list[Any]:
        """Ask until there is an answer."""
        replies, trouble = self._try(commands)
        if trouble is not None:
            with Outage(self._patience(trouble)) as outage:
                while trouble is not None:
                    self._give_up_if_hopeless(trouble, owed)
                    self._wait(outage, trouble)
                    replies, trouble = self._try(commands)
                outage.end()
            self.absences += outage.is_told
        self._met, self._gave_up = True, ""
        return replies

    def _patience(self, trouble: Trouble) -> float:
        if self._gave_up:
            return 0
        if self._met:
            return self.address.patience
        return min(_WHILE_LOADING, self.address.patience) if trouble.reached else 0

    def _give_up_if_hopeless(self, trouble: Trouble, owed: bool) -> None:
        if trouble.hope == FINAL or (trouble.hope == MENDABLE and not (owed and self._met)):
            raise StoreError(trouble.what)

    def _wait(self, outage: Outage, trouble: Trouble) -> None:
        try:
            outage.wait(trouble)
        except StoreError as error:
            # Of what follows (the lock cannot be released, either) the beginning is what the user is to know.
            self._gave_up = self._gave_up or str(error)
            raise StoreError(self._gave_up) from None
        except BaseException:
            self._gave_up = self._gave_up or trouble.what
            raise

    def _try(self, commands: Sequence[Command]) -> tuple[list[Any], Trouble | None]:
        from redis.exceptions import RedisError

        try:
            replies = self._exchange(commands)
        except (RedisError, OSError) as error:
            self._drop()
            return [], trouble_of(error, self.address)
        except BaseException:
            self._drop()  # an answer may still be on its way
            raise
        for reply in replies:
            if isinstance(reply, RedisError) and not is_unknown_script(reply):
                return [], trouble_of(reply, self.address)
        return replies, None

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if connection is None:
            connection = self.address.new_connection(self._met)
            connection.connect()
            self._life = _life_of(connection)
            self._connection = connection
        packed = connection.pack_commands(commands) if len(commands) > 1 else connection.pack_command(*commands[0])
        connection.send_packed_command(_in_pieces(packed), check_health=False)
        return [_read(connection) for _ in commands]

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _renew(self) -> None:
        """Begin anew; an open connection belongs to the process that this one was forked from."""
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._connection = None


def _read(connection: Any) -> Any:
    from redis.exceptions import ResponseError

    try:
        return connection.read_response()
    except ResponseError as error:  # an answer, too: those to the other commands follow
        return error


def _life_of(connection: Any) -> object:
    """What is the same as long as it is the same server, which was not started again."""
    connection.send_command("INFO", "server", check_health=False)
    text = _read(connection)
    lines = text.splitlines() if isinstance(text, bytes) else []  # otherwise it does not tell: then this is another one
    return next((line for line in lines if line.startswith(b"run_id:")), None) or object()


def _in_pieces(packed: Sequence[bytes]) -> Iterator[bytes | memoryview]:
    for part in packed:
        if len(part) <= _PIECE:
            yield part
        else:
            view = memoryview(part)
            yield from (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))
