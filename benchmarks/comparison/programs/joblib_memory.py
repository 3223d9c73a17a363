"""``python joblib_memory.py DIRECTORY N``: N trivial calls, whose results joblib keeps."""

import sys

from joblib import Memory

memory = Memory(sys.argv[1], verbose=0)


@memory.cache
def number(i):
    return i


for i in range(int(sys.argv[2])):
    number(i)
