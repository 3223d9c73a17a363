"""By which names this server may be called.

A page of another site cannot read what we serve, unless it has its own name point to this machine (DNS rebinding): the
browser then asks us, in that name. So only names that are certainly ours are answered. An address cannot be rebound.
"""

from __future__ import annotations

from ipaddress import ip_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LOCAL = ("localhost", "127.0.0.1", "::1")


class Hosts:
    """The names that are answered.

    Parameters
    ----------
    names : iterable of str
        Besides the local ones.
    all_addresses : bool
        Whether any address will do, as it must where the server can be reached by several.
    """

    def __init__(self, names: Iterable[str] = (), all_addresses: bool = False) -> None:
        self._names = frozenset(name.lower().rstrip(".") for name in (*LOCAL, *names) if name)
        self._all_addresses = all_addresses

    def allow(self, header: str) -> bool:
        """Whether a request with this Host header is to be answered."""
        name = host_in(header)
        return name in self._names or (self._all_addresses and is_address(name))


def host_in(header: str) -> str:
    """The name in a Host header: without port, brackets and final dot, in lower case; '' if there is none."""
    if header.startswith("["):
        name, bracket, port = header[1:].partition("]")
        is_whole = bool(bracket) and (not port or port[:1] == ":")
    else:
        name, _, port = header.partition(":")
        is_whole = True
    is_whole = is_whole and not port.lstrip(":").strip("0123456789")
    return name.lower().removesuffix(".") if is_whole else ""


def is_address(name: str) -> bool:
    """True for an IP address, false for a name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
