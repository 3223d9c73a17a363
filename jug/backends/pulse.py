"""Signs of life for the locks that this process holds, given by a small process of its own.

A thread would not do: it stands still while a task computes in C without letting Python run. The small process ends
with the one that started it, however that ends, and works on open files: when a lock was taken over by another
worker, it is not this one that gets refreshed.
"""

from __future__ import annotations

import sys
import threading
import weakref

from ..errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

    from .fsops import FileSystem

#: Seconds between two signs of life.
BEAT = 60.0

# Reads lines of "+" or "-" and the path of a lock in hexadecimal, and answers each with a full stop.
_PROGRAM = """
import os, select, sys, time
parent, beat = int(sys.argv[1]), float(sys.argv[2])
held, text, due = {}, b"", time.monotonic() + beat
while os.getppid() == parent:
    ready, _, _ = select.select([0], [], [], max(0, due - time.monotonic()))
    if time.monotonic() >= due:
        for fd in held.values():
            try:
                os.utime(fd)
            except OSError:
                pass
        due = time.monotonic() + beat
    if not ready:
        continue
    data = os.read(0, 65536)
    if not data:
        break
    *lines, text = (text + data).split(b"\\n")
    for line in lines:
        path = bytes.fromhex(line[1:].decode())
        if path in held:
            os.close(held.pop(path))
        if line[:1] == b"+":
            try:
                held[path] = os.open(path, os.O_RDONLY)
            except OSError:
                pass
        os.write(1, b".")
"""


class Pulse:
    """Keeps the locks alive that it is told of; there is no process before there is a lock."""

    def __init__(self, fs: FileSystem, beat: float = BEAT) -> None:
        self._fs = fs
        self._beat = beat
        self._held: set[str] = set()
        self._owner = 0
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Pulse] | None = None

    def start(self, path: str) -> None:
        """Keep the lock at `path` alive from now on."""
        with self._turn:
            self._settle()
            self._held.add(path)
            try:
                self._tell("+", path)
            except BaseException:
                self._held.discard(path)
                raise

    def stop(self, path: str) -> None:
        """Let it be: when this returns, there will be no more signs of life."""
        with self._turn:
            self._settle()
            if path in self._held:
                self._held.discard(path)
                self._tell("-", path)

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._settle()
            self._stop()

    def _stop(self) -> None:
        self._held.clear()
        if self._end is not None:
            self._end()
        self._process = self._end = None

    def _settle(self) -> None:
        # After a fork, process and locks are the parent's.
        if self._owner != self._fs.pid():
            self._owner = self._fs.pid()
            self._held.clear()
            if self._end is not None:
                self._end.detach()
            self._process = self._end = None

    def _tell(self, what: str, path: str) -> None:
        if self._process is None or not _ask(self._process, what, path):
            self._restart()

    def _restart(self) -> None:
        """Start the process, the first time or because it was killed."""
        held = self._held.copy()
        self._stop()
        if not held:
            return
        self._held = held
        try:
            process = self._process = _started(self._fs.pid(), self._beat)
        except OSError as error:
            raise StoreError(f"Cannot start the process that keeps locks alive: {error}") from error
        self._end = weakref.finalize(self, _finish, process)
        if not all(_ask(process, "+", path) for path in held):
            raise StoreError(f"The process that keeps locks alive ended with status {process.wait()}")


def _started(parent: int, beat: float) -> subprocess.Popen[bytes]:
    import subprocess

    # In a session of its own: Ctrl-C is not meant for it.
    return subprocess.Popen(
        [sys.executable or "python3", "-I", "-S", "-c", _PROGRAM, str(parent), str(beat)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def _ask(process: subprocess.Popen[bytes], what: str, path: str) -> bool:
    """False if the process is not there any more."""
    assert process.stdin is not None and process.stdout is not None
    line = f"{what}{path.encode(sys.getfilesystemencoding(), 'surrogateescape').hex()}\n"
    try:
        process.stdin.write(line.encode())
    except OSError:
        return False
    return process.stdout.read(1) == b"."


def _finish(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    try:
        process.wait(timeout=5)
    except Exception:  # noqa: BLE001  (it hangs on a dead file server; nothing that this process does depends on it)
        process.kill()
