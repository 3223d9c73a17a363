"""``python -m jug`` is the command ``jug``."""

from .jug import main

if __name__ == "__main__":
    main()
