"""The questions of ``jug check``."""
