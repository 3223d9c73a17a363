"""Libraries that jug can do without: where one is missing, the tests that use it are skipped, and no others."""

from importlib import import_module

import pytest


class Missing:
    """In place of a library, and of what a file of tests makes with it while it is read: using it skips the test."""

    while_reading = True  # until conftest.py says that all files of tests have been read

    def __init__(self, library):
        self._library = library

    def _use(self):
        if not Missing.while_reading:
            pytest.skip(f"{self._library} is not installed")
        return self

    def __getattr__(self, name):
        if name.startswith("__"):  # tools look for these
            raise AttributeError(name)
        return self._use()

    def __call__(self, *args, **kwargs):
        return self._use()

    def __getitem__(self, index):
        return self._use()

    def __reduce_ex__(self, protocol):
        return self._use()

    def __repr__(self):
        return f"of {self._library}"


def library(name):
    """The library, or what skips the tests that use it."""
    try:
        return import_module(name)
    except ImportError:
        return Missing(name)


numpy = library("numpy")
