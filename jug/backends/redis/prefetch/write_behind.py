"""The results of a worker that travel to a Redis server with its next question, and what becomes of them.

Nothing is stored before that which it was computed from (:mod:`jug.backends.inputs`), nor if that is not what the
worker believes: the server looks, in the step in which it stores a result, whether the others are there as they were
computed. So it does not matter which of them the server refused, and who sends them: the worker, once more after an
answer was lost, or its helper after its end.
"""

from __future__ import annotations

import hashlib

from jug.backends.inputs import are_among

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.base import base_lock

    #: By the names of results, the SHA-1 of the values that must be there.
    Conditions = dict[bytes, bytes]

#: Bytes of a command, at most, for each of its conditions.
SIZE_OF_A_CONDITION = 128


class Soon:
    """The results since :meth:`tell` was called last.

    Attributes
    ----------
    overtaken : set of bytes
        The names of those that were not stored, for another's result counts.
    """

    overtaken: set[bytes]

    def __init__(self) -> None:
        self.overtaken = set()
        self._values: dict[bytes, bytes] = {}

    def add(self, name: bytes, value: bytes) -> None:
        """This is on its way."""
        self._values[name] = value

    def conditions(self, lock: base_lock) -> Conditions | None:
        """Of what was computed under `lock`; None if it is not to go with the others."""
        if lock.inputs is None:
            return {}
        if are_among(lock, self.overtaken) or not self._values.keys() >= set(lock.inputs.names):
            return None
        return {
            name: hashlib.sha1(self._values[name], usedforsecurity=False).hexdigest().encode()
            for name in lock.inputs.names
        }

    def tell(self) -> set[bytes]:
        """All have been sent: which were not stored?"""
        overtaken, self.overtaken = self.overtaken, set()
        self._values.clear()
        return overtaken
