"""Signatures: who can write to the store, but does not have the key, cannot have anybody load what he wrote.

A signature is a hash with a key (blake2b) over the name of the task and the bytes of the result. So it belongs to this
result of this task: moved under another name, it is wrong.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from jug.words.short import number_of

from .seal import SIGNED, Sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .seal import Bytes, Parts

#: Bytes that the content of a key must have, at least.
SHORTEST = 16


class Unsigned(Exception):
    """A result without a signature, where all must have one."""

    def __init__(self) -> None:
        super().__init__("it is not signed")


class Key:
    """What results are signed with, made from the `content` of a file; white space around that does not matter."""

    def __init__(self, content: bytes) -> None:
        secret = content.strip()
        if len(secret) < SHORTEST:
            raise ValueError(f"it holds {number_of(len(secret), 'byte')}, and a key needs {SHORTEST} at least")
        self._secret = blake2b(secret, digest_size=32, person=b"jug sign key").digest()

    def __repr__(self) -> str:
        return f"<Key {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """By which this key can be told from others, and which tells nothing about it."""
        return blake2b(key=self._secret, digest_size=16, person=b"jug fingerprint").hexdigest()

    def signer(self, name: bytes) -> Signer:
        """What signs the results of the task `name`."""
        return Signer(self._secret, name)


class Signer:
    """A key, and the name of the task whose result is signed, or checked."""

    __slots__ = ("_name", "_secret")

    def __init__(self, secret: bytes, name: bytes) -> None:
        self._secret = secret
        self._name = len(name).to_bytes(8, "big") + name

    def sum(self) -> Sum:
        """The signature of what it is given."""
        return Sum(SIGNED, blake2b(self._name, key=self._secret, digest_size=16, person=b"jug result"))

    def seal(self, *pieces: Bytes) -> bytes:
        """The signature of all pieces together."""
        total = self.sum()
        for piece in pieces:
            total.update(piece)
        return total.seal()

    def compare(self, found: Bytes, total: Sum) -> None:
        """Raise ``ValueError`` if the signature that was found is wrong, and :class:`Unsigned` if there is none."""
        if not found:
            raise Unsigned
        if not hmac.compare_digest(bytes(found), total.seal()):
            raise ValueError("its signature is wrong (it was not written with this key, or not for this task)")

    def check(self, parts: Parts) -> None:
        """The same for the whole bytes of a file."""
        total = self.sum()
        total.update(parts.body)
        total.update(parts.footer)
        self.compare(parts.signature, total)
