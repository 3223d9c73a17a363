"""Configuration files of other users: which ones are obeyed, and what is said."""

import os
import pwd

import pytest
from processes import jug, use, write

from jug.trust import why_not_to_obey

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
    assert done.out == ""  # the other file is obeyed: short


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
