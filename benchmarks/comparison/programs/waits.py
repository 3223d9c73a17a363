"""A jugfile: N tasks need one that takes long. ``jug execute waits.py -- SECONDS N``

The long task makes a file ``started``, so that a second worker can be started while the first has it.
"""

import sys
import time
from pathlib import Path

from jug import Task


def long(seconds):
    Path("started").touch()
    time.sleep(seconds)
    return seconds


def add(a, b):
    return a + b


first = Task(long, float(sys.argv[1]))
for i in range(int(sys.argv[2])):
    Task(add, first, i)
