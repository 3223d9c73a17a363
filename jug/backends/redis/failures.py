"""Records of failures on a Redis server: one hash, ``jug:failures``, with a record as JSON by name of the task.

So whether anything has failed is one question, however many results there are; and none, right after a lock was taken,
which tells it, too (:mod:`jug.backends.redis.lock`).
"""

from __future__ import annotations

from jug.backends.base import as_name
from jug.backends.file.failures import dump_record, parse_record

from .connection import TOGETHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from jug.backends.base import Name

    from .connection import Link

FAILURES = b"jug:failures"


class Failures:
    """The records on the server of `link`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def record(self, name: Name, record: dict[str, Any]) -> None:
        self._link.ask("HSET", FAILURES, as_name(name), dump_record(record), owed=True)

    def of(self, name: Name) -> dict[str, Any] | None:
        name = as_name(name)
        told = self._link.recall(name)
        text = self._link.ask("HGET", FAILURES, name) if told is None else told
        return parse_record(text) if text else None

    def all(self) -> dict[bytes, dict[str, Any]]:
        names = self._link.ask("HKEYS", FAILURES)
        records = {}
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            for name, text in zip(some, self._link.ask("HMGET", FAILURES, *some), strict=True):
                records[name] = parse_record(text or b"")
        return {name: record for name, record in records.items() if record is not None}

    def remove(self, names: Iterable[Name]) -> int:
        wanted = list(dict.fromkeys(map(as_name, names)))
        removed = 0
        for start in range(0, len(wanted), TOGETHER):
            # What was there is asked before: when the answer to a removal is lost, nobody could tell any more.
            some = wanted[start : start + TOGETHER]
            there = self._link.ask_all([("HEXISTS", FAILURES, name) for name in some])
            gone = [name for name, is_there in zip(some, there, strict=True) if is_there]
            if gone:
                self._link.ask("HDEL", FAILURES, *gone)
            removed += len(gone)
        return removed
