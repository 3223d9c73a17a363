"""``jug check``: is everything finished?"""

from __future__ import annotations

from .. import task
from ..engine.graph import Graph
from ..engine.jugfile import barrier_of
from ..engine.status import Status
from ..errors import EXIT_FAILED, EXIT_OK
from .command import SubCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..config import Options


class CheckCommand(SubCommand):
    """Returns 0 if all tasks are finished. 1 otherwise."""

    name = "check"

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        return EXIT_OK if is_complete(store, jugspace) else EXIT_FAILED


def is_complete(store: Any, jugspace: Mapping[str, Any]) -> bool:
    """Whether the jugfile was read to its end and all its tasks are finished."""
    return barrier_of(jugspace) is None and Status(Graph(task.alltasks), store).is_complete()
