"""Three tasks of `first`, two that depend on one of them (one of these through a Tasklet), and one apart."""

from jug import TaskGenerator, Tasklet


@TaskGenerator
def first(x):
    return [x, x + 1]


@TaskGenerator
def second(x):
    return x


@TaskGenerator
def third(x):
    return x


@TaskGenerator
def apart():
    return "apart"


firsts = [first(i) for i in range(3)]
direct = second(firsts[0])
through = third(Tasklet(firsts[0], len)), third(firsts[0][1])
apart()
