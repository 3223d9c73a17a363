"""What is answered: the page, its parts, and the status as JSON and as text. Nothing can be changed from here."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from jug.backends.base import as_name

from .people import as_record
from .token import REFUSAL as NO_TOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .board import Board
    from .hosts import Hosts
    from .snapshot import Snapshot
    from .token import Token

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Everything comes from here, and nothing is written into the page but what its own files say.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
]
_PATIENCE = 5.0  # seconds: after that, an old snapshot is better than none
_REFUSAL = (
    "This server does not answer to the name in the request's Host header. If it is a name of the machine that "
    "'jug webstatus' runs on, allow it with --host-names.\n"
)


def application(board: Board, hosts: Hosts, token: Token | None = None) -> ASGIApp:
    """The web application that shows what is on the board, to those who have the token if there is one."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    pages = Pages(board)
    routes = [
        Route("/status.json", pages.status_json),
        Route("/status.txt", pages.status_text),
        Route("/failures/{task}.json", pages.failure_json),
    ]
    for path in sorted(_STATIC.iterdir()):
        if path.suffix in _TYPES:
            url = "/" if path.name == "index.html" else f"/{path.name}"
            routes.append(Route(url, _static(path)))
    app: Starlette = Starlette(routes=routes, exception_handlers={404: _in_one_line, 405: _in_one_line})
    return Guard(app, hosts, token)


class Pages:
    """What changes: the answers made from snapshots."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def status_json(self, request: Request) -> Response:
        snapshot = await self._fresh()
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        body = snapshot.compressed if is_packed else snapshot.body
        headers = {"age": str(round(self._board.age())), **({"content-encoding": "gzip"} if is_packed else {})}
        return answer(request, body, "application/json", snapshot.etag, headers)

    async def status_text(self, request: Request) -> Response:
        snapshot = await self._fresh()
        return answer(request, snapshot.text, "text/plain; charset=utf-8", snapshot.etag)

    async def failure_json(self, request: Request) -> Response:
        """The whole record of one failure."""
        from starlette.responses import JSONResponse, PlainTextResponse

        task = request.path_params["task"]
        snapshot = self._board.snapshot or await self._fresh()
        record = snapshot.records.get(as_name(task)) if task.isascii() else None
        if record is None:
            return PlainTextResponse("There is no record of a failure of this task.\n", 404)
        return JSONResponse({"task": task, **as_record(record)})

    async def _fresh(self) -> Snapshot:
        asked = asyncio.wrap_future(self._board.ask())
        if self._board.snapshot is None:
            return await asked
        # (wait, unlike wait_for, leaves what others wait for as it is when the time is over)
        await asyncio.wait([asked], timeout=_PATIENCE)
        return asked.result() if asked.done() else self._board.snapshot


def answer(
    request: Request, body: bytes, media_type: str, etag: str, headers: dict[str, str] | None = None
) -> Response:
    """The body, unless whoever asks has it already."""
    from starlette.responses import Response

    headers = {"etag": etag, **(headers or {})}
    if etag in request.headers.get("if-none-match", ""):
        headers.pop("content-encoding", None)
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _static(path: Path) -> Any:
    body, media_type = path.read_bytes(), _TYPES[path.suffix]
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'

    async def static(request: Request) -> Response:
        return answer(request, body, media_type, etag)

    return static


async def _in_one_line(request: Request, error: Any) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


class Guard:
    """Refuses requests to other names than ours, and without the token if one is needed.

    It tells browsers to be strict with what we send.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, token: Token | None) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if scope["type"] != "http":
            return
        await (self._instead(scope) or self._app)(scope, receive, send_with_headers)

    def _instead(self, scope: Scope) -> Response | None:
        """What is answered in place of what was asked for."""
        from starlette.responses import PlainTextResponse

        names = [value for name, value in scope["headers"] if name == b"host"]
        if len(names) != 1 or not self._hosts.allow(names[0].decode("latin-1")):
            return PlainTextResponse(_REFUSAL, 400)
        if self._token is None:
            return None
        if not self._token.admits(scope):
            return PlainTextResponse(NO_TOKEN, 403)
        return self._token.welcome() if self._token.is_first_visit(scope) else None
