"""``jug graph``: a picture of what depends on what, and of how far it is."""

from __future__ import annotations

from jug import task
from jug.backends.system.atomic import atomic_file
from jug.backends.system.filesystem import FileSystem
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import barrier_of
from jug.engine.views.drawing import MOST_TASKS, draw_names, draw_tasks
from jug.engine.views.status import Status
from jug.errors import JugError, UsageError
from jug.words.config import Option, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

#: How long Graphviz may think, in seconds.
PATIENCE = 120.0


class GraphError(JugError):
    """The picture cannot be made."""


class GraphCommand(SubCommand):
    """Graph: produce a diagram of task dependencies"""

    name = "graph"
    options = (
        Option("no-status", False, "Disable inclusion of status information"),
        Option(
            "file-format",
            "png",
            "Set format of graph output file: any that Graphviz's `dot -T` knows, such as png, svg or pdf",
            metavar="FORMAT",
            dest="format",
        ),
        Option("tasks", False, f"Draw every single task (at most {MOST_TASKS}) instead of one node for each task name"),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        graph = Graph(task.alltasks)
        if options.graph_tasks and len(graph) > MOST_TASKS:
            raise UsageError(
                f"--tasks draws at most {MOST_TASKS} tasks, and {options.jugfile} has {len(graph):,}: leave --tasks "
                "out for a graph by task name"
            )
        status = None if options.graph_no_status else Status(graph, store)
        barrier = barrier_of(jugspace)
        note = f"The jugfile stops at a barrier ({barrier}): there may be more tasks after it." if barrier else ""
        text = (draw_tasks if options.graph_tasks else draw_names)(graph, status, _title(options, graph), note)
        written = self._write(options, text.encode("utf-8"))
        tell(options, "\n".join([f"Wrote {' and '.join(written)}.", *([note] if note else ())]))
        return 0

    def _write(self, options: Options, text: bytes) -> list[str]:
        """Write the ``.dot`` file, then the picture; returns their names."""
        base = options.jugfile.removesuffix(".py")
        dotfile = f"{base}.dot"
        _replace(dotfile, text)
        # From the text, not from the file: another `jug graph` may be replacing that.
        picture = render(text, options.graph_format, dotfile)
        target = f"{base}.{options.graph_format}"
        _replace(target, picture)
        return list(dict.fromkeys((dotfile, target)))


def _title(options: Options, graph: Graph) -> str:
    return f"{options.jugfile}: {len(graph):,} {'task' if len(graph) == 1 else 'tasks'}"


def _replace(path: str, content: bytes) -> None:
    """The file `path`, all of it or as it was before."""
    fs = FileSystem()
    target = fs.abspath(path)
    try:
        with atomic_file(fs, f"{target}.{fs.token()}.tmp", target) as stream:
            stream.write(content)
    except OSError as error:
        raise GraphError(f"{path} cannot be written: {error.strerror or error}") from error


def render(text: bytes, format: str, dotfile: str, patience: float = PATIENCE) -> bytes:
    """What Graphviz makes of `text`, which is also in `dotfile`.

    Raises
    ------
    UsageError
        There is no Graphviz, or it does not know the format.
    GraphError
        It fails, or takes longer than `patience` (in seconds).
    """
    import subprocess

    kept = f"the graph itself is in {dotfile}"
    try:
        done = subprocess.run(["dot", f"-T{format}"], input=text, capture_output=True, timeout=patience, check=False)
    except FileNotFoundError:
        raise UsageError(
            f"{kept}; to have it drawn, install Graphviz (https://graphviz.org), whose program 'dot' is not there"
        ) from None
    except subprocess.TimeoutExpired:
        raise GraphError(f"Graphviz ('dot') was stopped after {patience:g} s without a picture; {kept}") from None
    except (OSError, ValueError) as error:
        raise GraphError(f"Graphviz ('dot') cannot be run: {getattr(error, 'strerror', error)}; {kept}") from error
    words = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]  # after it: how to use dot
    if done.returncode < 0:
        raise GraphError(f"Graphviz ('dot') was killed by signal {-done.returncode}; {kept}")
    if done.returncode or not done.stdout:
        kind = UsageError if "not recognized" in words or not format else GraphError
        raise kind(f"Graphviz ('dot') makes no file of the format {format!r}: {words or 'it does not say why'}; {kept}")
    return done.stdout


__getattr__ = as_in_old_releases(__name__, "graph")
