"""``python load_array.py JUGDIR MEGABYTES``: load what arrays.py has stored, and write the seconds to ``loaded``.

With a file instead of a jugdir, read that instead, into memory and nothing else.
"""

import os
import sys
import time
from pathlib import Path

import jug

place, megabytes = sys.argv[1:]
if os.path.isdir(place):
    sys.argv = ["arrays.py", megabytes]
    _, jugspace = jug.init("arrays.py", place)
    start = time.perf_counter()
    size = jug.value(jugspace["result"]).nbytes
else:
    start = time.perf_counter()
    with open(place, "rb", buffering=0) as stream:
        size = len(stream.read())
seconds = time.perf_counter() - start
assert size == int(megabytes) * 1_000_000, size
Path("loaded").write_text(repr(seconds))
