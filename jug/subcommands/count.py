"""``jug count``: how many tasks there are, without asking the store."""

from __future__ import annotations

from jug import task
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.graph import Graph
from jug.io import print_task_summary_table
from jug.task_parts.naming import caption_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options


class CountCommand(SubCommand):
    """Simply count tasks"""

    name = "count"

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        counts: dict[str, int] = {}
        for counted in Graph(task.alltasks).tasks:
            name = caption_of(counted)
            counts[name] = counts.get(name, 0) + 1
        print_task_summary_table(options, [("Count", counts)])
        return 0


__getattr__ = as_in_old_releases(__name__, "count")
