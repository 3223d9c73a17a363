"""A store that remembers what it was asked while a jugfile was read, and what it answered.

Barriers and compound tasks ask whether results are there; ``bvalue`` asks for results themselves, and another value
under the same hash may make another graph. The file of a value is noted by the watch over the jugfile, with
everything else that is opened; of other stores' values, a hash is.
"""

from __future__ import annotations

from jug.backends.base import FEW
from jug.backends.file_store import file_store
from jug.hash import hash_one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from jug.backends.base import base_store

    from .recorder import Watch

# What tells the jugfile nothing.
_SILENT = frozenset(["close", "create", "dump"])


class RecordingStore:
    """`store`, asked under the eyes of `watch`, whose business results are not, but for the files of values.

    Attributes
    ----------
    there, missing : set of bytes
        The names that the store said of that they (do not) have a result.
    values : dict
        By name of a result that was loaded, a hash of it.
    other : str
        A question of another kind that was asked; '' if there was none.
    """

    def __init__(self, store: base_store, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self.there: set[bytes] = set()
        self.missing: set[bytes] = set()
        self.values: dict[bytes, str] = {}
        self.other = ""

    def __getattr__(self, name: str) -> Any:
        if name not in _SILENT and not name.startswith("__"):
            self.other = name
        return getattr(self._store, name)

    def can_load(self, name: bytes) -> bool:
        with self._watch.paused():
            answer = self._store.can_load(name)
        (self.there if answer else self.missing).add(name)
        return answer

    def load(self, name: bytes) -> Any:
        try:
            result = self._load(name)
        except (KeyError, FileNotFoundError):
            self.missing.add(name)
            raise
        self.there.add(name)
        return result

    def _load(self, name: bytes) -> Any:
        if isinstance(self._store, file_store):
            return self._store.load(name)
        with self._watch.paused():
            result = self._store.load(name)
            self.values[name] = hash_one(result).decode()
            return result

    def load_many(self, names: Iterable[bytes]) -> Iterator[tuple[bytes, Any]]:
        for name in names:
            yield name, self.load(name)

    def first_missing(self, names: Collection[bytes]) -> bytes | None:
        with self._watch.paused():
            missing = self._store.first_missing(names)
        # Whatever else becomes finished, the answer is the same as long as this one is missing.
        if missing is None:
            self.there.update(names)
        else:
            self.missing.add(missing)
        return missing

    def facts(self) -> dict[str, Any]:
        """The answers, as JSON can hold them; see :func:`still_answers`."""
        return {
            "there": [name.decode() for name in self.there],
            "missing": [name.decode() for name in self.missing],
            "values": {name.decode(): digest for name, digest in self.values.items()},
        }

    def is_consistent(self) -> bool:
        """False if an answer changed while the jugfile was read: which part of it relied on which, nobody knows."""
        return self.there.isdisjoint(self.missing)


def still_answers(store: base_store, facts: dict[str, Any]) -> bool:
    """Whether the store would answer the same again."""
    if store.first_missing(facts["there"]) is not None or _is_any_there(store, facts["missing"]):
        return False
    return all(_hash_of_value(store, name) == digest for name, digest in facts["values"].items())


def _is_any_there(store: base_store, names: Collection[str]) -> bool:
    if len(names) < FEW:
        return any(store.can_load(name) for name in names)
    return not {name.encode() for name in names}.isdisjoint(store.list())


def _hash_of_value(store: base_store, name: str) -> str:
    try:
        return hash_one(store.load(name)).decode()
    except Exception:  # noqa: BLE001  (its class may be one of the jugfile, which has not been read)
        return ""
