"""What tests of the engine share."""

import sys

import pytest


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file of the working directory; modules that are imported from there are forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(text, name="jugfile.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]
