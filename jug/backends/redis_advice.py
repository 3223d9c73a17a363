"""What a worker says of a server on which results may get lost, or are somewhere else. Said once, as a warning."""

from __future__ import annotations

from ..config import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .redis_link import Link


def advise(link: Link) -> None:
    """Look at how the server is set up, as far as it tells, and warn."""
    facts = link.facts()
    place = link.address.place
    policy = facts.get("maxmemory_policy", "")
    if policy.startswith("allkeys-") and facts.get("maxmemory", "0") != "0":
        warn(
            f"The Redis server at {place} throws results away once it is full "
            f"(maxmemory-policy {policy}): set it to noeviction"
        )
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


def _has_results(link: Link, database: int) -> bool:
    """Whether there are results in database 0. (The three travel together: no other question comes in between.)"""
    _, found, _ = link.ask_all([("SELECT", 0), ("SCAN", 0, "MATCH", "result:*", "COUNT", 1000), ("SELECT", database)])
    return bool(found[1])
