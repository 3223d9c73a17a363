"""``wait`` runs until the file ``go`` is there; ``after`` needs it."""

import os
from time import sleep

from jug import TaskGenerator


@TaskGenerator
def wait(x):
    os.mkdir("started")  # in one step: no signal comes in the middle
    while not os.path.exists("go"):
        sleep(0.01)
    return x


@TaskGenerator
def after(x):
    return x + 1


result = after(wait(1))
