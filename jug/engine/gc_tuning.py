"""Looking for garbage less often, where many objects are made that all stay.

Python looks through all objects again and again while their number grows. Among a hundred thousand tasks, or results,
that takes longer than to make them, and finds nothing. At the end of a process it does so twice more, which for a short
one takes longer than anything else in it.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def leave_alone() -> None:
    """Look for no garbage among what is there now: modules, which stay. For a process that does nothing but jug."""
    gc.freeze()


@contextmanager
def rare_collections() -> Iterator[None]:
    """Inside, garbage is looked for once for many more new objects."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
