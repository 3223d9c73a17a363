"""A jugfile with one task, whose result is an array. ``jug execute arrays.py -- MEGABYTES``

How long it took to store it, in seconds, is written to the file ``stored``.
"""

import sys
import time
from pathlib import Path

import numpy as np

from jug import Task
from jug.hooks import register_hook

ended = 0.0


def array(megabytes):
    global ended
    made = np.random.default_rng(megabytes).random(megabytes * 125_000)
    ended = time.perf_counter()
    return made


def stored(task):
    Path("stored").write_text(repr(time.perf_counter() - ended))


register_hook("execute.task-executed1", stored)
result = Task(array, int(sys.argv[1]))
