"""One task among many of the same name is long: the 21st."""

import ctypes
import os

from jug import TaskGenerator


@TaskGenerator
def short(x):
    os.write(os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"short %d\n" % x)
    if x == 20:
        ctypes.PyDLL(None).sleep(8)  # which lets no other thread run
    return x


results = [short(x) for x in range(200)]
