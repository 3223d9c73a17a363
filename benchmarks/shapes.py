"""A jugfile with graphs of several shapes: ``jug execute shapes.py -- SHAPE N`` makes about N trivial tasks.

The tasks do nothing, so that what is measured is what jug adds to each.
"""

from __future__ import annotations

import sys
from math import isqrt

from jug import Task
from jug.mapreduce import mapreduce


def number(i):
    return i


def add(a, b):
    return (a + b) % 1_000_003


def total(numbers):
    return sum(numbers) % 1_000_003


def independent(n):
    for i in range(n):
        Task(number, i)


def chain(n):
    last = Task(number, 0)
    for i in range(1, n):
        last = Task(add, last, i)


def fan_in(n):
    Task(total, [Task(number, i) for i in range(n - 1)])


def fan_out(n):
    first = Task(number, 0)
    for i in range(1, n):
        Task(add, first, i)


def tree(n):
    """Each number is mapped by a task of its own; then 8 results are reduced to 1 until one is left."""
    mapreduce(add, number, list(range(n * 7 // 8)), map_step=1, reduce_step=8)


def lattice(n):
    """As many layers as a layer has tasks, each of which needs two neighbours in the layer before."""
    width = isqrt(n)
    layer = [Task(number, i) for i in range(width)]
    for _ in range(1, width):
        layer = [Task(add, layer[i], layer[(i + 1) % width]) for i in range(width)]


SHAPES = {f.__name__.replace("_", "-"): f for f in (independent, chain, fan_in, fan_out, tree, lattice)}

if __name__ not in ("benchmarks.shapes", "__main__") and len(sys.argv) == 3:
    SHAPES[sys.argv[1]](int(sys.argv[2]))
