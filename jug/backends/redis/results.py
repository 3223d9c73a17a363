"""Results as values on a Redis server: how they are written, checked and read, and how they get there under a lock.

A value is base64 of the encoded object and its seal (:mod:`jug.backends.result_bytes.checksum`), which Jug 2.7 ignores:
it reads what we wrote. What it wrote has no seal, and is accepted if it is whole; its None is the empty string.

*Fencing*: a worker that was stopped, or cut off, for longer than its lease may find another one at work when it goes
on, or the other one's result. So whether the lock is still ours is looked at in the same step in which the result is
stored, at each attempt; under a lock that was lost, nothing is stored, even if there is nothing: that may have been
removed since, and what was computed be that of old code. (A lock that nobody has was removed by hand if its holder was
never taken for dead, since its first sign of life; then its result is welcome, and counts.) The lock is given back in
that step, too: nobody ever finds a lock on a task that its holder has finished, and a task costs two questions
altogether. Short tasks share these, see :mod:`jug.backends.redis.prefetch.lock_prefetch`; in which order they are
stored, see :mod:`jug.backends.redis.prefetch.write_behind`.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64

from jug.backends.encode import decode, decompress, encode_value
from jug.backends.result_bytes.checksum import sealed, unsealed
from jug.errors import DamagedResultError, UnloadableResultError

from .connection import Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.backends.result_bytes.seal import Bytes

    from .connection import Link

RESULT = b"result:"
_UPLOAD = b"upload:"
_MB = 1 << 20
#: Larger values are not given to scripts, which would copy them and keep the server from all else meanwhile.
_LARGE = 64 * _MB
_SECONDS_OF_AN_UPLOAD = 600

# KEYS: lock, holder, result (and more); ARGV[1]: the token.
_LOOK = """\
local found = redis.call('MGET', KEYS[1], KEYS[2])
local state, ours = found[1], found[2] == ARGV[1]
local worker = string.match(ARGV[1], ':(%x+)%-%d+$')
local lost = state and not ours or not state and (not worker or redis.call('GET', 'worker:' .. worker) ~= '1')
"""
_RELEASE = """\
if ours and state ~= 'F' then
    redis.call('DEL', KEYS[1], KEYS[2])
end
"""
#: Store the result ARGV[2] and release its lock. A result that came since the lock was taken stays: it is that of a
#: worker which had the lock before, or has it now. If it is the same as ours, perhaps the answer to an earlier attempt
#: was lost. One that was there before (ARGV[3]) is replaced. Nothing is stored unless the results KEYS[4], ... have the
#: SHA-1 ARGV[4], ...: it was computed from them.
PUBLISH = Script(
    _LOOK
    + """\
local stored = 1
for i = 4, #KEYS do
    local value = redis.call('GET', KEYS[i])
    if not value or redis.sha1hex(value) ~= ARGV[i] then
        stored = 0
    end
end
if stored == 0 then
    -- It is as if another worker had stored it: its task is to be looked at again.
elseif ours and state and ARGV[3] == '1' then
    redis.call('SET', KEYS[3], ARGV[2])
elseif lost or not redis.call('SET', KEYS[3], ARGV[2], 'NX') then
    stored = redis.call('GET', KEYS[3]) == ARGV[2] and 1 or 0
end
"""
    + _RELEASE
    + "return stored"
)
# The same, of the value KEYS[4]. -1: there is no upload (any more).
_PUBLISH_UPLOAD = Script(
    _LOOK
    + """\
if redis.call('EXISTS', KEYS[4]) == 0 then
    return redis.call('EXISTS', KEYS[3]) == 1 and 1 or lost and 0 or -1
end
local stored = 1
if ours and state and ARGV[2] == '1' then
    redis.call('RENAME', KEYS[4], KEYS[3])
elseif lost or redis.call('RENAMENX', KEYS[4], KEYS[3]) == 0 then
    redis.call('DEL', KEYS[4])
    stored = 0
end
if stored == 1 then
    redis.call('PERSIST', KEYS[3])
end
"""
    + _RELEASE
    + "return stored"
)


def packed(object: Any) -> bytes:
    """The value that stands for `object`; whatever makes it unpicklable is raised."""
    return b2a_base64(b"".join(sealed(encode_value(object))), newline=False)


def unpacked(name: bytes, value: bytes | None) -> Any:
    """The result `name`, whose value this is."""
    if value is None:
        raise KeyError(name)
    try:
        return decode(_opened(value), exact=True)
    except UnloadableResultError as error:
        error.where = "on the Redis server"
        raise
    except (ValueError, KeyError) as error:  # a KeyError would say that there is no result
        what = f"The result {name.decode()} on the Redis server is damaged: {error}"
        raise DamagedResultError(what, name) from error


def is_damaged(value: bytes) -> bool:
    """Whether the value stands for no object; nothing is unpickled to tell."""
    try:
        data = _opened(value)
        return bool(data) and decompress(data, exact=True)[:1] not in (b"P", b"N")
    except ValueError:
        return True


def publish(link: Link, keys: tuple[bytes, bytes, bytes], token: bytes, value: bytes, replace: bytes) -> bool:
    """Store a value that was computed under the lock of `token`, and give that back; `keys`, `replace` as for PUBLISH.

    False if the lock was lost, or another result is there, which stays.
    """
    name = keys[2][len(RESULT) :]
    if len(value) < _LARGE:
        return bool(link.run(PUBLISH, keys, token, value, replace, owed=True))
    upload = _UPLOAD + name + b":" + (token.rpartition(b":")[2] or b"0")
    while True:
        link.ask("SET", upload, value, "EX", _SECONDS_OF_AN_UPLOAD, owed=True)
        told = link.run(_PUBLISH_UPLOAD, (*keys, upload), token, replace, owed=True)
        if told >= 0:
            return bool(told)


def _opened(value: bytes) -> Bytes:
    """The encoded object; ``ValueError`` if the seal is wrong. A piece of a seal stays, as something that follows."""
    try:
        data = a2b_base64(value)
    except Base64Error as error:
        raise ValueError(str(error)) from error
    if len(data) != len(value) // 4 * 3 - value[-2:].count(b"="):  # what is no base64 has been passed over
        raise ValueError("it is not base64")
    return unsealed(data).body
