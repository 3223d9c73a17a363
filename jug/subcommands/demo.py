"""``jug demo``: a first jugfile to play with."""

from __future__ import annotations

import os

from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.errors import UsageError
from jug.words.config import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options

DIRECTORY = "jug-demo"
JUGFILE = """\
from jug import TaskGenerator
from time import sleep


@TaskGenerator
def is_prime(n):
    sleep(0.2)  # so that there is time to look at 'jug status'
    for j in range(2, n - 1):
        if (n % j) == 0:
            return False
    return True


primes100 = [is_prime(n) for n in range(2, 101)]
"""
WHAT_NEXT = """\
Wrote {path}. What to try:

    cd {directory}
    jug status primes.py      # how many tasks there are, and which are finished
    jug execute primes.py &   # run them; start as many of these as you have cores
    jug status primes.py
    jug shell primes.py       # look at results: value(primes100)
"""


class DemoCommand(SubCommand):
    """Create demo directory."""

    name = "demo"
    needs_jugfile = False
    needs_store = False

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        given = vars(options).get("jugfile")  # on the command line
        if given is not None:
            raise UsageError(
                f"'jug demo' takes no argument, and {given!r} is one: it makes the directory {DIRECTORY!r}"
            )
        path = os.path.join(DIRECTORY, "primes.py")
        try:
            if not os.path.isdir(DIRECTORY):
                os.mkdir(DIRECTORY)
            with open(path, "x", encoding="utf-8") as stream:
                stream.write(JUGFILE)
        except FileExistsError as error:
            raise UsageError(f"{error.filename!r} exists already: nothing was written") from None
        except OSError as error:
            raise UsageError(f"{path!r} cannot be written: {error.strerror}") from error
        tell(options, WHAT_NEXT.format(path=path, directory=DIRECTORY).removesuffix("\n"))
        return 0


__getattr__ = as_in_old_releases(__name__, "demo")
