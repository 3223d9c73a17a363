"""Kinds of stores that installed packages bring along: really installed ones, each a directory on the path."""

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from processes import ROOT, jug, use, write

from jug.backends import select
from jug.backends.select import _schemes
from jug.backends.third_party import adapted_store
from jug.errors import StoreError, UsageError

SPEC = (Path(__file__).parent / "spec_store.py").read_text()


def install(where, source, *points, package="jug-elsewhere", module="elsewhere"):
    """What an installer leaves behind: the module, and what the package says of itself."""
    where.mkdir(exist_ok=True)
    write(where, source, f"{module}.py")
    info = where / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[jug.backends]\n" + "".join(f"{point}\n" for point in points))


@pytest.fixture
def site(tmp_path, monkeypatch):
    known = dict(_schemes)
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("elsewhere", None)
    _schemes.clear()
    _schemes.update(known)


def test_its_scheme_selects_it(site):
    install(site, SPEC, "elsewhere = elsewhere:open_store")
    store = select("elsewhere://there")
    assert isinstance(store, adapted_store)
    assert str(store.where) == "there"
    assert select("elsewhere://here").where != store.where


def test_nobody_is_looked_for_when_the_scheme_is_known(site):
    install(site, "raise SystemError('imported')", "dict_store = elsewhere:open_store")
    assert select("dict_store:x").backend == "x"
    assert select("results").jugdir == "results"


def test_an_unknown_scheme_is_answered_with_theirs_too(site):
    install(site, SPEC, "elsewhere = elsewhere:open_store")
    with pytest.raises(UsageError, match=r"'esewhere' .*known: dict_store, elsewhere, file_keepalive,"):
        select("esewhere://there")
    assert "elsewhere" not in sys.modules


BROKEN = {
    "a module that is not there": ("", "nowhere:open_store", "cannot be loaded: ModuleNotFoundError: .*nowhere"),
    "a module that raises": ("1 / 0", "elsewhere:open_store", "cannot be loaded: ZeroDivisionError"),
    "a name that is not there": ("", "elsewhere:open_store", "cannot be loaded: AttributeError"),
    "no function": ("open_store = 3", "elsewhere:open_store", "is no function that makes a store"),
    "a function that raises": (
        "def open_store(uri): raise ConnectionError('nobody there')",
        "elsewhere:open_store",
        "cannot make a store from 'elsewhere:x': ConnectionError: nobody there",
    ),
    "no store": ("open_store = str", "elsewhere:open_store", "makes a 'str', which is no store: it has no 'dump'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_that_is_broken_is_named_with_its_package(site, what):
    source, value, message = BROKEN[what]
    install(site, source, f"elsewhere = {value}")
    place = rf"the entry point 'elsewhere' = '{value}' of the package 'jug-elsewhere' {message}"
    with pytest.raises(StoreError, match=place):
        select("elsewhere:x")


def test_its_own_mistakes_of_the_user_are_told_as_they_are(site):
    install(
        site,
        "from jug.errors import UsageError\ndef open_store(uri): raise UsageError('no host in it')",
        "elsewhere = elsewhere:open_store",
    )
    with pytest.raises(UsageError, match="^no host in it$"):
        select("elsewhere:x")


def test_two_packages_with_the_same_scheme_are_both_named(site):
    install(site, SPEC, "elsewhere = elsewhere:open_store")
    install(site, "", "elsewhere = other:open_it", package="jug-other", module="other")
    with pytest.raises(UsageError, match=r"'elsewhere': 'elsewhere:open_store' and 'other:open_it'"):
        select("elsewhere://there")


def test_a_package_that_is_found_twice_is_one(site, tmp_path, monkeypatch):
    install(site, SPEC, "elsewhere = elsewhere:open_store")
    install(tmp_path / "again", SPEC, "elsewhere = elsewhere:open_store")
    monkeypatch.syspath_prepend(str(tmp_path / "again"))
    assert select("elsewhere://there")


def test_the_command_line_works_on_it(tmp_path):
    install(tmp_path / "site", SPEC, "elsewhere = elsewhere:open_store")
    use(tmp_path, "chain.py")
    where = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(ROOT)])}
    options = ("--jugdir", "elsewhere://%(jugfile)s.kept")
    assert jug(tmp_path, "execute", *options, **where).code == 0
    for command in ("check", "sleep-until", "status"):
        assert jug(tmp_path, command, *options, **where).code == 0
    assert (tmp_path / "jugfile.kept").is_dir()
    number = len(list((tmp_path / "jugfile.kept").glob("*.result")))
    assert jug(tmp_path, "cleanup", "--dry-run", *options, **where).code == 0
    assert jug(tmp_path, "cleanup", *options, **where).out == "Removed 0 objects\nRemoved 0 locks\n"
    assert jug(tmp_path, "invalidate", "--name", "*", *options, **where).code == 0
    assert not list((tmp_path / "jugfile.kept").glob("*.result"))
    assert number > 5
    write(tmp_path, dedent("1 / 0"), "site/elsewhere.py")
    broken = jug(tmp_path, "status", *options, **where)
    assert broken.code == 4
    assert broken.err.startswith("jug: A kind of store is broken: the entry point 'elsewhere'")
    assert broken.err.count("\n") == 1
