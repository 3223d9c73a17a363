"""The store in docs/writing_a_backend.rst keeps what that chapter says every store promises."""

import sys
from pathlib import Path

import checkout
import documents
import pytest
from test_lock_contract import *  # noqa: F403
from test_store_contract import *  # noqa: F403

from jug.backends.select import _schemes, select

checkout.required()

DOCUMENT = documents.ROOT / "docs" / "writing_a_backend.rst"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The chapter's module, which can be imported, and its package, which counts as installed."""
    files = {
        step.name: step.text
        for step in documents.steps(DOCUMENT.read_text(encoding="utf-8"), DOCUMENT.parent)
        if isinstance(step, documents.File)
    }
    place = tmp_path / "site-packages"
    about = place / "sqlite_for_jug-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "sqlite_for_jug.py").write_text(files["sqlite_for_jug.py"], encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sqlite-for-jug\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(entry_points(files["pyproject.toml"]), encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    import sqlite_for_jug

    yield sqlite_for_jug
    del sys.modules["sqlite_for_jug"]
    _schemes.pop("sqlite", None)


def entry_points(pyproject):
    """The section of entry points, as an installer writes it."""
    header = '[project.entry-points."jug.backends"]\n'
    lines = pyproject.partition(header)[2].partition("\n\n")[0].splitlines()
    return "\n".join(["[jug.backends]", *(line.replace('"', "") for line in lines), ""])


@pytest.fixture
def reopen(module, tmp_path):
    opened = []

    def open_again():
        opened.append(module.sqlite_store(str(tmp_path / "results.db")))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


def test_the_package_of_the_chapter_brings_its_scheme_along(module, tmp_path, name):
    path = tmp_path / "by-scheme.db"
    store = select(f"sqlite:{path}")
    assert type(store) is module.sqlite_store
    store.dump(1, name)
    store.close()
    module.sqlite_store.remove_store(f"sqlite:{path}")
    assert not Path(path).exists()
