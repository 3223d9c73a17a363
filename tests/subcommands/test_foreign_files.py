"""What is in the jugdir and is not jug's: no command changes it, whatever it is called."""

import os
import subprocess
import zlib

import pytest
from processes import jug, python, use

from jug.backends.file_store import file_store

HASH = "0123456789abcdef0123456789abcdef01234567"
# Files; a name that ends with a slash is a directory.
FOREIGN = [
    "zz",
    "notes.txt",
    "deep/er/file",
    "ab/é",
    "ab/" + "g" * 38,
    "ab/" + "A" * 38,
    "ab/" + "a" * 37,
    "ab/" + "a" * 39,
    "ab/" + "b" * 38 + "/inside",
    "AB/" + "a" * 38,
    "abc/" + "a" * 38,
    "locks/README",
    "locks/dir.lock/x",
    f"locks/{HASH}.lock/x",
    f"locks/{HASH}",
    "locks/empty/",
    "tempfiles/thesis.tex",
    "tempfiles/r-notes.txt",
    "tempfiles/sub/x",
    "packs/mine",
    "packs/g-0123456789abcdef/x",
    "packs/jugpack.bak",
    "failures/report.doc",
    f"failures/{HASH[::-1]}/x",
]
MANY = [
    ["status"],
    ["status", "--cache", "--cache-file", "../cache"],
    ["check"],
    ["count"],
    ["graph"],
    ["pack"],
    ["invalidate", "--name", "second", "--dry-run"],
    ["invalidate", "--name", "second"],
    ["execute"],
    ["pack"],
    ["invalidate", "--name", "first"],
    ["execute", "--keep-failed"],
    ["cleanup", "--dry-run"],
    ["cleanup", "--keep-locks"],
    ["cleanup", "--locks-only"],
    ["cleanup", "--failed-only"],
    ["cleanup", "--force"],
    ["cleanup"],
]


def everything(where):
    """What is there but for what directories say about their entries; links are not followed."""
    found = {}
    for path in sorted(where.rglob("*")):
        kind = "link" if path.is_symlink() else "directory" if path.is_dir() else "file"
        content = os.readlink(path) if kind == "link" else path.read_bytes() if kind == "file" else None
        found[str(path.relative_to(where))] = (kind, path.lstat().st_ino, content)
    return found


def put(where, names=FOREIGN):
    for name in names:
        path = where / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("mine")


@pytest.fixture
def elsewhere(tmp_path):
    """A directory to which links lead, with names of our shape in it."""
    path = tmp_path / "elsewhere"
    put(path, [HASH[2:], f"{HASH}.lock", HASH, "jugpack", "r-1-0123456789abcdef"])
    return path


def links(where, target):
    """Links in the jugdir, to a directory and to nothing."""
    (where / "ac").symlink_to(target)
    (where / "ad").symlink_to("nowhere")
    (where / "file").symlink_to(target / HASH)


@pytest.mark.parametrize("jugdir", [".", "sub", "sub/../sub/"])
def test_no_command_changes_what_jug_did_not_make(tmp_path, elsewhere, jugdir):
    project = tmp_path / "project"
    project.mkdir()
    use(project, "chain.py")
    where = project / jugdir
    put(where)
    links(where, elsewhere)
    before, beyond = everything(project), everything(elsewhere)
    for command, *options in MANY:
        done = jug(project, command, "--jugdir", jugdir, *options)
        assert done.code in (0, 1) and "Traceback" not in done.err, (command, options, done)
        now = everything(project)
        assert {name: now.get(name) for name in before} == before, (command, options)
        assert everything(elsewhere) == beyond, (command, options)
    file_store.remove_store(str(where.resolve()))
    now = everything(project)
    assert {name: now.get(name) for name in before} == before
    assert everything(elsewhere) == beyond


@pytest.mark.parametrize("name", ["locks", "tempfiles", "packs", "failures"])
def test_links_in_place_of_our_directories_are_not_followed_to_remove(tmp_path, elsewhere, name):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short", "--no-groups").code == 0
    jugdir = tmp_path / "jugfile.jugdata"
    if (jugdir / name).exists():
        (jugdir / name).rmdir()
    (jugdir / name).symlink_to(elsewhere)
    before = everything(elsewhere)
    for options in ([], ["--locks-only"], ["--failed-only"]):
        assert jug(tmp_path, "cleanup", *options).code == 0
    file_store.remove_store(str(jugdir))
    assert everything(elsewhere) == before
    assert (jugdir / name).is_symlink()


def link_in_place_of(path, target):
    if path.exists():
        path.rmdir()
    path.symlink_to(target)


@pytest.mark.parametrize("name", ["locks", "tempfiles", "ab"])
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_written_through_links_in_place_of_our_directories(tmp_path, elsewhere, name, is_new):
    use(tmp_path, "chain.py")
    jugdir = tmp_path / "jugfile.jugdata"
    jugdir.mkdir()
    if not is_new:
        assert jug(tmp_path, "execute", "--name", "jugfile.first", "--no-groups").code == 0
    names = [name] if name != "ab" else [f"{n:02x}" for n in range(256) if not (jugdir / f"{n:02x}").exists()]
    for each in names:
        link_in_place_of(jugdir / each, elsewhere)
    before = everything(elsewhere)
    done = jug(tmp_path, "execute", "--no-groups")
    assert done.code == 4 and done.last.startswith("jug: Cannot ")
    assert done.last.endswith(" is a symbolic link, through which nothing is written")
    assert everything(elsewhere) == before


@pytest.mark.parametrize("name", ["failures", "corrupt"])
def test_what_would_be_written_besides_is_not_written_through_links(tmp_path, elsewhere, name):
    (tmp_path / "jugfile.py").write_text("from jug import Task\nt = [Task(divmod, 7, n) for n in range(6)]\n")
    jugdir = tmp_path / "jugfile.jugdata"
    jugdir.mkdir()
    link_in_place_of(jugdir / name, elsewhere)
    before = everything(elsewhere)
    assert jug(tmp_path, "execute", "--keep-going").code == 1
    assert everything(elsewhere) == before
    assert jug(tmp_path, "execute", "--keep-going", "--short").last.startswith("jug: 1 task failed")


def test_no_pack_is_written_through_a_link(tmp_path, elsewhere):
    use(tmp_path, "chain.py")
    jugdir = tmp_path / "jugfile.jugdata"
    assert jug(tmp_path, "execute", "--no-groups").code == 0
    (elsewhere / "jugpack").unlink()
    link_in_place_of(jugdir / "packs", elsewhere)
    before = everything(elsewhere)
    for command in (["pack"], ["invalidate", "--name", "jugfile.first"], ["execute"]):
        done = jug(tmp_path, *command)
        assert everything(elsewhere) == before
        if command == ["pack"]:
            assert done.code == 4 and done.last.endswith(" is a symbolic link, through which nothing is written")


def test_a_jugdir_may_be_a_link(tmp_path, elsewhere):
    use(tmp_path, "chain.py")
    (tmp_path / "real").mkdir()
    (tmp_path / "jugfile.jugdata").symlink_to("real")
    assert jug(tmp_path, "execute").code == 0
    assert (tmp_path / "real" / "locks").is_dir()


@pytest.mark.parametrize("name", ["locks", "tempfiles", "packs", "failures"])
def test_files_in_place_of_our_directories_stay_and_stop_no_command_that_writes_nothing(tmp_path, name):
    path = use(tmp_path, "chain.py")
    (tmp_path / name).write_text("mine")
    before = everything(tmp_path)
    for command in (["status"], ["check"], ["cleanup"], ["cleanup", "--locks-only"], ["cleanup", "--failed-only"]):
        done = jug(tmp_path, *command, "--jugdir", ".")
        assert done.code == (0 if command[0] == "cleanup" else 1) and done.err.count("\n") <= 1, (command, done)
    assert everything(tmp_path) == before
    done = jug(tmp_path, "execute", "--jugdir", ".")
    if name in ("locks", "tempfiles"):
        assert done.code == 4 and done.last.startswith("jug: Cannot ") and done.last.endswith(": Not a directory")
    else:
        assert done.code == 0
    now = everything(tmp_path)
    assert {entry: now[entry] for entry in before} == before
    path.write_text("")
    assert jug(tmp_path, "cleanup", "--jugdir", ".").code == 0
    assert (tmp_path / name).read_text() == "mine"


def test_cleanup_says_how_many_there_are(tmp_path):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").code == 0
    assert "Left alone" not in jug(tmp_path, "cleanup").out
    jugdir = tmp_path / "jugfile.jugdata"
    (jugdir / "a\nb").write_text("mine")
    assert jug(tmp_path, "cleanup").out.endswith("Left alone: 1 file or folder that is not jug's ('a\\nb')\n")
    put(jugdir, ["ab/é", "zz"])
    told = "Left alone: 3 files and folders that are not jug's (the first is 'a\\nb')\n"
    assert jug(tmp_path, "cleanup", "--dry-run").out.endswith(told)
    assert jug(tmp_path, "cleanup", "--locks-only").out.endswith(told)
    assert "Left alone" not in jug(tmp_path, "cleanup", "--short").out


def repository(where):
    """A git repository with some objects."""
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q", "."], ["add", "."], [*name, "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=where, check=True, env={**os.environ, "HOME": str(where)})
    return where / ".git" / "objects"


REMOVING = [["execute"], ["cleanup"], ["cleanup", "--dry-run"], ["cleanup", "--keep-locks"], ["pack"]]


@pytest.mark.parametrize("command", REMOVING, ids=" ".join)
def test_the_objects_of_git_are_no_results(tmp_path, command):
    use(tmp_path, "chain.py")
    objects = repository(tmp_path)
    before = everything(tmp_path)
    assert any(len(name.replace("/", "")) == len(".gitobjects") + 40 for name in before)
    done = jug(tmp_path, *command, "--jugdir", ".git/objects")
    assert done.code == 2
    assert done.last == (
        f"jug: {objects} is not a jugdir: it holds the objects of a git repository; choose another one"
    )
    assert everything(tmp_path) == before


@pytest.mark.parametrize("command", REMOVING, ids=" ".join)
def test_files_named_like_results_that_are_none_are_refused(tmp_path, command):
    use(tmp_path, "chain.py")
    photos = tmp_path / "photos"
    put(photos, [f"{n:02x}/{n:038x}" for n in range(20)])
    (photos / "00" / f"{0:038x}").write_bytes(zlib.compress(b"blob 3\0abc"))
    before = everything(photos)
    done = jug(tmp_path, *command, "--jugdir", "photos")
    assert done.code == 2
    assert done.last == (
        f"jug: {photos} is not a jugdir: it has files that are named like results, such as {photos}/00/{0:038x}, "
        "but that jug did not make; choose another one"
    )
    assert everything(photos) == before


@pytest.mark.parametrize("extra", [[], ["README"]])
def test_a_copy_without_empty_directories_is_still_a_jugdir(tmp_path, extra):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").code == 0
    jugdir = tmp_path / "jugfile.jugdata"
    for name in ("locks", "tempfiles"):
        if (jugdir / name).exists():
            (jugdir / name).rmdir()
    put(jugdir, extra)
    (tmp_path / "jugfile.py").write_text("")
    assert jug(tmp_path, "cleanup").out.startswith("Removed 7 objects\n")


def test_an_empty_jugdir_is_refused(tmp_path):
    use(tmp_path, "chain.py")
    before = everything(tmp_path)
    for command in ("execute", "cleanup", "pack", "status"):
        done = jug(tmp_path, command, "--jugdir", "")
        assert (done.code, done.last) == (2, "jug: --jugdir '': the name of a directory or store is needed")
    assert everything(tmp_path) == before


PIPES = [
    "locks/NAME.lock",
    f"locks/{HASH}.lock",
    "tempfiles/w-0123456789abcdef",
    "NA/ME",
    "packs/g-0123456789abcdef",
    "packs/jugpack",
    "failures/NAME",
    "all-have-checksums",
]
FEW = [["status"], ["execute", "--nr-wait-cycles", "1", "--wait-cycle-time", "0"], ["invalidate", "--name", "first"]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("pipe", PIPES)
def test_no_command_waits_for_a_pipe(tmp_path, pipe):
    use(tmp_path, "chain.py")
    jugdir = tmp_path / "jugfile.jugdata"
    name = python(
        tmp_path, "-c", "import jug; jug.init('jugfile.py', 'x'); print(jug.task.alltasks[0].hash().decode())"
    ).out.strip()
    assert len(name) == len(HASH)
    path = jugdir / pipe.replace("NAME", name).replace("NA/ME", f"{name[:2]}/{name[2:]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    for command, *options in [*FEW, ["pack"], ["status", "--workers"], ["cleanup", "--force"]]:
        done = jug(tmp_path, command, *options)  # which ends a process that waits for too long
        assert done.code in (0, 1, 3) and "Traceback" not in done.err, (command, options, done)
