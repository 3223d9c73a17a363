"""Locks as files."""
