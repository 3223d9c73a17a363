# PYTHON_ARGCOMPLETE_OK (the shell may ask this program how a line goes on)
"""``python -m jug`` is the command ``jug``."""

from .jug import main

if __name__ == "__main__":
    main()
