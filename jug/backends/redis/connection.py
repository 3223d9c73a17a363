"""The line to a Redis server: questions in, answers out, over one connection that is made again whenever need be.

Whatever is asked may be asked twice: an answer that is lost with its connection is asked for again, so that every
change must be one that may be repeated. A server that was never reached is an error at once; one that was is waited
for (:mod:`jug.backends.redis.outage`). A question that was interrupted, by a signal or an error, takes its connection
with it: no answer is ever taken for that of another question. Threads take turns; a process made by ``fork`` gets a
connection of its own.

A change that is *put off* travels with the next question, whichever that is, and the server makes it first: whoever
asks something finds it made, and it costs no journey of its own. One that cannot be made stays for the next time.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from contextlib import contextmanager

from jug.errors import StoreError
from jug.words.short import number_of

from .address import Address
from .errors import FINAL, MENDABLE, is_trouble, is_unknown_script, trouble_of
from .outage import Outage
from .wire import life_of, packed, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .errors import Command, Trouble, Word

#: So many commands, or keys of one command, are sent together.
TOGETHER = 1000

_SCAN_COUNT = 5000
_WHILE_LOADING = 3.0  # seconds of patience with a server that answers, but never yet what was asked
_FRESH = 0.01  # seconds for which an answer that came along with another is good


class Script:
    """A piece of Lua that the server runs in one step."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest().encode()

    def call(self, keys: Sequence[bytes], arguments: Sequence[Word], in_full: bool = False) -> Command:
        """The command that runs it; `in_full` for a server that does not know it."""
        what: tuple[Word, ...] = ("EVAL", self.source) if in_full else (b"EVALSHA", self.sha)
        return *what, len(keys), *keys, *arguments


class _Change:
    """A change that was put off; `then` gets what its script returns. It stores so many bytes."""

    __slots__ = ("command", "script", "words", "then", "size")
    command: bytes

    def __init__(
        self, script: Script, words: tuple[Sequence[bytes], Sequence[bytes]], then: Callable[[Any], object], size: int
    ) -> None:
        self.script = script
        self.words = words
        self.then = then
        self.size = size
        self.command = packed([self.call])[0]

    @property
    def call(self) -> Command:
        return self.script.call(*self.words)

    def in_full(self) -> None:
        """The server does not know the script."""
        self.command = packed([self.script.call(*self.words, in_full=True)])[0]


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
        self._aside: dict[bytes, Any] = {}
        self._asked = 0.0
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
        self._be_here()
        with self._turn:
            self._aside.clear()
            try:
                return self._insist(commands, owed)
            except StoreError as error:
                size = sum(change.size for change in self._put_off)
                if not size:
                    raise
                raise _lost(error, size) from error

    def run(self, script: Script, keys: Sequence[bytes], *arguments: Word, owed: bool = False) -> Any:
        """What `script` returns."""
        return self.run_all(script, [(keys, arguments)], owed)[0]

    def run_all(
        self, script: Script, calls: Sequence[tuple[Sequence[bytes], Sequence[Word]]], owed: bool = False
    ) -> list[Any]:
        """What `script` returns for each of the keys and arguments, which travel together."""
        replies = self.ask_all([script.call(*call) for call in calls], owed)
        if any(map(is_unknown_script, replies)):  # the server is new, or was restarted
            replies = self.ask_all([script.call(*call, in_full=True) for call in calls], owed)
        return replies

    def put_off(
        self, script: Script, keys: Sequence[bytes], *arguments: bytes, then: Callable[[Any], object], size: int = 0
    ) -> bytes:
        """Have `script` run before the next question is answered; it is owed, and stores so many bytes.

        Then `then` is called with what it returns. Returns the command, as it is sent.
        """
        self._be_here()
        self._aside = {}
        change = _Change(script, (keys, arguments), then, size)
        self._put_off.append(change)
        return change.command

    def catch_up(self) -> None:
        """Have the changes made that were put off."""
        self._be_here()
        if self._put_off:
            self.ask_all([])

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

    @contextmanager
    def worth(self, size: int) -> Iterator[None]:
        """So many bytes are to be stored; if they cannot be, they are lost, and the error says so."""
        try:
            yield
        except StoreError as error:
            lost = _lost(error, size)
            self._gave_up = self._gave_up and str(lost)
            raise lost from error

    def set_aside(self, answers: dict[bytes, Any]) -> None:
        """Remember what the last question also told; good for one :meth:`recall` of each key, now."""
        self._aside = answers
        self._asked = time.monotonic()

    def recall(self, key: bytes) -> Any:
        """What was set aside under `key` since the last question, a moment ago; None if nothing was."""
        answer = self._aside.pop(key, None)
        return None if answer is not None and time.monotonic() - self._asked > _FRESH else answer

    def close(self) -> None:
        """Hang up. (A later question would connect again.)"""
        if self._pid == os.getpid():
            with self._turn:
                self._drop()

    # One question

    def _if_allowed(self, *command: Word) -> Any:
        """The answer, or None if there is none; if the server is away, the next question says so."""
        self.catch_up()
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
        owed = owed or bool(self._put_off)
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
        changes = self._put_off[:]
        try:
            replies = self._exchange([*(change.command for change in changes), *commands])
        except Exception as error:
            self._drop()
            if not is_trouble(error):
                raise
            return [], trouble_of(error, self.address)
        except BaseException:
            self._drop()  # an answer may still be on its way
            raise
        if changes and not self._are_made(changes, replies):
            return self._try(commands)
        for number, reply in enumerate(replies):
            if isinstance(reply, Exception) and not is_unknown_script(reply):
                return [], trouble_of(reply, self.address, [*(change.call for change in changes), *commands][number])
        return replies[len(changes) :], None

    def _are_made(self, changes: Sequence[_Change], replies: Sequence[Any]) -> bool:
        """Settle the changes to which there is an answer; False if the server does not know the script of one.

        Each may depend on those before: what comes after one that was not made is made again.
        """
        are_known = is_settled = True
        for change, reply in zip(changes, replies, strict=False):
            if is_unknown_script(reply):
                change.in_full()
                are_known = False
            is_settled = is_settled and not isinstance(reply, Exception)
            if is_settled:
                self._put_off.remove(change)
                change.then(reply)
        return are_known

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connected()
        connection.send_packed_command(packed(commands), check_health=False)
        return [read(connection) for _ in commands]

    def _connected(self) -> Any:
        connection = self.address.new_connection(self._met)
        try:
            connection.connect()
            self._life = life_of(connection)
        except Exception as error:
            connection.disconnect()
            if is_trouble(error):
                raise
            raise (self.address.unusable(error) or error) from None
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _be_here(self) -> None:
        """Begin anew in a process made by fork: the connection is its parent's, and so is what was put off."""
        if self._pid != os.getpid():
            self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._connection = None
        self._put_off: list[_Change] = []


def _lost(error: StoreError, size: int) -> StoreError:
    """The error, once more, for somebody who had so many bytes to store."""
    return StoreError(f"{error}; what was to be stored is lost ({number_of(size, 'byte')})")
