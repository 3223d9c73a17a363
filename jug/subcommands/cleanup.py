"""``jug cleanup``: remove results that no task of the jugfile has, and locks that nobody holds any more."""

from __future__ import annotations

from .. import task
from ..config import Option
from ..engine.graph import Graph
from ..engine.jugfile import barrier_of
from ..errors import UsageError
from .command import SubCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..config import Options


class CleanupCommand(SubCommand):
    """Cleanup: remove result files that are not used"""

    name = "cleanup"
    options = (
        Option("locks-only", False, "Cleanup locks leaving computed results untouched", exclusive="what"),
        Option(
            "failed-only",
            False,
            "Cleanup failed locks leaving computed results and active locks untouched",
            exclusive="what",
        ),
        Option("keep-locks", False, "Cleanup unused results leaving locks untouched", exclusive="what"),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        if options.cleanup_failed_only:
            failed = [name for name, has_failed in store.lock_states().items() if has_failed]
            print(f"Removed {sum(store.remove_lock(name, failed_only=True) for name in failed)} failed locks")
            return 0
        if options.cleanup_locks_only:
            print(f"Removed {store.remove_locks()} locks")
            return 0
        barrier = barrier_of(jugspace)
        if barrier is not None:
            raise UsageError(
                f"the jugfile {options.jugfile!r} stops at a barrier ({barrier}), so which results are used after "
                "it is not known: nothing was removed (finish with 'jug execute' first, or use --locks-only or "
                "--failed-only)"
            )
        print(f"Removed {store.cleanup(list(Graph(task.alltasks).index), keeplocks=True)} objects")
        if not options.cleanup_keep_locks:
            print(f"Removed {store.remove_locks()} locks")
        return 0
