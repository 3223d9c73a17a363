"""Thousands of short tasks, a barrier, a reduction, and a choice that depends on a result."""

import os

from jug import TaskGenerator, barrier, bvalue

COUNT = 5000


def log(text):
    fd = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, text.encode() + b"\n")
    os.close(fd)


@TaskGenerator
def double(x):
    log(f"double {x}")
    return 2 * x


@TaskGenerator
def add(numbers):
    log(f"add {len(numbers)}")
    return sum(numbers)


@TaskGenerator
def check(total, i):
    log(f"check {total} {i}")
    return total + i


doubles = [double(x) for x in range(COUNT)]
barrier()
parts = [add(doubles[i : i + 500]) for i in range(0, COUNT, 500)]
total = bvalue(add(parts))
checks = [check(total, i) for i in range(20)]
