"""Tasks that go wrong, each in its own way, and some that do not."""

import sys

from jug import TaskGenerator


def look_up(table, key):
    return table[key]


@TaskGenerator
def fails(key, options=None):
    return look_up({}, key)


@TaskGenerator
def leaves(code):
    sys.exit(code)


@TaskGenerator
def unpicklable(x):
    return (i for i in range(x))


@TaskGenerator
def works(x):
    return x


@TaskGenerator
def needs(x):
    return x


works(0)
broken = fails("key", options="o" * 1000)
needs(broken)
leaves(5)
unpicklable(3)
works(1)
