"""What a store says of its locks and of its workers. (Import these from :mod:`jug.backends.base`.)"""

from __future__ import annotations


class LockDetails:
    """What can be said of a lock by whoever looks at it.

    Attributes
    ----------
    failed : bool
        It is marked as failed.
    host : str
        The machine of the holder; empty if that is not known.
    pid : int
        The process of the holder on that machine; 0 if that is not known.
    since : float or None
        When it was acquired, in seconds since the epoch by the clock of whoever wrote it down.
    abandoned : bool
        Its holder is known to be gone: who needs the task takes the lock over by :meth:`base_lock.get`.
    silent : float or None
        For how many seconds the holder has been seen to give no sign of life; None if that is not known.
    worker : str
        The holder's name in :meth:`base_store.workers`; empty if it has none.
    one_at_a_time : bool
        The holder is known to run one task at a time, so that of several locks one is that of the task that it runs.
    is_noted : bool
        The holder says that it is running this task.
    """

    __slots__ = ("abandoned", "failed", "host", "is_noted", "one_at_a_time", "pid", "silent", "since", "worker")

    def __init__(
        self, failed: bool, host: str = "", pid: int = 0, since: float | None = None, abandoned: bool = False
    ) -> None:
        self.failed = failed
        self.host = host
        self.pid = pid
        self.since = since
        self.abandoned = abandoned
        self.silent: float | None = None
        self.worker = ""
        self.one_at_a_time = self.is_noted = False

    @property
    def is_held(self) -> bool:
        """Whether somebody may be at work under this lock."""
        return not (self.failed or self.abandoned)


class WorkerDetails:
    """What can be said of a worker by whoever looks at the store.

    Attributes
    ----------
    worker : str
        A name that no other worker has.
    host : str
    pid : int
    user : str
        Who started it; empty if that is not known.
    since : float or None
        When it began to work in the store, in seconds since the epoch by the clock of its host.
    run : str
        The run that it belongs to; see :meth:`base_store.run_id`.
    gone : bool
        It is known to have ended without saying so.
    sign : float or None
        When it gave its last sign of life, in seconds since the epoch by the clock of the store; None if not known.
    silent : float or None
        For how many seconds it has been seen to give no sign of life; None if that is not known.
    """

    __slots__ = ("gone", "host", "pid", "run", "sign", "silent", "since", "user", "worker")

    def __init__(self, worker: str, host: str, pid: int, since: float | None = None, run: str = "") -> None:
        self.worker = worker
        self.host = host
        self.pid = pid
        self.user = ""
        self.since = since
        self.run = run
        self.gone = False
        self.sign: float | None = None
        self.silent: float | None = None
