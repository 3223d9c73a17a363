"""A store in a relative directory is the one in the directory where it is first used."""

import pytest

from jug.backends.file_store import file_keepalive_store, file_store

NAME = b"a" * 40


@pytest.fixture
def places(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    return lambda name: monkeypatch.chdir(tmp_path / name)


@pytest.mark.parametrize("kind", [file_store, file_keepalive_store])
def test_its_directory_is_that_of_the_first_use(tmp_path, places, kind):
    store = kind("results")
    places("two")
    store.dump(1, NAME)
    places("one")
    assert store.can_load(NAME) and kind("results").can_load(NAME) is False
    assert file_store(tmp_path / "two/results").load(NAME) == 1
    assert store.jugdir == "results"


def test_a_look_is_a_use(places):
    store = file_store("results")
    assert not store.can_load(NAME)
    places("two")
    store.dump(1, NAME)
    assert not file_store("results").can_load(NAME)


def test_what_is_asked_of_it_before_makes_nothing(tmp_path, places):
    store = file_store("results")
    assert not hasattr(store, "no_such_thing")
    store.close()
    assert list((tmp_path / "one").iterdir()) == []


def test_a_key_of_somebody_else_is_refused_each_time(tmp_path, places):
    keys = []
    for name in ("mine", "other"):
        keys.append(tmp_path / name)
        keys[-1].write_bytes(name.encode() * 16)
        keys[-1].chmod(0o600)
    file_store("results", sign_key=str(keys[0])).dump(1, NAME)
    store = file_store("results", sign_key=str(keys[1]))
    for _ in range(2):
        with pytest.raises(Exception, match="signed with another key"):
            store.load(NAME)
