"""``python diskcache_memoize.py DIRECTORY N``: N trivial calls, whose results diskcache keeps."""

import sys

from diskcache import Cache

cache = Cache(sys.argv[1])


@cache.memoize()
def number(i):
    return i


for i in range(int(sys.argv[2])):
    number(i)
