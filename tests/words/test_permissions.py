"""Configuration files and jugdirs of other users: what is obeyed, and what is said."""

import os
import pwd

import pytest
from processes import jug, use, write

from jug.words.permissions import who_else_can_write, why_not_to_obey

OTHER, THIRD = 54321, 54322
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def checkout(tmp_path):
    """A checkout with a configuration file at its top and one in a directory below; we work there."""
    (tmp_path / ".git").mkdir()
    top = write(tmp_path, "[main]\njugdir = of-top\n", ".jugrc")
    near = write(tmp_path, "[main]\nshort = yes\n", "below/jugrc")
    use(tmp_path / "below", "chain.py")
    for path in (top, near, near.parent):
        path.chmod(0o775 if path.is_dir() else 0o664)
    return near.parent, top, near


def test_our_own_files_are_obeyed_even_if_our_group_can_write_them(checkout):
    where, top, near = checkout
    assert why_not_to_obey(str(top), str(where)) == why_not_to_obey(str(near), str(where)) == ""
    assert jug(where, "execute").err == "jug: All tasks are finished.\n"
    assert (where / "of-top").exists()


@as_root
def test_a_file_of_another_user_in_an_enclosing_checkout_is_not_obeyed(checkout):
    where, top, _ = checkout
    os.chown(top, OTHER, -1)
    done = jug(where, "execute")
    assert (done.code, done.err) == (
        0,
        f"jug: warning: {top} is not obeyed: it belongs to another user (number {OTHER})\n"
        "jug: All tasks are finished.\n",
    )
    assert not (where / "of-top").exists() and (where / "jugfile.jugdata").exists()
    assert done.out == "Executed:  7 tasks\nLoaded:  0 tasks\n** Total: 7 tasks.\n"  # the other file is obeyed: short


@as_root
def test_another_user_is_called_by_name(checkout):
    where, top, _ = checkout
    nobody = pwd.getpwnam("nobody")
    os.chown(top, nobody.pw_uid, -1)
    assert why_not_to_obey(str(top), str(where)) == "it belongs to another user (nobody)"


def test_a_file_that_everybody_can_write_is_not_obeyed_wherever_it_is(checkout):
    where, top, near = checkout
    for path in (top, near):
        path.chmod(0o666)
        assert why_not_to_obey(str(path), str(where)) == "it can be written by everybody"


@as_root
def test_who_works_in_the_directory_of_another_user_obeys_his_file_there_alone(checkout):
    where, top, near = checkout
    for path in (top, near, where):
        os.chown(path, OTHER, -1)
    assert why_not_to_obey(str(near), str(where)) == ""
    assert "another user" in why_not_to_obey(str(top), str(where))
    os.chown(near, THIRD, -1)
    assert "another user" in why_not_to_obey(str(near), str(where))


@as_root
def test_in_a_directory_for_everybody_only_our_own_files_are_obeyed(checkout):
    where, _, near = checkout
    os.chown(where, OTHER, -1)
    where.chmod(0o1777)
    assert why_not_to_obey(str(near), str(where)) == ""
    os.chown(near, OTHER, -1)
    assert "another user" in why_not_to_obey(str(near), str(where))


@as_root
def test_neither_a_link_nor_what_it_leads_to_may_be_of_another_user(checkout):
    where, top, _ = checkout
    link = top.with_name("jugrc")
    link.symlink_to(top)
    os.chown(link, OTHER, -1, follow_symlinks=False)
    assert "another user" in why_not_to_obey(str(link), str(where))
    assert why_not_to_obey(str(top), str(where)) == ""


@as_root
def test_root_obeys_the_files_of_whoever_called_sudo(checkout, monkeypatch):
    where, top, _ = checkout
    os.chown(top, OTHER, -1)
    monkeypatch.setenv("SUDO_UID", str(OTHER))
    assert why_not_to_obey(str(top), str(where)) == ""


@pytest.fixture
def jugdir(tmp_path):
    """A jugdir in a place for everybody, such as /tmp."""
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o1777)
    path = place / "jugfile.jugdata"
    path.mkdir()
    use(place, "chain.py")
    return path


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o775, 0o2770, 0o1775], ids=oct)
def test_a_jugdir_of_ours_that_our_group_can_write_is_not_warned_of(jugdir, mode):
    jugdir.chmod(mode)
    assert who_else_can_write(str(jugdir)) == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702], ids=oct)
def test_a_jugdir_that_everybody_can_write_is_warned_of(jugdir, mode):
    jugdir.chmod(mode)
    assert who_else_can_write(str(jugdir)) == "everybody"


@pytest.mark.parametrize("command", ["execute", "status"])
def test_the_warning_is_said_once_by_each_command(jugdir, command):
    jugdir.chmod(0o777)
    told = "jug: warning: everybody can write to the jugdir jugfile.jugdata, and so run programs as you"
    assert jug(jugdir.parent, command, "--short").err.count(told) == 1
    jugdir.chmod(0o775)
    assert "warning" not in jug(jugdir.parent, command, "--short").err


@as_root
def test_a_jugdir_of_another_user_is_warned_of_where_everybody_can_make_one(jugdir):
    os.chown(jugdir, OTHER, -1)
    told = f"another user (number {OTHER}), to whom it belongs,"
    assert who_else_can_write(str(jugdir)) == told
    assert f"jug: warning: {told} can write to the jugdir" in jug(jugdir.parent, "status").err
    jugdir.parent.chmod(0o775)
    assert who_else_can_write(str(jugdir)) == ""


def test_a_jugdir_that_is_not_there_yet_is_not_warned_of(tmp_path):
    assert who_else_can_write(str(tmp_path / "none")) == ""
