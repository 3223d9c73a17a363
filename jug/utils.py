"""Small things that jugfiles need again and again."""

from __future__ import annotations

import errno
import os
import sys

from .hash import hash_one
from .task import CachedFunction, Task, TaskGenerator
from .words.matching import prepare_matcher_from_options, prepare_name_matcher, prepare_task_matcher
from .words.nodes import Node, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    from .task_parts.tasklet import Tasklet

    T = TypeVar("T")

__all__ = [
    "CustomHash",
    "cached_glob",
    "identity",
    "jug_execute",
    "prepare_matcher_from_options",
    "prepare_name_matcher",
    "prepare_task_matcher",
    "sync_move",
    "timed_path",
]


def _identity(x: Any) -> Any:
    return x


if TYPE_CHECKING:

    @overload
    def identity(x: Task[T]) -> Task[T]: ...
    @overload
    def identity(x: Tasklet[T]) -> Tasklet[T]: ...
    @overload
    def identity(x: T) -> Task[T]: ...


def identity(x: Any) -> Any:
    """A task whose result is (the value of) `x`: a large object becomes one dependency instead of a long argument.

    A task or a tasklet is returned as it is.
    """
    if isinstance(x, Node):
        return x
    task: Task[Any] = Task(_identity, x)
    task.name = "identity"
    return task


class CustomHash:
    """An argument with a hash of your own making.

    Parameters
    ----------
    obj : object
        What reaches the function.
    hash_function : callable
        Given `obj`, returns bytes that identify it.
    """

    def __init__(self, obj: Any, hash_function: Callable[[Any], bytes]) -> None:
        self.obj = obj
        self.hash_function = hash_function

    def __jug_hash__(self) -> bytes:
        return self.hash_function(self.obj)

    def __jug_dependencies__(self) -> tuple[Any, ...]:
        return (self.obj,)

    def __jug_value__(self) -> Any:
        return value(self.obj)


def hash_with_mtime_size(path: str) -> bytes:
    """A hash of when a file was last changed (in whole seconds), how large it is, and where."""
    sys.audit(
        "jug.timed_path", path
    )  # for whoever watches what a jugfile depends on (jug.engine.status_cache.recorder)
    st = os.stat(path)
    return hash_one((path, int(st.st_mtime), st.st_size))


def timed_path(path: str) -> CustomHash:
    """The path of a file, as an argument that counts as changed when the file's modification time or size does."""
    return CustomHash(path, hash_with_mtime_size)


def glob_sort(pat: str) -> list[str]:
    """All paths that match, sorted."""
    from glob import glob

    return sorted(glob(pat))


def cached_glob(pat: str) -> list[str]:
    """``sorted(glob(pat))``, looked up once and then kept in the store: later files do not change the tasks."""
    return CachedFunction(glob_sort, pat)


@TaskGenerator
def jug_execute(args: list[str], check_exit: bool = True, run_after: Any = None, return_value: Any = None) -> Any:
    """Run a command, and return `return_value`.

    Parameters
    ----------
    args : list of str
        The command and its arguments; no shell is involved.
    check_exit : bool
        Whether an exit status other than 0 is an error.
    run_after : object
        Not used: a place for a task that must come first.

    Raises
    ------
    SystemError
        The command failed, or it cannot be known whether it did.
    """
    code = _exit_status(args)
    if check_exit and code is None:
        raise SystemError(
            f"The exit status of command {args} cannot be had: in this process, SIGCHLD is ignored, or something else "
            "waits for all children"
        )
    if check_exit and code != 0:
        error = SystemError(f"Command {args} failed with exit code {code}")
        vars(error)["returncode"] = code  # as the errors of subprocess have it
        raise error
    return return_value


def _exit_status(args: list[str]) -> int | None:
    """Run a command; None if it has ended, and nobody can say how (which subprocess takes for success)."""
    import subprocess

    if os.name != "posix":
        return subprocess.call(args)
    with subprocess.Popen(args) as process:
        try:
            process.returncode = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        except ChildProcessError:
            process.returncode = 0
            return None
        except BaseException:
            process.kill()
            raise
    return process.returncode


def sync_move(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> None:
    """Move a file so that `dst`, once it is there, is complete even after a crash: sync its content, then rename it.

    Between file systems, it is copied beside `dst` first.
    """
    with open(src, "rb") as stream:
        os.fsync(stream.fileno())
    try:
        os.rename(src, dst)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_to_other_device(src, dst)
    _sync_directory_of(dst)


def _move_to_other_device(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> None:
    import shutil

    part = f"{os.fspath(dst)}.{os.urandom(8).hex()}.part"  # at which nobody has put a link to another file
    try:
        shutil.copy2(src, part)
        with open(part, "rb") as stream:
            os.fsync(stream.fileno())
        os.rename(part, dst)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    _sync_directory_of(dst)  # before the only other copy goes
    os.unlink(src)


def _sync_directory_of(path: str | os.PathLike[str]) -> None:
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
