"""Many small results in one file that never changes."""
