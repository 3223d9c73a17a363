"""Several steps, where the number of tasks in the second step depends on the result of the first.

Run it with ``jug execute pipeline_jugfile.py``. The jugfile is read up to ``bvalue``; when that result is there, the
same workers read it again, and get further.
"""

from jug import TaskGenerator, bvalue
from jug.mapreduce import mapreduce


@TaskGenerator
def list_samples(study):
    """What is there to be done? Ask it in a task, so that all workers get the same answer."""
    return [f"{study}-{number}" for number in range(4)]


@TaskGenerator
def measure(sample, version):
    """With a version as an argument: another version is another task, and is run."""
    return [len(sample) * version + offset for offset in range(3)]


@TaskGenerator
def mean(numbers):
    return sum(numbers) / len(numbers)


@TaskGenerator
def report(means):
    return {"samples": len(means), "largest": max(means.values())}


def square(number):
    """Too short for a task of its own: mapreduce puts many calls into one task. A plain function, no TaskGenerator."""
    return number * number


def add(a, b):
    return a + b


samples = bvalue(list_samples("S"))  # nothing below this line exists before that task is finished

means = {sample: mean(measure(sample, version=1)) for sample in samples}
summary = report(means)
sum_of_squares = mapreduce(add, square, range(1000), map_step=250)
