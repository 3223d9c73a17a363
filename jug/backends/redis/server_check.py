"""What a worker says of a server on which results may get lost, or are somewhere else: once, as a warning.

On a server that may throw keys away when it is full, nobody works at all: what it throws away first may be a result
that was reported, or that somebody is at work.
"""

from __future__ import annotations

from jug.errors import StoreError
from jug.words.config import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .connection import Link


def warn_of_eviction(link: Link) -> None:
    """For who only looks."""
    trouble = _eviction(link, link.facts())
    if trouble:
        warn(trouble)


def refuse_eviction(link: Link, facts: dict[str, str] | None = None) -> None:
    """For who works.

    Raises
    ------
    StoreError
        The server may throw results away.
    """
    trouble = _eviction(link, link.facts() if facts is None else facts)
    if trouble:
        raise StoreError(trouble)


def advise(link: Link) -> None:
    """Look at how the server is set up, as far as it tells, and warn a worker that is about to begin, or refuse."""
    facts = link.facts()
    place = link.address.place
    refuse_eviction(link, facts)
    if facts.get("aof_enabled") == "0" and link.setting("save") == "":
        warn(
            f"The Redis server at {place} saves nothing to disk: when it ends, all results are lost "
            "(set appendonly to yes)"
        )
    database = link.address.database
    if database and f"db{database}" not in facts and "db0" in facts and _has_results(link, database):
        warn(
            f"Database {database} of the Redis server at {place} is empty, but there are results in database 0, "
            "which Jug 2.7 used whatever its jugdir said: without the number, the jugdir means that one"
        )


def _eviction(link: Link, facts: dict[str, str]) -> str:
    """Also if only keys that expire are thrown away: workers whose signs of life go would be taken for gone."""
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy == "noeviction" or facts.get("maxmemory", "0") == "0":
        return ""
    what = "throws results away" if policy.startswith("allkeys-") else "forgets who is at work"
    place = link.address.place
    return f"The Redis server at {place} {what} once it is full (maxmemory-policy {policy}): set it to noeviction"


def _has_results(link: Link, database: int) -> bool:
    """Whether there are results in database 0. (The three travel together: no other question comes in between.)"""
    _, found, _ = link.ask_all([("SELECT", 0), ("SCAN", 0, "MATCH", "result:*", "COUNT", 1000), ("SELECT", database)])
    return bool(found[1])
