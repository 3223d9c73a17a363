"""A real Redis server for tests: on a free port of this machine, with a directory and a socket of its own."""

import atexit
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from debian import program

SECONDS = 30


class RedisServer:
    """A server that :meth:`start` starts, with more lines for its configuration; it does not outlive the tests."""

    def __init__(self, *arguments, tls=None):
        self.program = program("redis-server", "redis-server")
        self.redis = pytest.importorskip("redis", reason="the package redis is not installed")
        # A short path: that of a socket has at most some hundred characters.
        self.directory = Path(tempfile.mkdtemp(prefix="jug-redis-"))
        self.socket = self.directory / "socket"
        self.arguments = arguments
        self.tls = tls
        self.process = None
        self.port = None
        atexit.register(self.close)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"unix://{self.socket}"

    def start(self):
        """Start it, on the port that it had before if there was one; returns when it answers."""
        for _ in range(10):
            self.port = self.port or free_port()
            if self._start_once():
                return self
            self.port = None  # somebody else was faster
        raise AssertionError("redis-server does not start:\n" + self.log.read_text())

    @property
    def log(self):
        return self.directory / "log"

    def _start_once(self):
        ports = ["--port", "0", "--tls-port", str(self.port)] if self.tls else ["--port", str(self.port)]
        where = ["--dir", str(self.directory), "--unixsocket", str(self.socket), "--logfile", str(self.log)]
        self.process = subprocess.Popen(
            [self.program, *ports, "--bind", "127.0.0.1", *where, *(self.tls or ()), *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            if self._answers():
                return True
            time.sleep(0.01)
        raise AssertionError("redis-server does not answer:\n" + self.log.read_text())

    def _answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(100).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))
        except OSError:
            return False

    def client(self, **options):
        """A client of the redis package, to look at the server from outside of jug."""
        return self.redis.Redis(unix_socket_path=str(self.socket), **options)

    def ask(self, *command, **options):
        """The answer to one command from outside."""
        client = self.client(**options)
        try:
            return client.execute_command(*command)
        finally:
            client.close()

    def stop(self):
        """Have it save its data (if it is so configured) and end."""
        self.process.terminate()
        self.process.wait(SECONDS)

    def kill(self):
        """End it without a chance to save anything."""
        self.process.kill()
        self.process.wait(SECONDS)

    def close(self):
        """Remove the server and everything that it kept."""
        atexit.unregister(self.close)
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port():
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


_shared = []


def shared_server():
    """The server of this process of tests, with nothing on it."""
    if not _shared:
        _shared.append(RedisServer().start())
    _shared[0].ask("FLUSHALL")
    return _shared[0]
