"""Results as files of their own, and tables about tasks."""

from __future__ import annotations

import os
import sys

from .backends.result_bytes.fidelity import npy_keeps_values
from .errors import UsageError
from .task import Task, TaskGenerator
from .task_parts.provenance import describe
from .task_parts.tasklet import Tasklet
from .words.config import tell
from .words.plain import plain_line
from .words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["NoLoad", "print_task_summary_table", "write_metadata", "write_task_out"]


class NoLoad(Tasklet["Any"]):
    """A dependency that is waited for, but not loaded: the function receives this object, with the task as ``base``."""

    __slots__ = ()

    def __init__(self, base: Any) -> None:
        super().__init__(base, "NoLoad")  # type: ignore[arg-type]

    @property
    def t(self) -> Any:
        """The task, which functions may also know by this name."""
        return self.base

    def parts(self) -> tuple[Any, ...]:
        return ()

    def combine(self, values: list[Any]) -> NoLoad:
        return self


def _is_plain_array(result: Any) -> bool:
    """Whether a ``.npy`` file holds all of `result`: the mask of an array would be lost in one, and so may its type."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(result, numpy.ndarray):
        return False
    masked = sys.modules.get("numpy.ma")
    return (masked is None or not isinstance(result, masked.MaskedArray)) and npy_keeps_values(result.dtype)


def _free(part: str) -> str:
    """The path `part`, at which a new file can be made: what a worker that was killed has left there is removed.

    Not written over: in a folder of several users, it may be a link to another file.
    """
    try:
        os.unlink(part)
    except FileNotFoundError:
        pass
    return part


def _write_result(result: Any, oname: str) -> None:
    with open(oname, "xb") as stream:
        if _is_plain_array(result):
            sys.modules["numpy"].save(stream, result)
        else:
            import pickle

            pickle.dump(result, stream)


def _write_description(description: Any, fname: str, metadata_format: str) -> None:
    if metadata_format == "json":
        import json

        text = json.dumps(description, default=repr)
    else:
        text = _yaml().dump(description)
    with open(fname, "x", encoding="utf-8") as stream:
        stream.write(text)


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise UsageError(
            "Metadata as YAML needs PyYAML, which is not installed: pip install PyYAML, or use metadata_format='json'"
        ) from None
    return yaml


@TaskGenerator
def _do_write_task_out(
    result: Any,
    base: Any,
    oname: str | None,
    metadata_fname: str | None = None,
    metadata_format: str = "yaml",
) -> None:
    """Write a result and how it came about; files appear under their names only when they are complete."""
    if metadata_fname is not None and metadata_format == "yaml":
        _yaml()  # if it is missing, nothing has been written yet
    if oname is not None:
        part = _free(oname + ".part")
        _write_result(result, part)
        os.replace(part, oname)
    if metadata_fname is not None:
        part = _free(metadata_fname + ".part")
        _write_description(describe(base.base), part, metadata_format)
        os.replace(part, metadata_fname)


def write_task_out(
    result: Any, oname: str, metadata_fname: str | None = None, metadata_format: str = "yaml"
) -> Task[None]:
    """A task that writes the value of `result` into the file `oname`.

    Parameters
    ----------
    result : Task, Tasklet or a structure of these
    oname : str
        A numpy array is written in the format of ``.npy`` files, whatever the name; everything else is pickled.
    metadata_fname : str, optional
        A file for a description of how the result was computed (see :func:`jug.task.describe`).
    metadata_format : {'yaml', 'json'}
        YAML needs the package PyYAML.
    """
    _check_format(metadata_format)
    return _do_write_task_out(result, NoLoad(result), oname, metadata_fname, metadata_format)


def write_metadata(result: Any, metadata_fname: str, metadata_format: str = "yaml") -> Task[None]:
    """A task that writes how `result` was computed into a file; see :func:`write_task_out`."""
    _check_format(metadata_format)
    return _do_write_task_out(result, NoLoad(result), None, metadata_fname, metadata_format)


def _check_format(metadata_format: str) -> None:
    if metadata_format not in ("yaml", "json"):
        raise ValueError(f"metadata_format must be 'yaml' or 'json', and is {metadata_format!r}")


def task_table(groups: Iterable[tuple[str, Mapping[str, int]]]) -> str:
    """A table: one line per task name, one column per ``(heading, {task name: count})``, and a line of totals."""
    groups = [(heading, {plain_line(name): count for name, count in counts.items()}) for heading, counts in groups]
    names = sorted({name for _, counts in groups for name in counts})
    width = max([21, *map(len, names)]) + 1
    lines = ["Task name".ljust(width) + "".join(f"{heading:>12}" for heading, _ in groups)]
    for name in names:
        lines.append(name.ljust(width) + "".join(f"{counts.get(name, 0):12}" for _, counts in groups))
    lines.append("Total:".ljust(width) + "".join(f"{sum(counts.values()):12}" for _, counts in groups))
    return "\n".join(lines)


def print_task_summary_table(options: Any, groups: Iterable[tuple[str, Mapping[str, int]]]) -> None:
    """Print :func:`task_table`; with ``options.short``, one line for each column, and one for all."""
    if not getattr(options, "short", False):
        tell(options, task_table(groups))
        return
    totals = [(heading, sum(counts.values())) for heading, counts in groups]
    lines = [f"{heading}:  {number_of(total, 'task')}" for heading, total in totals]
    tell(options, "\n".join([*lines, f"** Total: {number_of(sum(total for _, total in totals), 'task')}."]))
