"""The helper of a worker that holds locks on a Redis server: a process of its own, run from this file.

A thread would not do: it stands still while a task computes in C without letting Python run. The helper

* shows that the worker lives: it renews the key ``worker:<id>`` every so many seconds, and writes it anew, together
  with what is known of the worker, if the server has forgotten it. Not while the worker is stopped (SIGSTOP, Ctrl-Z),
  so that one that is stopped for longer than its lease loses its locks like one that is gone;
* looks at what the worker has ahead of its tasks (:mod:`jug.backends.redis.prefetch.lock_prefetch`), in memory that
they share: results
  that wait are stored, and locks that no task was begun with given back, if the worker does not come to it;
* ends when the worker does, however that was. If the worker did not take its leave, the helper gives its locks back,
  so that others go on at once; a server that is away at that moment is waited for, for as long as the lease.

It is told what it has to know (passwords included, which are nobody's business) in the first line of its standard
input, and in the second what the server is to know of the worker; the rest is silence, or ``bye``. Nothing of jug is
imported here, and the package redis not before there is something to say to the server: what a short task pays is the
start of a bare Python.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import time
from mmap import PROT_READ, mmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    Tokens = Collection[tuple[bytes, bytes]]

LOCK, HOLDER, WORKER, WORKERS = b"lock:", b"holder:", b"worker:", b"jug:workers"

#: Compare and delete: the lock, if it is that of the token ARGV[1] and has not failed. If there is a third key, the
#: sign of life of its holder, then only while that is missing.
GIVE_BACK = """\
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('GET', KEYS[1]) == 'F' then
    return 0
end
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then
    return 0
end
redis.call('DEL', KEYS[2])
return redis.call('DEL', KEYS[1])
"""
#: Forget the worker ARGV[1]; if ARGV[2] is not empty, only while its sign of life is missing.
LEAVE = """\
if ARGV[2] ~= '' and redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
end
redis.call('DEL', KEYS[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
"""

# The memory that the worker writes and its helper reads, each at its place: how many changes there were, the size of
# the text on locks, and that of the commands that wait; for each lock whether a task was begun with it; the text, a
# line with name and token for each lock; the commands, all of them EVALSHA. (Each number is written at once, so that
# they make sense wherever the worker is killed.)
NOTES = struct.Struct("QII")
_COMMAND = b"\r\n$7\r\nEVALSHA\r\n"
USED_AT, LOCKS_AT, RESULTS_AT = 64, 128, 16384
SIZE_OF_NOTES = RESULTS_AT + (1 << 20)
#: Seconds in which nothing has changed there, after which the helper does it.
OVERDUE = 1.0

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU")
_TOGETHER = 1000
_SCAN_COUNT = 5000
_SECONDS_TO_ANSWER = 3
_AGAIN = 1.0  # seconds after which what did not work is tried again
_SOON = 0.2


def worker_of(token: bytes) -> bytes:
    """The worker whose token this is; empty if it is no token."""
    worker, _, number = token.rpartition(b":")[2].partition(b"-")
    return worker if number.isdigit() and worker and not worker.strip(b"0123456789abcdef") else b""


def tokens_at(ask: Callable[..., Any], keys: Iterable[bytes]) -> Tokens:
    """The holders `keys` as pairs: the name of the task, and the token."""
    found, wanted = [], list(keys)
    for start in range(0, len(wanted), _TOGETHER):
        some = wanted[start : start + _TOGETHER]
        for key, token in zip(some, ask("MGET", *some), strict=True):
            if token and worker_of(token):
                found.append((key[len(HOLDER) :], token))
    return found


def give_back(ask: Callable[..., Any], worker: bytes, tokens: Tokens, if_silent: bool = False) -> int:
    """Remove those locks that are the worker's, and the worker; returns how many there were. May be repeated.

    With `if_silent`, nothing happens once there is a sign of life of the worker again.
    """
    life = WORKER + worker
    condition = (life,) if if_silent else ()
    removed = 0
    for name, token in tokens:
        if worker_of(token) == worker:
            keys = (LOCK + name, HOLDER + name, *condition)
            removed += ask("EVAL", GIVE_BACK, len(keys), *keys, token)
    ask("EVAL", LEAVE, 2, life, WORKERS, worker, "if silent" if if_silent else "")
    return removed


class Helper:
    """Works until the worker has ended; :meth:`run` is the whole life of it."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._worker: bytes = told["worker"].encode()
        self._lease: float = told["lease"]
        self._life = int(1000 * told["life"])
        self._beat: float = told["beat"]
        self._server = Server(told["url"], told["path"])
        self._parent = Parent(told["pid"])
        self._ahead = Ahead(told["memory"], told["scripts"]) if told["memory"] >= 0 else None
        self._has_restored = False

    def run(self) -> None:
        due = time.monotonic() + self._beat
        while not self._parent.has_ended(min(due - time.monotonic(), OVERDUE)):
            self._works(self._look_ahead)
            if time.monotonic() >= due:
                is_shown = not self._parent.is_stopped() and self._works(self._show)
                due = time.monotonic() + (self._beat if is_shown else _AGAIN)
        # What we restored may have been what the worker, in that very moment, removed.
        if self._has_restored or not self._parent.took_leave:
            end = time.monotonic() + self._lease
            while not self._works(self._clear_up) and time.monotonic() <= end:
                time.sleep(_SOON)

    def _works(self, attempt: Callable[[], None]) -> bool:
        """Make the attempt; False if something went wrong: nobody listens, and it may pass."""
        try:
            attempt()
        except Exception:  # noqa: BLE001  (whatever it is)
            self._server.hang_up()
            return False
        return True

    def _look_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.look(self._server)

    def _store_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.store(self._server)

    def _show(self) -> None:
        """Give a sign of life."""
        ask, life = self._server.ask, WORKER + self._worker
        if not ask("PEXPIRE", life, self._life):  # which a full server does, too
            self._has_restored = True
            ask("HSET", WORKERS, self._worker, self._parent.facts)
            ask("SET", life, "2", "PX", self._life)  # it may have been taken for dead: see redis_worker

    def _clear_up(self) -> None:
        self._works(self._store_ahead)  # or not: a server that is full can give locks back
        tokens = tokens_at(self._server.ask, self._server.keys(HOLDER + b"*"))
        give_back(self._server.ask, self._worker, tokens)


class Ahead:
    """What the worker has ahead of its tasks, in the memory `fd`; `scripts` are those of its commands."""

    def __init__(self, fd: int, scripts: list[str]) -> None:
        self._memory = mmap(fd, SIZE_OF_NOTES, prot=PROT_READ)
        self._scripts = scripts
        self._seen = self._done = NOTES.unpack(bytes(NOTES.size))  # nothing yet
        self._due = time.monotonic() + OVERDUE

    def _notes(self) -> tuple[Any, ...]:
        return NOTES.unpack_from(self._memory, 0)

    def look(self, server: Server) -> None:
        """Do what is overdue, if the worker has changed nothing since the last look."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + OVERDUE
        notes = self._notes()
        if notes == self._seen and notes != self._done:
            self._give_back(server, notes)
            self.store(server)
            self._done = notes
        self._seen = notes

    def store(self, server: Server) -> None:
        """Store the results that wait; it does no harm if the worker does so as well."""
        notes = self._notes()
        data = self._memory[RESULTS_AT : RESULTS_AT + notes[2]]
        if data and notes == self._notes():
            for script in self._scripts:  # a server that was started anew does not know them
                server.ask("SCRIPT", "LOAD", script)
            server.send(data, data.count(_COMMAND))

    def _give_back(self, server: Server, notes: tuple[Any, ...]) -> None:
        lines = self._memory[LOCKS_AT : LOCKS_AT + notes[1]].split(b"\n")[:-1]
        used = self._memory[USED_AT : USED_AT + len(lines)]
        for line, is_used in zip(lines, used, strict=True) if notes == self._notes() else ():
            name, token = line.split(b" ", 1)
            if not is_used:
                server.ask("EVAL", GIVE_BACK, 2, LOCK + name, HOLDER + name, token)


class Parent:
    """The worker, seen from its helper.

    Attributes
    ----------
    facts : bytes
        What it said of itself, for the server.
    took_leave : bool
        It has said that it ends, and has cleared up.
    """

    def __init__(self, pid: int) -> None:
        self.facts = b""
        self.took_leave = False
        self._pid = pid
        self._watched = [0]
        try:
            self._watched.append(os.pidfd_open(pid))
        except (AttributeError, OSError):
            pass  # an old system: it is asked every second
        # Processes that a task has forked may keep the other end of our standard input open for longer.
        self._tick = _AGAIN if len(self._watched) == 1 else float("inf")

    def has_ended(self, seconds: float) -> bool:
        """Wait so long for the end of the worker."""
        import select

        end = time.monotonic() + seconds
        while os.getppid() == self._pid:
            left = max(0.0, end - time.monotonic())
            ready = select.select(self._watched, [], [], min(left, self._tick))[0]
            if ready and not (ready[0] == 0 and self._is_told_more()):
                return True
            if not left:
                return False
        self._is_told_more()
        return True

    def _is_told_more(self) -> bool:
        """Whether there is something on the line that is not its end, or the word for it."""
        import select

        if not select.select([0], [], [], 0)[0]:
            return False
        text = os.read(0, 65536)
        self.took_leave = text.endswith(b"bye")
        if text.endswith(b"\n"):
            self.facts = text.strip()
        return bool(text) and not self.took_leave

    def is_stopped(self) -> bool:
        try:
            with open(f"/proc/{self._pid}/stat", "rb") as file:
                return file.read().rpartition(b")")[2].split()[0] in (b"T", b"t")
        except (OSError, IndexError):
            return False


class Server:
    """A connection to the server, made when it is needed. What goes wrong is for others to handle."""

    def __init__(self, url: str, path: list[str]) -> None:
        self._url = url
        self._path = path
        self._connection: Any = None

    def ask(self, *command: Any) -> Any:
        self._connect()
        self._connection.send_command(*command)
        return self._connection.read_response()

    def send(self, data: bytes, commands: int) -> None:
        """Have it run so many commands, which are in `data` as the protocol wants them."""
        self._connect()
        self._connection.send_packed_command([data])
        for _ in range(commands):
            self._connection.read_response()

    def keys(self, pattern: bytes) -> set[bytes]:
        found: set[bytes] = set()
        cursor: Any = 0
        while True:
            cursor, keys = self.ask("SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT)
            found.update(keys)
            if int(cursor) == 0:
                return found

    def hang_up(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.disconnect()
        except Exception:  # noqa: BLE001  (it is of no use any more)
            pass

    def _connect(self) -> None:
        if self._connection is not None:
            return
        sys.path.extend(entry for entry in self._path if entry not in sys.path)
        from redis import ConnectionPool
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options: dict[str, Any] = {"socket_timeout": _SECONDS_TO_ANSWER, "retry": Retry(NoBackoff(), 0)}
        if not self._url.startswith("unix:"):
            options.update(socket_connect_timeout=_SECONDS_TO_ANSWER)
        pool = ConnectionPool.from_url(self._url, **options)
        pool.connection_kwargs["decode_responses"] = False
        connection = pool.make_connection()
        connection.connect()
        self._connection = connection


def _first_line() -> bytes:
    """What the worker tells; empty if it ended before it had told everything. Byte by byte: more lines may follow."""
    text = bytearray()
    while not text.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            return b""
        text += piece
    return bytes(text)


def main() -> None:
    for name in _SIGNALS:  # meant for the worker, which ends by them or does not
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    line = _first_line()
    if line:
        import json

        Helper(json.loads(line)).run()


if __name__ == "__main__":
    main()
