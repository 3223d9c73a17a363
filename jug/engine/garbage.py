"""Looking for garbage less often, where many objects are made that all stay.

Python looks through all objects again and again while their number grows. Among a hundred thousand tasks, or results,
that takes longer than to make them, and finds nothing.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def rare_collections() -> Iterator[None]:
    """Inside, garbage is looked for once for many more new objects."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
