"""Which key the results of a jugdir are signed with: the file ``signed`` in it says so, before any result is read.

With another key, each signature would be wrong, all results would count as damaged, and weeks of work would be done
again. So a wrong key is told at the start, and so are results that were made without one: they are for the user to
sign, if he trusts them (:mod:`jug.backends.file.verify`).
"""

from __future__ import annotations

from itertools import islice

from jug.backends.result_bytes import verdict
from jug.backends.system.filesystem import read_all, sync_directory
from jug.backends.system.sentences import cannot
from jug.errors import UsageError

from .names import SIGNED, TEMPORARY
from .publication import publish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jug.backends.result_bytes.signature import Key
    from jug.backends.result_bytes.verdict import Verdict

    from .directory import JugDir

_MARK = "JUGSIG1 {}\n"
_SAMPLES = 16


def use_key(jugdir: JugDir, key: Key, verdicts: Callable[[], Iterator[Verdict]] | None) -> None:
    """Sign results with `key` from now on, and load no others.

    Parameters
    ----------
    verdicts : callable, optional
        What is found about the results that there are, one after the other. If it is not given, results that were made
        without a key, or with one that nobody remembers, are no reason to refuse.

    Raises
    ------
    UsageError
        The results that there are were made without this key.
    """
    found = _mark(jugdir)
    if found is not None and found != _MARK.format(key.fingerprint):
        raise UsageError(
            f"--sign-key: the results in {jugdir.root} are signed with another key (if you do not have that one any "
            f"more, but trust the results: remove {jugdir.path(SIGNED)}, then run 'jug check --sign')"
        )
    jugdir.key = key
    if found is None and verdicts is not None:
        try:
            _require_ours(jugdir, list(islice(verdicts(), _SAMPLES)))
        except BaseException:
            jugdir.key = None
            raise


def before_writing(jugdir: JugDir) -> None:
    """To be called before a result is written.

    Raises
    ------
    UsageError
        The results are signed, and we do not have the key, or not the right one.
    """
    if jugdir.key is None:
        if _mark(jugdir) is not None:
            raise UsageError(f"The results in {jugdir.root} are signed: to add to them, the key is needed (--sign-key)")
        return
    text = _MARK.format(jugdir.key.fingerprint)
    if _mark(jugdir) is None:
        with cannot("write", jugdir.path(SIGNED)):
            _write_mark(jugdir, text.encode())
    if _mark(jugdir) != text:
        raise UsageError(f"--sign-key: the results in {jugdir.root} are signed with another key, just now")


def is_marked(jugdir: JugDir) -> bool:
    """Whether it is known which key the results are signed with."""
    return _mark(jugdir) is not None


def _require_ours(jugdir: JugDir, verdicts: list[Verdict]) -> None:
    kinds = {found.kind for found in verdicts}
    if verdict.WHOLE in kinds or not kinds & {verdict.UNSIGNED, verdict.DAMAGED}:
        return
    if verdict.UNSIGNED in kinds:
        raise UsageError(
            f"--sign-key: the results in {jugdir.root} were made without a key; if you trust them, have them signed by "
            "'jug check --sign'"
        )
    raise UsageError(
        f"--sign-key: no result in {jugdir.root} has a signature that is right; if this is the right key, or you trust "
        "the results, have them signed again by 'jug check --sign'"
    )


def _mark(jugdir: JugDir) -> str | None:
    """What the file says; None if there is none."""
    path = jugdir.path(SIGNED)
    with cannot("read", path):
        try:
            fd = jugdir.fs.open_read(path)
        except OSError as error:
            if not jugdir.is_missing(error):
                raise
            return None
        try:
            return read_all(jugdir.fs, fd).decode("ascii", "replace")
        finally:
            jugdir.fs.close(fd)


def _write_mark(jugdir: JugDir, text: bytes) -> None:
    """Write the file unless it is there: of two workers with different keys, one is to be told."""
    path, made = jugdir.path(SIGNED), jugdir.temporary()
    publish(jugdir, (TEMPORARY, made), lambda stream: stream.write(text))
    try:
        jugdir.fs.link(made, path)
    except FileExistsError:
        pass
    except OSError:  # no links on this file system
        jugdir.fs.rename(made, path)
    jugdir.unlink(made)
    sync_directory(jugdir.fs, jugdir.root)
