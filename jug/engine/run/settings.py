"""What a worker is told, and what it has of the world around it."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Settings:
    """What a worker is told to do; see the options of ``jug execute``.

    Attributes
    ----------
    keep_going, keep_failed, debug, pdb, aggressive_unload : bool
    retry_failed : bool
        Try again, once, what failed before, in this run or an earlier one.
    groups : bool
        Results of short tasks may be stored together.
    wait_cycle_time : float
        The longest pause between two looks, in seconds.
    nr_wait_cycles : int
        How many such pauses to wait without progress.
    """

    def __init__(self, **values: Any) -> None:
        self.keep_going = self.keep_failed = self.debug = self.pdb = self.aggressive_unload = False
        self.retry_failed = False
        self.groups = True
        self.wait_cycle_time = 12.0
        self.nr_wait_cycles = 150
        for name, value in values.items():
            if name not in self.__dict__:
                raise TypeError(f"There is no setting {name!r}")
            setattr(self, name, value)


class World:
    """Time and chance, so that tests can bring their own."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = lambda: int.from_bytes(os.urandom(4), "big") / 2**32,
    ) -> None:
        self.clock = clock
        self.sleep = sleep
        self.chance = chance
