"""What scripts ask of a store in a directory, by the names that 2.7 had for it: thin, and kept as they are."""

from __future__ import annotations

from jug.backends.file.settled import settled_store

from .names import TEMPORARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .pack.pack import Packing


class compatible_store(settled_store):
    """A store in a directory, with the methods that 2.7 had beside those of the interface."""

    def pack(self) -> Packing:
        """Move small results into one file; others may work in the store, and pack, at the same time."""
        self.require_key()
        return self._packs.pack()

    def update_pack(self) -> int:
        """As :meth:`pack`; returns how many results were moved."""
        return self.pack().packed

    def tempdir(self) -> str:
        """The directory of what is being written, which is made if need be."""
        self.create()
        return self._dir.path(TEMPORARY)
