"""The results in segments, as the store sees them: loaded, judged, signed, put aside and taken out one by one."""

from __future__ import annotations

from itertools import islice

from jug.backends.file.names import CORRUPT, PACKS
from jug.backends.file.pack.packer import entry_of
from jug.backends.file.publication import publish
from jug.backends.file.quarantine import place_for
from jug.backends.result_bytes import verdict
from jug.backends.result_bytes.checksum import unsealed
from jug.backends.result_bytes.result_file import check_content, check_parts, in_pieces, read_content
from jug.backends.result_bytes.signature import Unsigned
from jug.backends.result_bytes.verdict import Verdict
from jug.backends.system.sentences import cannot
from jug.errors import DamagedResultError, UnloadableResultError, UnsignedResultError

from .compaction import Compaction
from .segments import Segments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any

    from jug.backends.file.directory import JugDir
    from jug.backends.file.pack.pack_format import Packed
    from jug.backends.file.pack.pack_lock import PackLock
    from jug.backends.result_bytes.signature import Key

# How many results are loaded after one look at what there is.
_LOOKS = 256


class SegmentResults:
    """The results in the segments of one jugdir. A `lock` is that over changes of the pack."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self._directory = jugdir.path(PACKS)
        self.reader = Segments(jugdir)
        self.compaction = Compaction(jugdir, self.reader)

    def refresh(self) -> None:
        """Have a look at what there is."""
        with cannot("list", self._directory):
            self.reader.refresh()

    def __contains__(self, name: bytes) -> bool:
        """Whether there is such a result, by the last look."""
        return name in self.reader

    def has(self, name: bytes) -> bool:
        """Whether there is such a result at this moment."""
        self.refresh()
        return name in self.reader

    def __len__(self) -> int:
        return len(self.reader)

    def path(self, name: bytes) -> str:
        """The file that the result is in."""
        return self._dir.path(PACKS, self.reader.file_of(name).name)

    def load(self, name: bytes) -> Any:
        """The object, each time another one; ``KeyError`` if there is none."""
        return self._decoded(name, self.content(name))

    def _decoded(self, name: bytes, content: bytes) -> Any:
        try:
            return read_content(content, self._dir.signer(name))
        except UnloadableResultError as error:
            error.where = f"in {self.path(name)}"
            raise
        except Unsigned as error:
            raise UnsignedResultError(self._sentence(name)) from error
        except (ValueError, KeyError) as error:  # a KeyError of the object's own would say that there is no result
            raise DamagedResultError(f"{self._sentence(name)} is damaged: {error}", name) from error

    def load_many(self, names: Iterable[bytes], load: Callable[[bytes], Any]) -> Iterator[tuple[bytes, Any]]:
        """Names and objects; of what is in no segment, those that `load` returns. One look is for many of them."""
        names = iter(names)
        while some := list(islice(names, _LOOKS)):
            self.refresh()
            with cannot("read", self._directory):
                contents = self.reader.read_many(some)
            for name in some:
                yield name, self._decoded(name, contents[name]) if name in contents else self._load_alone(name, load)

    def _load_alone(self, name: bytes, load: Callable[[bytes], Any]) -> Any:
        try:
            return self.load(name)
        except KeyError:
            return load(name)

    def _sentence(self, name: bytes) -> str:
        return f"The result {name.decode('ascii')} in {self.path(name)}"

    def content(self, name: bytes) -> bytes:
        """The bytes that the file of the result would hold."""
        with cannot("read", self._directory):
            return self.reader.read(name)

    def check(self, name: bytes) -> bool:
        """Raise ``ValueError`` or ``Unsigned`` if that is so, and unpickle nothing; returns if there is a checksum."""
        return check_content(self.content(name), self._dir.signer(name))

    def those_that_count(self, names: Callable[[], Iterable[bytes]]) -> set[bytes]:
        """The results, of `names`, which have files, too, that are here, whole: an old release does not see segments.

        What is here counts, as for whoever loads it; when there are no segments any more, it still does.
        """
        return {name for name in (names() if len(self.reader) else ()) if name in self.reader and self._is_whole(name)}

    def _is_whole(self, name: bytes) -> bool:
        try:
            self.check(name)
        except (ValueError, Unsigned):
            return False
        return True

    def set_aside(self, name: bytes, lock: PackLock) -> str | None:
        """Move a damaged result to where nobody takes it for one; returns the path, or None if it is whole."""
        try:
            self.check(name)
            return None
        except Unsigned:
            return None  # whether it is to be trusted is for the user to say
        except ValueError:
            data = self.content(name)
        place = place_for(self._dir, name.decode("ascii"))
        publish(self._dir, (CORRUPT, place), lambda stream: stream.write(data))
        self.compaction.remove([name], lock)
        return place

    def remove(self, names: Collection[bytes], lock: PackLock) -> set[bytes]:
        """Take results out, durably; returns those that there were."""
        return self.compaction.remove(names, lock)

    def entries(self, unreadable: list[str]) -> dict[bytes, Packed]:
        """The entries of a pack that can be made of them; the paths of what is damaged are added to `unreadable`."""
        entries = {}
        for name in list(self.reader):
            try:
                entry = entry_of(name, self.content(name), self._dir.signer(name))
            except Exception:  # noqa: BLE001  (reading an array may raise anything; the result stays where it is)
                unreadable.append(self.path(name))
                continue
            if entry is not None:
                entries[name] = entry
        return entries

    def dissolve(self, packed: Collection[bytes], lock: PackLock) -> None:
        """Have no segments any more: what is in the pack is left out, and all else that is whole becomes a file."""
        moved = set(packed)
        for name in [name for name in self.reader if name not in packed]:
            lock.beat()
            if self._become_a_file(name, lock):
                moved.add(name)
        self.compaction.remove(moved, lock)

    def _become_a_file(self, name: bytes, lock: PackLock) -> bool:
        content = self.content(name)
        try:
            check_content(content)
        except ValueError:
            return False
        path = self._dir.result(name)
        with cannot("write", path):
            publish(self._dir, (name[:2].decode("ascii"), path), lambda stream: stream.write(content), check=lock.check)
        return True

    def sign(self, key: Key, again: bool, lock: PackLock) -> list[Verdict]:
        """Sign all that are whole and have no signature, and if `again`, those with that of another key."""
        found: list[Verdict] = []
        paths = {name: self.path(name) for name in self.reader}

        def signed(name: bytes, content: bytes) -> bytes:
            try:
                to_sign = _to_sign(name, content, key, again)
            except ValueError as error:
                found.append(Verdict(verdict.DAMAGED, paths[name], str(error)))
                return content
            found.append(Verdict(verdict.WHOLE if to_sign is None else verdict.SIGNED, paths[name]))
            return content if to_sign is None else bytes(in_pieces(to_sign, key.signer(name)))

        self.compaction.change(signed, lock)
        return found


def _to_sign(name: bytes, content: bytes, key: Key, again: bool) -> bytes | None:
    """What is to get a signature; None if it has the right one. ``ValueError`` if it is damaged, or signed wrongly."""
    parts = unsealed(content)
    check_parts(parts)
    try:
        key.signer(name).check(parts)
        return None
    except Unsigned:
        pass
    except ValueError:
        if not again:
            raise
    return bytes(parts.body) + bytes(parts.footer)
