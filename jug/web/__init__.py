"""The status of a run as a page, for people and for scripts."""
