"""Real connections, of those who ask and of those who only keep others waiting."""

import os
import resource
import select
import socket
from contextlib import ExitStack, contextmanager

import pytest
from processes import SECONDS

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from jug.web.connections import Limits
from jug.web.server import Address, Server

FOR_EVER = 10_000.0
ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = 1 << 25


async def app(scope, receive, send):
    """Answers with a word, or with very many."""
    body = b"x" * LONG if scope["path"] == "/long" else b"word"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(**limits):
    """The port of a server that bears what it is told, and everything else for ever."""
    address = Address("localhost", 0)
    unlimited = dict.fromkeys(("to_ask", "to_read", "idle"), FOR_EVER)
    server = Server(app, address.socket, lambda: None, Limits(**{"most": 1000, **unlimited, **limits}))
    with address.socket:
        server.start()
        try:
            yield address.port
        finally:
            server.stop()


def connected(port):
    return socket.create_connection(("localhost", port), timeout=SECONDS)


def is_dropped(connection):
    """Wait until it is; what comes before that is read."""
    try:
        while connection.recv(1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True


def answer_to(connection, request=ASKED):
    """The answer to one request, of which a piece comes."""
    connection.sendall(request)
    text = b""
    while not text.endswith(b"word"):
        piece = connection.recv(1000)
        assert piece, text
        text += piece
    return text


BEGUN = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("beginning", [b"", b"G", BEGUN])
def test_a_request_that_does_not_come_is_not_waited_for(beginning):
    with serving(to_ask=0.3) as port, connected(port) as half_open:
        half_open.sendall(beginning)
        assert is_dropped(half_open)
        with connected(port) as other:
            assert answer_to(other).startswith(b"HTTP/1.1 200")


def test_one_that_comes_in_drops_is_not_waited_for_either():
    dropped = pytest.raises((ConnectionResetError, BrokenPipeError))
    with serving(to_ask=0.5) as port, connected(port) as slow, dropped:
        drip(slow)


def drip(connection):
    """Send a byte now and then, and never a whole request."""
    while True:
        connection.sendall(b"G")
        select.select([connection], [], [], 0.05)


def test_a_body_that_does_not_end_is_not_waited_for():
    with serving(to_ask=0.3) as port, connected(port) as half_open:
        answer_to(half_open, BEGUN.replace(b"GET", b"POST") + b"Content-Length: 9\r\n\r\nx")
        assert is_dropped(half_open)


def test_after_an_answer_the_time_for_the_next_request_begins_anew():
    with serving(to_ask=0.3) as port, connected(port) as kept:
        answer_to(kept)
        answer_to(kept, ASKED * 2)
        kept.sendall(b"GET")
        assert is_dropped(kept)


def test_an_idle_connection_is_dropped():
    with serving(idle=0.2) as port, connected(port) as idle:
        answer_to(idle)
        assert is_dropped(idle)


def read_all_of(reader):
    """How many bytes come."""
    read = 0
    try:
        while piece := reader.recv(1 << 20):
            read += len(piece)
    except ConnectionResetError:
        pass
    return read


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
def test_an_answer_that_nobody_reads_is_given_up(more):
    with serving(to_ask=1.0, to_read=0.2) as port, connected(port) as reader:
        reader.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n")
        assert reader.recv(8) == b"HTTP/1.1"
        with connected(port) as other:
            is_dropped(other)  # which takes longer than the time for reading an answer
        assert read_all_of(reader) < LONG


@pytest.mark.parametrize(("more", "idle"), [(b"", 0.1), (b"Connection: close\r\n", FOR_EVER)])
def test_an_answer_that_takes_its_time_is_read_to_its_end(more, idle):
    with serving(to_ask=0.3, idle=idle) as port, connected(port) as reader:
        reader.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n")
        with connected(port) as other:
            is_dropped(other)  # which takes as long as the time for a request
        assert read_all_of(reader) > LONG


def test_of_too_many_the_one_goes_that_has_waited_for_the_longest_time():
    with serving(most=3) as port, ExitStack() as stack:
        kept, first, second = (stack.enter_context(connected(port)) for _ in range(3))
        answer_to(kept)  # which so is the last one
        third = stack.enter_context(connected(port))
        assert is_dropped(first)
        for connection in (third, kept, second):
            assert answer_to(connection)


def test_a_thousand_half_open_ones_keep_nobody_from_being_answered():
    with serving(most=20) as port, ExitStack() as stack:
        for _ in range(10):
            half_open = [stack.enter_context(connected(port)) for _ in range(100)]
            for each in half_open[-20:]:
                each.sendall(BEGUN)
            with connected(port) as other:
                assert answer_to(other)


def test_when_all_are_being_answered_a_new_one_is_dropped():
    with serving(most=2) as port, ExitStack() as stack:
        readers = [stack.enter_context(connected(port)) for _ in range(2)]
        for reader in readers:
            reader.sendall(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert reader.recv(8) == b"HTTP/1.1"
        assert is_dropped(stack.enter_context(connected(port)))
        assert readers[0].recv(1)


def test_without_open_files_nothing_is_printed_and_it_goes_on(capfd, caplog):
    """What asyncio says of each connection that cannot be accepted would fill a disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving() as port, ExitStack() as stack:
        first = stack.enter_context(connected(port))
        answer_to(first)
        sockets = [stack.enter_context(socket.socket()) for _ in range(20)]
        lowest = os.dup(sockets[0].fileno())
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            for each in sockets:
                each.connect(("127.0.0.1", port))
            assert answer_to(first) and answer_to(first)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        sockets[-1].settimeout(SECONDS)
        assert answer_to(sockets[-1])
    assert (capfd.readouterr().err, caplog.records) == ("", [])


def test_most_are_at_most_half_of_the_files_that_may_be_open(monkeypatch):
    for soft, most in ((1024, 500), (256, 128), (10**6, 500), (-1, 500)):
        monkeypatch.setattr(resource, "getrlimit", lambda which, soft=soft: (soft, -1))
        assert Limits().most == most
