"""Which connections are kept, and for how long: somebody who only connects must not keep others from being answered.

Whoever can reach the address needs no token to connect. So a request must come within seconds, as a whole, and its
answer be read within some more; and where there are too many connections, a new one takes the place of the one that
has kept us waiting for the longest time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any

_MOST = 500
_READING = ("IDLE", "SEND_BODY")  # what h11 says of somebody who has not sent a whole request


class Limits:
    """How much is borne.

    Attributes
    ----------
    most : int
        Connections at the same time; by default, at most half of the files that this process may have open.
    to_ask, to_read : float
        Seconds for a whole request, from the connection or the last answer on, and for reading the answer.
    idle : float
        Seconds that a connection is kept after an answer while nothing comes.
    """

    def __init__(self, most: int = 0, to_ask: float = 10.0, to_read: float = 120.0, idle: float = 5.0) -> None:
        self.most = most or min(_MOST, _open_files() // 2)
        self.to_ask = to_ask
        self.to_read = to_read
        self.idle = idle


def _open_files() -> int:
    try:
        import resource
    except ImportError:
        return 2 * _MOST
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft if soft > 0 else 2 * _MOST  # or as many as one likes


class Connections:
    """Those that there are, each with a time at which it ends unless it gets on: by waiting for a request, or by
    answering one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[Any, asyncio.TimerHandle] = {}  # the one that we wait for for the longest time first
        self._answering: dict[Any, asyncio.TimerHandle] = {}

    def wait_for(self, connection: Any) -> None:
        """A request is to come."""
        self.forget(connection)
        self._waiting[connection] = connection.loop.call_later(self._limits.to_ask, self.end, connection)

    def answer(self, connection: Any) -> None:
        """It has come."""
        self.forget(connection)
        self._answering[connection] = connection.loop.call_later(self._limits.to_read, self.end, connection)

    def is_waiting(self, connection: Any) -> bool:
        return connection in self._waiting

    def make_room(self) -> None:
        """After a new one: if it is one too many, one goes; the new one, if all others are being answered."""
        if len(self._waiting) + len(self._answering) > self._limits.most:
            self.end(next(iter(self._waiting)))

    def end(self, connection: Any) -> None:
        self.forget(connection)
        connection.transport.abort()  # what is still to be sent would not be read

    def forget(self, connection: Any) -> None:
        """It has ended, or is to be in the other state."""
        for timers in (self._waiting, self._answering):
            if connection in timers:
                timers.pop(connection).cancel()


class Limited:
    """What the protocol of uvicorn does besides for one of the connections; `kept` are all of them."""

    kept: Connections
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    conn: Any  # of h11
    cycle: Any
    _has_unread = False  # much of an answer has been sent, and not been read

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)  # type: ignore[misc]  # here and below: of the class beside this one
        self.kept.wait_for(self)
        self.kept.make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)  # type: ignore[misc]
        self._look()

    def on_response_complete(self) -> None:
        self._expect_more()
        super().on_response_complete()  # type: ignore[misc]  # goes on with a request that has come meanwhile
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self._has_unread = True

    def resume_writing(self) -> None:
        super().resume_writing()  # type: ignore[misc]
        self._has_unread = False
        if self.cycle.response_complete:
            self._expect_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self.kept.forget(self)
        super().connection_lost(exc)  # type: ignore[misc]

    def _look(self) -> None:
        """Notice that a whole request has come."""
        if self.kept.is_waiting(self) and repr(self.conn.their_state) not in _READING:
            self.kept.answer(self)

    def _expect_more(self) -> None:
        if not (self._has_unread or self.transport.is_closing()):  # otherwise the rest is still to be read
            self.kept.wait_for(self)


def limited(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol of uvicorn, with these limits."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return type("LimitedProtocol", (Limited, H11Protocol), {"kept": Connections(limits)})


def without_flood(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For errors that nobody handles: that a connection cannot be accepted is none, and comes by the thousand.

    (There are no open files left, for instance; asyncio tries again after a second.)
    """
    if not (isinstance(context.get("exception"), OSError) and "accept" in str(context.get("message"))):
        loop.default_exception_handler(context)
