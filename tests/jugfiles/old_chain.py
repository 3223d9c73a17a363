# As in many jugfiles that exist: every name from jug, results as arguments.
from jug import TaskGenerator


@TaskGenerator
def double(x):
    return 2 * x


@TaskGenerator
def add(xs):
    return sum(xs)


doubled = [double(i) for i in range(3)]
total = add(doubled)
