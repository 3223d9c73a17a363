"""Python's logging, which the user's functions may use: shown as ``--verbose`` says."""

from __future__ import annotations

LEVELS = ("info", "debug")


def show_logging(verbose: str) -> None:
    """Have what is logged be shown on standard error from the level `verbose` on, if it is one of LEVELS.

    This is what a program has that sets up nothing, so that one which does, or a jugfile, is obeyed.
    """
    if verbose not in LEVELS:
        return
    import logging

    root = logging.getLogger()
    if root.handlers or logging.lastResort is None:
        return
    root.setLevel(verbose.upper())
    logging.lastResort.setLevel(verbose.upper())
    logging.lastResort.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
