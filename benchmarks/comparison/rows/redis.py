"""First runs on a Redis server, which is started for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..bench import Bench
from ..environments import Program
from ..figures import ORIGINAL, OURS, Figure, Result, at_least
from ..process import LeftOutError

_SECONDS = 30  # until the server answers


def two_workers(bench: Bench, tasks: int) -> Result:
    """Two workers on the same machine as the server, which keeps nothing on a disk."""
    with _server() as port:

        def measure(program: Program) -> float:
            _ask(port, b"FLUSHALL\r\n")
            url = f"redis://127.0.0.1:{port}/"
            seconds = bench.runner.together([bench.shape(program, "execute", url, "independent", tasks)] * 2)
            bench.runner.run(bench.shape(program, "check", url, "independent", tasks))
            return seconds

        seconds = bench.alternate({program.name: lambda program=program: measure(program) for program in bench.both})
    what = f"first run of {tasks:,} tasks on Redis, 2 workers"
    return Result([Figure(what, "s", seconds[OURS], seconds[ORIGINAL], f"{ORIGINAL}, 2 workers", at_least(4))])


@contextmanager
def _server() -> Iterator[int]:
    """The port of a server of our own."""
    program = shutil.which("redis-server")
    if program is None:
        raise LeftOutError("redis-server is not installed")
    port = _free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def _wait_for(port: int) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            _ask(port, b"PING\r\n")
            return
        except OSError:
            time.sleep(0.05)
    raise LeftOutError("redis-server does not answer")


def _ask(port: int, command: bytes) -> None:
    """Send one command, and wait for its short answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as line:
        line.sendall(command)
        line.recv(100)
