"""``jug pack``: many small results in one file."""

from __future__ import annotations

from jug.backends.file.pack.packer import LARGEST
from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.errors import UsageError
from jug.words.config import tell
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.words.config import Options


class PackCommand(SubCommand):
    """Pack small result files into a single file (file-based stores only)

    Can be done at any time: others may execute, invalidate, clean up or pack meanwhile.
    """

    name = "pack"

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        if not hasattr(store, "pack"):
            raise UsageError("Cannot pack this store (only jugdata directories can be packed)")
        done = store.pack()
        tell(options, f"Packed {number_of(done.packed, 'object')}")
        if done.unreadable:
            terminal.say(_left(done.unreadable))
        return 0


def _left(paths: list[str]) -> str:
    of_which_size = f"of at most {LARGEST} bytes"
    if len(paths) == 1:
        return f"1 file {of_which_size} was left as it is, since it is damaged or cannot be read ({paths[0]})"
    why = f"since they are damaged or cannot be read (the first one is {paths[0]})"
    return f"{number_of(len(paths), 'file')} {of_which_size} were left as they are, {why}"


__getattr__ = as_in_old_releases(__name__, "pack")
