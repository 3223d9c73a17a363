"""What the system tells of processes, machines and mounts; where it tells nothing, the answer says so.

Linux has all of it in ``/proc``. Elsewhere a process is known by its number alone, and a
machine by its name.
"""

from __future__ import annotations

import os
import sys
import time

_ENDED = "ZXx"


def process(pid: int) -> tuple[str, bool] | None:
    """When the process began, as a word to be compared, and whether it is stopped; None if there is none.

    The word is empty where that is not known. A process that has ended and was not waited for is none.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            state, *numbers = file.read(4096).rpartition(b")")[2].split()
        return None if state.decode() in _ENDED else (numbers[18].decode(), state in (b"T", b"t"))
    except (OSError, ValueError, IndexError):
        pass  # no such process, one that is hidden from us, or a system without /proc
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass  # another user's; or a number that says nothing
    return "", False


def boot() -> str:
    """A word for the time since this machine was started; no other machine has the same."""
    return _line("/proc/sys/kernel/random/boot_id")


def machine() -> str:
    """A word for this machine that stays when it is started again."""
    return _line("/etc/machine-id")


def namespace() -> str:
    """A word for those processes whose numbers mean to this one what they mean to each other."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def user() -> str:
    """Who this process works for."""
    if not hasattr(os, "geteuid"):
        return os.environ.get("USERNAME", "")
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def awake_or_not() -> float:
    """Seconds since some moment, those that the machine slept through included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def stamp_now() -> int:
    """Nanoseconds since the epoch by the clock that the kernel stamps files with: no later change has an older stamp.

    0 where that clock cannot be read.
    """
    clock = getattr(time, "CLOCK_REALTIME_COARSE", 5 if sys.platform == "linux" else None)  # (Python gives it no name)
    try:
        return 0 if clock is None else time.clock_gettime_ns(clock)
    except OSError:
        return 0  # what stands for the kernel here does not know it


def kind_of_mount(path: str) -> str:
    """What kind of file system is at `path`, or would be, by the system's name for it; empty if that is not known."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for fields in mounts:
        point = _unescaped(fields[4])
        if len(point) >= len(best) and (real + "/").startswith(point.rstrip("/") + "/"):
            best, kind = point, fields[fields.index("-") + 1]
    return kind


def _unescaped(point: str) -> str:
    """Without the octal numbers that stand for blanks."""
    data = point.encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1")
    return data.decode("utf-8", "surrogateescape")


def _line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except (OSError, ValueError):
        return ""
