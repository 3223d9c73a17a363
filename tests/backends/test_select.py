from pathlib import Path

import pytest

import jug.backends.select  # noqa: F401  (makes sure that the package's name is the function all the same)
from jug.backends import select
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.backends.select import _schemes, register_scheme
from jug.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_store_is_returned_as_it_is():
    store = dict_store()
    assert select(store) is store


@pytest.mark.parametrize(
    "path", ["jugdata", "a/b", "./a:b", "/data/run:1", "C:\\data", "with space:x", "..", "ünicode", "1:2"]
)
def test_a_path_is_a_file_store(path):
    store = select(path)
    assert isinstance(store, file_store)
    assert store.jugdir == path


def test_a_path_object_is_a_file_store():
    assert isinstance(select(Path("x")), file_store)


def test_a_directory_that_exists_is_not_taken_for_a_uri():
    Path("results:old").mkdir()
    assert isinstance(select("results:old"), file_store)


def test_selecting_creates_nothing():
    select("jugdata")
    select("dict_store:kept")
    assert list(Path().iterdir()) == []


def test_dict_stores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    assert select("dict_store").backend is None
    assert select("dict_store:").backend is None
    assert select("dict_store:kept/file").backend == "kept/file"


@pytest.mark.parametrize("uri", ["redsi://host", "foo:bar", "x-y:"])
def test_an_unknown_kind_of_store_is_named_with_the_known_ones(uri):
    with pytest.raises(UsageError) as error:
        select(uri)
    assert uri in str(error.value)
    assert "dict_store" in str(error.value)


@pytest.mark.parametrize("jugdir", ["", None, 3, b"bytes"])
def test_what_names_no_store_is_refused(jugdir):
    with pytest.raises(UsageError):
        select(jugdir)


def test_a_scheme_can_be_registered():
    known = dict(_schemes)
    try:
        register_scheme("mine", lambda uri: dict_store(uri.partition("//")[2]))
        assert select("mine://there").backend == "there"
    finally:
        _schemes.clear()
        _schemes.update(known)


@pytest.mark.parametrize("scheme", ["", "a/b", "1a", "a:", "x"])
def test_a_scheme_that_could_not_be_recognised_is_refused(scheme):
    with pytest.raises(UsageError):
        register_scheme(scheme, dict_store)
