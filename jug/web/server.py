"""Listening: a socket of our own, and a thread that serves it while the main thread looks at the store."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading

from jug.errors import UsageError

from .connections import Limits, limited, without_flood
from .hosts import LOCAL, Hosts, is_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

_HIGHEST_PORT = 65535
_WILDCARDS = ("0.0.0.0", "::")
_SECONDS_TO_END = 3.0
_BACKLOG = 128  # connections that have not been looked at yet


def require_libraries() -> None:
    """Raise UsageError if what the extra `web` installs is not there."""
    try:
        import starlette
        import uvicorn  # noqa: F401
    except ImportError:
        raise UsageError(
            "webstatus needs starlette and uvicorn, which are not installed: pip install 'jug[web]'"
        ) from None
    del starlette


class Address:
    """Where the server listens: bound at once, so that a mistake is told before anything else is done.

    Attributes
    ----------
    socket : socket
    port : int
    is_local : bool
        Whether it can be reached from this machine only.
    """

    def __init__(self, ip: str, port: int) -> None:
        if not 0 <= port <= _HIGHEST_PORT:
            raise UsageError(f"--port {port}: a port is a number from 0 (any that is free) to {_HIGHEST_PORT}")
        if not ip:
            raise UsageError("--ip '': an address or a name of this machine is needed")
        self._ip = ip
        self.socket = _bound(ip, port)
        address = self.socket.getsockname()
        self.port: int = address[1]
        self.is_local = address[0] in LOCAL or address[0].startswith("127.")
        self._is_wildcard = address[0] in _WILDCARDS

    @property
    def url(self) -> str:
        host = socket.gethostname() if self._is_wildcard else self._ip
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def hosts(self, more: Sequence[str] = ()) -> Hosts:
        """The names that requests may be for."""
        names = [self._ip, *more]
        if not self.is_local:
            names += [socket.gethostname(), socket.getfqdn()]
        return Hosts(names, all_addresses=not self.is_local)


def _bound(ip: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(ip, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        kind = "address" if is_address(ip) else "name"
        raise UsageError(f"--ip {ip!r}: there is no such {kind}") from None
    # Where a name has addresses of both kinds, the one that everybody can use.
    family, kind_, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, kind_, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(_why_not(ip, port, error)) from None
    return listener


def _why_not(ip: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port {port}: that port is in use; choose another one, or --port 0 for any that is free"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--ip {ip!r}: this machine has no such address"
    if error.errno == errno.EACCES:
        return f"--port {port}: only root may use this port; choose one from 1024 on"
    return f"cannot listen on {ip!r}, port {port}: {os.strerror(error.errno or 0)}"


class Server:
    """Serves an application in a thread of its own, between :meth:`start` and :meth:`stop`.

    Parameters
    ----------
    app : ASGI application
    listener : socket
    when_it_ends : callable
        Called when it does not serve any more, for whatever reason.
    limits : Limits, optional
        How many may be connected, and for how long.
    """

    def __init__(
        self, app: ASGIApp, listener: socket.socket, when_it_ends: Callable[[], None], limits: Limits | None = None
    ) -> None:
        import uvicorn

        limits = limits or Limits()
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=limited(limits),
            timeout_keep_alive=limits.idle,
            backlog=_BACKLOG,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._when_it_ends = when_it_ends
        self._thread = threading.Thread(target=self._serve, name="jug webstatus", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it now, whoever is connected."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_SECONDS_TO_END)

    def _serve(self) -> None:
        try:
            asyncio.run(self._serve_and_be_quiet())
        finally:
            self._when_it_ends()

    async def _serve_and_be_quiet(self) -> None:
        asyncio.get_running_loop().set_exception_handler(without_flood)
        await self._server.serve(sockets=[self._listener])
