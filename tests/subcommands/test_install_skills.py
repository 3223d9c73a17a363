"""``jug install-skills``: which files it writes where, and that it writes over nothing by mistake."""

import os
import re

import pytest
from processes import files_in, jug, python

from jug import options
from jug.subcommands.install_skills import FILES, SOURCE

FOLDERS = ["jug", "jug/agents", "jug/examples", "jug/references"]
LAYOUT = sorted([*FOLDERS, *(f"jug/{name}" for name in FILES)])


def read(name):
    with open(os.path.join(SOURCE, name), encoding="utf-8") as stream:
        return stream.read()


def is_installed_in(folder):
    return all((folder / "jug" / name).read_text() == read(name) for name in FILES)


def test_the_layout_is_that_of_old_releases(tmp_path):
    done = jug(tmp_path, "install-skills", "--output", "skills")
    assert (done.code, done.out, done.err) == (0, "Wrote 7 files to 'skills/jug'\n", "")
    assert (
        files_in(tmp_path / "skills")
        == LAYOUT
        == [
            *("jug", "jug/SKILL.md", "jug/agents", "jug/agents/openai.yaml", "jug/examples"),
            *("jug/examples/pipeline_jugfile.py", "jug/examples/simple_jugfile.py", "jug/references"),
            *(
                "jug/references/cli-reference.md",
                "jug/references/common-patterns.md",
                "jug/references/troubleshooting.md",
            ),
        ]
    )
    assert is_installed_in(tmp_path / "skills")


def test_files_may_be_read_by_whom_the_umask_lets(tmp_path):
    umask = os.umask(0o022)
    try:
        jug(tmp_path, "install-skills", "--output", ".")
    finally:
        os.umask(umask)
    modes = {oct(path.stat().st_mode & 0o777) for path in [tmp_path / "jug", *(tmp_path / "jug").rglob("*")]}
    assert modes == {"0o755", "0o644"}


def test_folders_above_are_made_and_others_are_kept(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/other").write_text("mine")
    assert jug(tmp_path, "install-skills", "--output", "a").code == 0
    assert jug(tmp_path, "install-skills", "--output", "~/b/c", HOME=str(tmp_path)).code == 0
    assert files_in(tmp_path / "a") == [*LAYOUT, "other"]
    assert files_in(tmp_path / "b/c") == LAYOUT


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "link", "link to nothing"])
def test_what_is_there_is_kept_without_force(tmp_path, kind):
    place = tmp_path / "jug"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if "folder" in kind:
        place.mkdir()
    if kind == "folder":
        (place / "SKILL.md").write_text("mine")
    if kind == "file":
        place.write_text("mine")
    if "link" in kind:
        place.symlink_to(elsewhere if kind == "link" else "nowhere")
    before = files_in(tmp_path)
    done = jug(tmp_path, "install-skills", "--output", ".")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jug: './jug' exists already: nothing was written (--force writes over it)\n"
    assert files_in(tmp_path) == before
    if kind in ("folder", "file"):
        assert (place / "SKILL.md" if kind == "folder" else place).read_text() == "mine"


def test_force_replaces_files_and_keeps_those_of_others(tmp_path):
    jug(tmp_path, "install-skills", "--output", ".")
    (tmp_path / "jug/SKILL.md").write_text("old")
    (tmp_path / "jug/examples/mine.py").write_text("mine")
    (tmp_path / "jug/references/cli-reference.md").unlink()
    assert jug(tmp_path, "install-skills", "--output", ".", "--force").code == 0
    assert is_installed_in(tmp_path)
    assert files_in(tmp_path) == sorted([*LAYOUT, "jug/examples/mine.py"])
    assert (tmp_path / "jug/examples/mine.py").read_text() == "mine"


@pytest.mark.parametrize("name", ["jug", "jug/references", "jug/SKILL.md", "jug/examples/simple_jugfile.py"])
def test_force_replaces_links_and_leaves_what_they_lead_to(tmp_path, name):
    output = tmp_path / "output"
    jug(tmp_path, "install-skills", "--output", "output")
    linked = tmp_path / "linked"
    (output / name).rename(linked)
    before = {path: path.read_text() for path in [linked, *linked.rglob("*")] if path.is_file()}
    (next(iter(before))).write_text("mine")
    before = {path: path.read_text() for path in before}
    (output / name).symlink_to(linked)
    assert jug(tmp_path, "install-skills", "--output", "output", "--force").code == 0
    assert is_installed_in(output) and files_in(output) == LAYOUT
    assert not any(path.is_symlink() for path in output.rglob("*"))
    assert {path: path.read_text() for path in before} == before


def test_force_replaces_a_file_where_the_folder_is_to_be(tmp_path):
    (tmp_path / "jug").touch()
    assert jug(tmp_path, "install-skills", "--output", ".", "--force").code == 0
    assert files_in(tmp_path) == LAYOUT


def test_a_folder_where_a_file_is_to_be_is_kept(tmp_path):
    (tmp_path / "jug/SKILL.md").mkdir(parents=True)
    done = jug(tmp_path, "install-skills", "--output", ".", "--force")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jug: './jug/SKILL.md' is a folder, where a file is to be: nothing was written\n"
    assert files_in(tmp_path) == ["jug", "jug/SKILL.md"]


def test_without_a_folder_it_says_how_to_name_it(tmp_path):
    for given, meant in (((), "DIR"), (("skills",), "skills"), (("--output", ""), "DIR")):
        done = jug(tmp_path, "install-skills", *given)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"jug: The folder to write to is needed: 'jug install-skills --output {meant}'\n"
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(("output", "why"), [("file", "File exists"), ("file/below", "Not a directory")])
def test_a_folder_that_cannot_be_made(tmp_path, output, why):
    (tmp_path / "file").write_text("mine")
    for force in ((), ("--force",)):
        done = jug(tmp_path, "install-skills", "--output", output, *force)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"jug: The folder {output!r} cannot be made: {why}\n"
    assert (tmp_path / "file").read_text() == "mine"


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
from jug.jug import main
main(['jug', 'install-skills', '--output', 'skills'])
"""


def test_what_has_no_room_leaves_nothing_behind(tmp_path):
    done = python(tmp_path, "-c", LIMITED)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"jug: 'skills/jug' cannot be written: File too large\n", done.err)
    assert files_in(tmp_path) == ["skills"]


def test_options_have_the_attributes_of_old_releases():
    parsed = options.parse(["install-skills", "--output", "x", "--force"])
    assert (parsed.install_skills_output, parsed.install_skills_force) == ("x", True)
    parsed = options.parse(["install-skills"])
    assert (parsed.install_skills_output, parsed.install_skills_force) == (None, False)


def test_the_command_writes_all_files_that_the_package_has():
    assert {name for name in files_in(SOURCE) if "." in name and "__pycache__" not in name} == {*FILES}
