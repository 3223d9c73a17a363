"""``wait`` runs until the file ``go`` is there; ``after`` needs it."""

import os
from time import sleep

from jug import TaskGenerator


@TaskGenerator
def wait(x):
    os.makedirs("started", exist_ok=True)  # unlike a file, it need not be closed, before which a signal may come
    while not os.path.exists("go"):
        sleep(0.01)
    return x


@TaskGenerator
def after(x):
    return x + 1


result = after(wait(1))
