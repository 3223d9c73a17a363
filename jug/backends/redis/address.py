"""What a user writes to name a Redis store, and what may be shown of it.

Every URL of ``redis.from_url`` is taken (``redis://``, ``rediss://``, ``unix://``, with user, password, database and
options), and besides: ``redis:`` alone for the defaults, ``redis+unix://`` for ``unix://``, and the options
``patience=SECONDS``: how long a worker waits for a server that went away, and ``lease=SECONDS``: how long one may give
no sign of life before it counts as gone. A mistake is a UsageError of one sentence. Nothing that could be a password is
ever part of a message.
"""

from __future__ import annotations

from urllib.parse import unquote

from jug.errors import UsageError
from jug.words.plain import plain_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds that a worker waits for a server that it has met before.
PATIENCE = 600.0
#: Seconds without a sign of life after which the locks of a worker are taken over.
LEASE = 60.0

_OURS = {"patience": PATIENCE, "lease": LEASE}
_LEAST = {"patience": 0.0, "lease": 1.0}
_SECONDS_TO_CONNECT = 5
_SECONDS_TO_ANSWER = {False: 5, True: 30}  # by whether the server has been reached before
_FORMS = "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss://... (TLS) or unix:///PATH/OF/SOCKET[?db=NUMBER]"


class Address:
    """Where a server is and how to talk to it.

    Attributes
    ----------
    url : str
        As the redis package takes it.
    place : str
        What may be said about it: ``host:port`` or the path of a socket.
    database : int
    has_password : bool
    patience, lease : float
    """

    def __init__(self, uri: str) -> None:
        self._shown = masked(uri)
        self.url, ours = self._prepared(uri)
        self.patience, self.lease = ours["patience"], ours["lease"]
        options = self._connection(False)[0]
        self.has_password = bool(options.get("password"))
        self.database = int(options.get("db") or 0)
        self.place: str = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"

    def new_connection(self, known: bool) -> Any:
        """A connection of the redis package, not yet open; more patient with a server that is known to be there."""
        return self._connection(known)[1]

    def unusable(self, error: Exception) -> UsageError | None:
        """What is wrong with the URL if the redis package fails by `error`, which no server is the reason of.

        None if it has no options: then it is a mistake of ours.
        """
        options = [option.partition("=")[::2] for option in self.url.partition("?")[2].split("&")]
        names = [repr(name) for name, _ in options if name]
        if not names:
            return None
        which = f"the option {names[0]}" if len(names) == 1 else f"one of the options {', '.join(names)}"
        said = plain_line(str(error)) or type(error).__name__
        # Words of the redis package, which may repeat the value of an option.
        is_secret = any(value and unquote(value) in said for name, value in options if "password" in name)
        return self._mistake(f"{which} has a value that cannot be used" + ("" if is_secret else f" ({said})"))

    def _connection(self, known: bool) -> tuple[dict[str, Any], Any]:
        """With which options connections are made; and one of them. (There may be no second one of the same pool.)"""
        redis = _package()
        options: dict[str, Any] = {"socket_timeout": _SECONDS_TO_ANSWER[known], "retry": _never_again()}
        if not self.url.startswith("unix:"):
            options.update(socket_connect_timeout=_SECONDS_TO_CONNECT, socket_keepalive=True)
        try:
            pool = redis.ConnectionPool.from_url(self.url, **options)
            pool.connection_kwargs["decode_responses"] = False  # results are bytes, whatever the URL says
            return pool.connection_kwargs, pool.make_connection()  # which knows which options there are
        except TypeError as error:
            if "unexpected keyword argument" not in str(error):
                raise (self.unusable(error) or error) from None
            raise self._mistake(f"unknown option {_last_quoted(error)!r}") from None
        except ValueError as error:
            raise self._mistake(_explained(error)) from None
        except redis.RedisError as error:  # such as TLS in a Python without ssl
            raise self._mistake(str(error)) from None
        except (AttributeError, LookupError) as error:
            raise (self.unusable(error) or error) from None

    def _prepared(self, uri: str) -> tuple[str, dict[str, float]]:
        """The URL as the redis package takes it, and our own options."""
        scheme, _, rest = uri.partition(":")
        scheme = "unix" if scheme == "redis+unix" else scheme
        if not rest and scheme == "redis":
            rest = "//"
        if not rest.startswith("//"):
            raise self._mistake(f"a Redis store is {_FORMS}")
        url, question, query = rest.partition("?")
        _, slash, database = url[2:].rpartition("@")[2].partition("/")
        if scheme == "unix" and not (slash and database):
            raise self._mistake("there is no path of a socket (unix:///PATH/OF/SOCKET)")
        if scheme != "unix" and database.strip("0123456789"):
            raise self._mistake(f"{database!r} is not the number of a database")
        options = [option.partition("=")[::2] for option in query.split("&")] if question else []
        kept = [f"{name}={value}" for name, value in options if name not in _OURS]
        ours = {name: self._seconds(name, value) for name, value in options if name in _OURS}
        return f"{scheme}:{url}" + ("?" + "&".join(kept) if kept else ""), {**_OURS, **ours}

    def _seconds(self, name: str, value: str) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1
        if not _LEAST[name] <= seconds < float("inf"):
            least = f" of at least {_LEAST[name]:g}" if _LEAST[name] else ""
            raise self._mistake(f"{name}={value!r} is not a number of seconds{least}")
        return seconds

    def _mistake(self, what: str) -> UsageError:
        return UsageError(f"Cannot use the jugdir {self._shown!r}: {what}")


def masked(uri: str) -> str:
    """The URI without what could be a password: in front of an ``@``, or among options."""
    scheme, slashes, rest = uri.partition("://")
    if not slashes:
        return uri
    _, at, rest = rest.rpartition("@")
    rest = rest.partition("?")[0] + "?..." if "?" in rest else rest
    return scheme + slashes + ("...@" if at else "") + rest


def _package() -> Any:
    try:
        import redis
    except ImportError:
        raise UsageError(
            "a Redis store needs the package redis, which is not installed: pip install 'jug[redis]'"
        ) from None
    return redis


def _never_again() -> Any:
    """What tells the redis package to leave it to us to try again."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Retry(NoBackoff(), 0)


def _last_quoted(error: Exception) -> str:
    return str(error).rpartition("'")[0].rpartition("'")[2]


def _explained(error: ValueError) -> str:
    text = str(error)
    if "Port" in text or "port" in text:  # the original text repeats a piece of the URL, perhaps of the password
        return "the port is not a number (in a password, '/', '@', '?' and '#' are %2F, %40, %3F and %23)"
    return f"{text[:1].lower()}{text[1:].rstrip('.')}"
