"""A debugger where an error of the user's code was raised: that of IPython if there is one, else Python's."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


def post_mortem(error: BaseException) -> None:
    """Have the user look around, on the terminal, where `error` was raised."""
    if error.__traceback__ is not None and not _by_ipython(error.__traceback__):
        import pdb

        pdb.post_mortem(error.__traceback__)


def _by_ipython(traceback: TracebackType) -> bool:
    try:
        from IPython.core.debugger import Pdb

        debugger = Pdb()
        debugger.reset()
        if not sys.stdout.isatty():
            _in_plain_text(debugger)
    except Exception:  # noqa: BLE001  (not there, or too old or new for this; Python's own always works)
        return False
    debugger.interaction(None, traceback)
    return True


def _in_plain_text(debugger: Any) -> None:
    if hasattr(debugger, "set_theme_name"):  # from IPython 9 on
        debugger.set_theme_name("nocolor")
    else:
        debugger.set_colors("NoColor")
