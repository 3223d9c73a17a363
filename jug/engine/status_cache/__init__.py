"""``jug status --cache``."""
