"""A fresh jug for each test: no tasks, no store, no hooks, and the interpreter as it was."""

import signal
import sys

import pytest
from optional import Missing

import jug.task
from jug.backends.dict_store import dict_store
from jug.backends.system.signals import SIGNALS
from jug.hooks import reset_all_hooks
from jug.task_parts import namesakes


def pytest_addoption(parser, pluginmanager):
    """What the configuration says to plugins is no mistake where these are not installed."""
    if not pluginmanager.hasplugin("xdist"):
        parser.addoption("--dist", help="for pytest-xdist, which is not installed")
    if not pluginmanager.hasplugin("timeout"):
        parser.addini("timeout", "for pytest-timeout, which is not installed")


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout(seconds): for pytest-timeout, whether or not it is installed")
    config.addinivalue_line("markers", "xdist_group(name): for pytest-xdist, whether or not it is installed")


def pytest_sessionstart():
    """Whoever runs the tests in the background ignores some signals, and so would all processes that tests start."""
    for signum in SIGNALS:
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, signal.SIG_DFL)


def pytest_collection_finish():
    Missing.while_reading = False


@pytest.fixture(autouse=True)
def fresh_jug():
    tasks, argv, path, modules = jug.task.alltasks, sys.argv[:], sys.path[:], set(sys.modules)
    _forget_everything()
    yield
    jug.task.alltasks = tasks  # a test may have put another list in its place
    _forget_everything()
    sys.argv[:], sys.path[:] = argv, path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__spec__", None) is None:  # a jugfile: all real modules have a spec
            del sys.modules[name]


def _forget_everything():
    del jug.task.alltasks[:]
    jug.task.Task.store = None
    reset_all_hooks()
    namesakes.forget()
    namesakes._told.clear()


@pytest.fixture
def store():
    """An empty store in memory, which all tasks use."""
    jug.task.Task.store = dict_store()
    return jug.task.Task.store
