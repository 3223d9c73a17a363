"""Who works in a jugdir, and what those have left behind who are gone."""

from __future__ import annotations

from jug.backends.base import WorkerDetails
from jug.backends.file.names import TEMPORARY
from jug.backends.file.owner.holder import from_name
from jug.backends.file.owner.liveness import find
from jug.backends.file.owner.owner_file import OWNER
from jug.backends.file.owner.recovery import is_ended
from jug.backends.file.owner.takeover import STEAL, give_back, take_away

TYPE_CHECKING = False
if TYPE_CHECKING:
    from jug.backends.file.directory import JugDir
    from jug.backends.file.owner.liveness import Found

_PASSING = "rsf"  # kinds of files that have another name soon; then follow a dash and the name of their writer


def holders(jugdir: JugDir) -> list[Found]:
    """The owner files that there are."""
    names = (name for name in jugdir.names(TEMPORARY) if name.startswith(OWNER) and not is_ended(name))
    paths = [jugdir.path(TEMPORARY, name) for name in names]
    found = [one for one in (find(jugdir.fs, path) for path in paths) if one is not None]
    for one in found:
        if not one.holder.worker:  # he was stopped before he wrote who he is, or is just about to
            one.holder = from_name(one.path.rpartition(OWNER)[2], jugdir.liveness.here())
    return found


def details(jugdir: JugDir) -> list[WorkerDetails]:
    """What is known of each holder."""
    workers = []
    for found in holders(jugdir):
        holder = found.holder
        worker = WorkerDetails(holder.worker, holder.host, holder.pid, holder.since, holder.run)
        worker.user, worker.sign = holder.user, found.attributes.st_mtime
        worker.gone, worker.silent = jugdir.liveness.is_gone(found), jugdir.liveness.silent(found)
        workers.append(worker)
    return workers


def join(jugdir: JugDir) -> str:
    """Become a holder, of the run of those who are at work; returns its name. What the dead have left is removed."""
    own = jugdir.ownership
    if own.run:
        jugdir.owner_file()
        return own.run
    own.run = _run_of_others(jugdir) or jugdir.fs.token()
    jugdir.owner_file()
    sweep(jugdir)
    return own.run


def _run_of_others(jugdir: JugDir) -> str:
    living = [found for found in holders(jugdir) if not jugdir.liveness.is_gone(found)]
    return min((found.holder.run for found in living if found.holder.run), default="")


def sweep(jugdir: JugDir) -> int:
    """Remove what those have left behind who are gone; returns how many locks that were."""
    removed = 0
    for found in holders(jugdir):
        if not found.path.endswith(OWNER + jugdir.ownership.name) and jugdir.liveness.is_gone(found):
            removed += give_back(jugdir.owner_file(), jugdir.fs, found, jugdir.liveness)
    for name in filter(is_ended, jugdir.names(TEMPORARY)):
        ended = find(jugdir.fs, jugdir.path(TEMPORARY, name))
        if ended is not None:
            removed += give_back(jugdir.owner_file(), jugdir.fs, ended, jugdir.liveness)
    return removed


def leave(jugdir: JugDir) -> None:
    """Be no holder any more, unless there are locks that have not been released; leave nothing behind."""
    if jugdir.ownership.name:
        try:
            sweep(jugdir)
            _remove_own(jugdir)
        except OSError:
            pass  # others come, and what was to be done is done
    try:
        jugdir.ownership.close()
    except OSError:
        pass  # the owner file is that of one who is gone, now


def _remove_own(jugdir: JugDir) -> None:
    """Remove files of ours of which it was not known, after an error, whether they are there."""
    ours = f"-{jugdir.ownership.name}-"
    if not jugdir.ownership.held:
        for left in (name for name in jugdir.names(TEMPORARY) if name[1:].startswith(ours)):
            jugdir.unlink(jugdir.path(TEMPORARY, left))


def remove_remains(jugdir: JugDir) -> None:
    """Remove temporary files whose writers are not there any more, and turns that nobody can end."""
    names = jugdir.names(TEMPORARY)
    for name in names:
        if name[:1] in _PASSING and name[1:2] == "-" and name.count("-") == 2:
            _remove_unless_written(jugdir, name)
        elif name.startswith(STEAL):
            found = find(jugdir.fs, jugdir.path(TEMPORARY, name))
            if found is not None and jugdir.liveness.is_gone(found):
                take_away(jugdir.owner_file(), jugdir.fs, found, jugdir.liveness)


def _remove_unless_written(jugdir: JugDir, name: str) -> None:
    writer = jugdir.path(TEMPORARY, OWNER + name.split("-")[1])
    # Whoever writes has an owner file before and after: where there is none, asked later, nobody writes.
    if find(jugdir.fs, writer) is None:
        jugdir.unlink(jugdir.path(TEMPORARY, name))
