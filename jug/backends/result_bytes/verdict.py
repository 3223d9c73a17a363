"""What is found out about a result by reading it, without unpickling anything."""

from __future__ import annotations

#: It is what was written: its checksum says so, and its signature if results are signed.
WHOLE = "whole"
#: Nothing is missing, as far as can be told: an old release wrote it, without a checksum.
OLD = "old"
#: An empty file, which is how old releases wrote None.
EMPTY = "empty"
#: It has no signature, and results are signed. (Whether it is whole may have been left open.)
UNSIGNED = "unsigned"
#: It is not what was written, or its signature is wrong.
DAMAGED = "damaged"
#: It could not be read, which says nothing about it.
UNREADABLE = "unreadable"
#: There is no such result.
GONE = "gone"
#: It has just been signed.
SIGNED = "signed"
#: It was left alone, since its task is locked.
LOCKED = "locked"


class Verdict:
    """What was found.

    Attributes
    ----------
    kind : str
        One of the words above.
    path : str
        Where the result is; empty if it is not there.
    why : str
        What is wrong with it, in words that follow "it is damaged: " and the like; empty if nothing is.
    """

    __slots__ = ("kind", "path", "why")

    def __init__(self, kind: str, path: str = "", why: str = "") -> None:
        self.kind = kind
        self.path = path
        self.why = why
