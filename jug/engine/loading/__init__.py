"""Reading the jugfile."""
