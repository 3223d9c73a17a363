"""Results are read and judged, and signed if the user trusts them; nothing is unpickled, and what is wrong stays."""

from __future__ import annotations

from jug.backends.base import as_name, base_store
from jug.backends.encode import encode_value
from jug.backends.result_bytes import verdict
from jug.backends.result_bytes.checksum import unsealed
from jug.backends.result_bytes.result_file import check_parts, check_result, in_pieces
from jug.backends.result_bytes.signature import Key, Unsigned
from jug.backends.result_bytes.verdict import Verdict
from jug.backends.system.filesystem import look, read_all, set_time
from jug.backends.system.sentences import cannot
from jug.errors import StoreError, UsageError

from . import signing_key
from .publication import publish
from .quarantine import empty_is_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from jug.backends.base import Name, base_lock
    from jug.backends.result_bytes.seal import Parts

    from .directory import JugDir
    from .pack.pack import Packs


class Verifier:
    """Reads the results of a jugdir, and signs them with its key."""

    def __init__(self, jugdir: JugDir, packs: Packs) -> None:
        self._dir = jugdir
        self._fs = jugdir.fs
        self._packs = packs

    def verdict(self, name: bytes) -> Verdict:
        """What reading the result `name` shows."""
        return self._judged(name, lambda fd: self._kind_of_file(name, fd))

    def sign_all(self, names: Collection[bytes], getlock: Callable[[bytes], base_lock]) -> Signing:
        """Sign the results `names`, files and packed ones, that are whole and have no signature.

        Where it is not known which key results are signed with, the signature of another one does not count.
        """
        again = not signing_key.is_marked(self._dir)
        done = Signing()
        for name in names:
            if not self._packs.holds(name) or look(self._fs, self._dir.result(name)) is not None:
                done.add(self._sign(name, getlock(name), again))
        for found in self._packs.sign(self._key(), again):
            done.add(found)
        if names:
            signing_key.before_writing(self._dir)
        return done

    def _sign(self, name: bytes, lock: base_lock, again: bool) -> Verdict:
        if not lock.get():
            return Verdict(verdict.LOCKED, self._dir.result(name))
        try:
            whole: list[bytes] = []
            found = self._judged(name, lambda fd: self._kind_to_sign(name, fd, again, whole))
            if found.kind == verdict.SIGNED:
                self._write(name, whole[0])
            return found
        finally:
            lock.release()

    def _write(self, name: bytes, content: bytes) -> None:
        path = self._dir.result(name)
        with cannot("write", path):
            computed = self._fs.stat(path).st_mtime
            publish(self._dir, (name[:2].decode(), path), in_pieces(content, self._key().signer(name)))
            set_time(self._fs, path, computed)

    def _judged(self, name: bytes, judge: Callable[[int], str]) -> Verdict:
        path = self._dir.result(name)
        try:
            fd = self._opened(path)
            if fd is None:
                self._packs.holds(name)  # has a look
                path = self._packs.path_of(name)
                return Verdict(self._kind_of_entry(name), path)
            with cannot("read", path):
                return Verdict(judge(fd), path)
        except KeyError:
            return Verdict(verdict.GONE)
        except Unsigned:
            return Verdict(verdict.UNSIGNED, path, "it is not signed")
        except ValueError as error:
            return Verdict(verdict.DAMAGED, path, str(error))
        except (StoreError, ImportError) as error:
            return Verdict(verdict.UNREADABLE, path, str(error))

    def _opened(self, path: str) -> int | None:
        with cannot("read", path):
            try:
                return self._fs.open_read(path)
            except OSError as error:
                if not self._dir.is_missing(error):
                    raise
        return None

    def _kind_of_file(self, name: bytes, fd: int) -> str:
        is_empty = self._fs.fstat(fd).st_size == 0
        is_sealed = check_result(self._fs, fd, empty_is_none(self._dir), self._dir.signer(name))
        return verdict.EMPTY if is_empty else verdict.WHOLE if is_sealed else verdict.OLD

    def _kind_of_entry(self, name: bytes) -> str:
        return verdict.WHOLE if self._packs.check(name) else verdict.OLD

    def _kind_to_sign(self, name: bytes, fd: int, again: bool, whole: list[bytes]) -> str:
        """The kind of a file that is whole; what is in it is added to `whole` if it is to be signed."""
        try:
            parts = self._whole(read_all(self._fs, fd))
        finally:
            self._fs.close(fd)
        try:
            self._key().signer(name).check(parts)
            return verdict.WHOLE
        except Unsigned:
            pass
        except ValueError:
            if not again:
                raise
        whole.append(bytes(parts.body) + bytes(parts.footer) or encode_value(None))
        return verdict.SIGNED

    def _whole(self, data: bytes) -> Parts:
        if not data and not empty_is_none(self._dir)():
            raise ValueError("it is empty")
        parts = unsealed(data)
        check_parts(parts)
        return parts

    def _key(self) -> Key:
        if self._dir.key is None:
            raise UsageError("To sign results, a key is needed (--sign-key FILE)")
        return self._dir.key


class judged_store(base_store):
    """What a store in a directory can do with checksums and signatures, besides setting and checking them."""

    _dir: JugDir
    _packs: Packs
    _may_write = False

    def verify(self, name: Name) -> Verdict:
        return Verifier(self._dir, self._packs).verdict(as_name(name))

    def use_key(self, key: Key, judging: bool = False) -> None:
        """Sign results with `key`, and load no others.

        UsageError if there are results that were made without it; but with `judging` only if they are known to be
        signed with another one.
        """
        signing_key.use_key(self._dir, key, None if judging else lambda: map(self.verify, self.list()))

    def require_key(self) -> None:
        """UsageError if the results are signing_key, and we do not have the key: nothing can be added to them."""
        if not self._may_write:
            signing_key.before_writing(self._dir)
            self._may_write = True

    def sign(self) -> Signing:
        """Sign all results that are whole, which is to say that you trust them. Nothing is unpickled."""
        return Verifier(self._dir, self._packs).sign_all(list(self.list()), self.getlock)


class Signing:
    """What came of signing all results of a store.

    Attributes
    ----------
    signed : int
        How many got a signature.
    left : list of Verdict
        Those that did not, and have none.
    """

    __slots__ = ("left", "signed")

    def __init__(self) -> None:
        self.signed = 0
        self.left: list[Verdict] = []

    def add(self, found: Verdict) -> None:
        if found.kind == verdict.SIGNED:
            self.signed += 1
        elif found.kind not in (verdict.WHOLE, verdict.GONE):
            self.left.append(found)
