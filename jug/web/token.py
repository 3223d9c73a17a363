"""Who may see the status where other machines can ask for it: those who have the token that was printed at the start.

A browser brings it once, in the address, and then as a cookie; a script sends it with each request. It is as secret as
the network is: nothing here is encrypted.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qsl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response
    from starlette.types import Scope

REFUSAL = (
    "This needs the token that 'jug webstatus' printed when it was started: open the whole address that it printed, "
    "or send the header 'Authorization: Bearer TOKEN'.\n"
)
# Not a redirect of HTTP: after a click on a page of another site, a strict cookie would not be sent along with it.
_GO_ON = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>jug</title>'
    '<meta http-equiv="refresh" content="0; url=./"></head><body><a href="./">To the status</a></body></html>\n'
)
_BYTES = 24


class Token:
    """A secret word for the server on `port`; a new one unless it is given."""

    def __init__(self, port: int, word: str = "") -> None:
        self.word = word or secrets.token_urlsafe(_BYTES)
        # Browsers send the cookies of one port to all ports of a machine, and there may be several of us.
        self._cookie = f"jug-{port}".encode()

    @property
    def query(self) -> str:
        """What is added to the address."""
        return f"?token={self.word}"

    def admits(self, scope: Scope) -> bool:
        """Whether the request brings the token, in whatever way."""
        return self._is_in(_in_address(scope)) or self._is_in(_in_header(scope)) or self._is_in(self._in_cookie(scope))

    def is_first_visit(self, scope: Scope) -> bool:
        """Whether somebody opens the page by the address with the token."""
        return scope["path"] == "/" and self._is_in(_in_address(scope))

    def welcome(self) -> Response:
        """Has the browser remember the token, and go on to the address without it."""
        from starlette.responses import HTMLResponse

        cookie = f"{self._cookie.decode()}={self.word}; Path=/; HttpOnly; SameSite=Strict"
        return HTMLResponse(_GO_ON, headers={"set-cookie": cookie, "cache-control": "no-store"})

    def _is_in(self, given: Iterator[bytes]) -> bool:
        return any(hmac.compare_digest(word, self.word.encode()) for word in given)

    def _in_cookie(self, scope: Scope) -> Iterator[bytes]:
        for text in _headers(scope, b"cookie"):
            for cookie in text.split(b";"):
                name, _, value = cookie.strip().partition(b"=")
                if name == self._cookie:
                    yield value


def _in_address(scope: Scope) -> Iterator[bytes]:
    query = scope["query_string"].decode("latin-1")
    try:
        fields = parse_qsl(query, max_num_fields=20)
    except ValueError:
        return
    for name, value in fields:
        if name == "token":
            yield value.encode("utf-8", "replace")


def _in_header(scope: Scope) -> Iterator[bytes]:
    for text in _headers(scope, b"authorization"):
        kind, _, value = text.partition(b" ")
        if kind.lower() == b"bearer":
            yield value.strip()


def _headers(scope: Scope, name: bytes) -> Iterator[bytes]:
    return (value for key, value in scope["headers"] if key == name)
