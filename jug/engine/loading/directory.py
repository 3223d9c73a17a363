"""The working directory, which the user's code may change, and may have removed."""

from __future__ import annotations

import os


def working_directory() -> str:
    """Where this process is; '' if that does not exist any more."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def go_to(directory: str) -> None:
    """Go there, if it still exists."""
    try:
        os.chdir(directory)
    except OSError:
        pass  # whoever opens a file will say so
