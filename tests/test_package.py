"""The package as it is built and installed."""

import configparser
import email
import os
import re
import sys
import zipfile

import checkout
import pytest
from fresh_install import ROOT, build_wheel, call, clean_environment, install

import jug

checkout.required()

pytestmark = pytest.mark.xdist_group("package")

JUGFILE = """\
import sys
from jug import TaskGenerator, barrier, value

@TaskGenerator
def double(x):
    return 2 * x

doubled = [double(i) for i in range(5)]
barrier()
total = double(sum(value(doubled)))
barrier()
print('total', value(total), sorted({'numpy', 'IPython'} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(contents):
    return email.message_from_bytes(contents[f"jug-{jug.__version__}.dist-info/METADATA"])


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return install(wheel, tmp_path_factory.mktemp("installed") / "environment")


LEFT_OUT = {"__pycache__", "faults"}


def modules_of_the_tree():
    data = [*(ROOT / "jug/web/static").iterdir(), *(ROOT / "jug/skill").rglob("*.*")]
    files = [*(ROOT / "jug").rglob("*.py"), *(path for path in data if path.suffix != ".pyc")]
    return {str(path.relative_to(ROOT)) for path in files}


def suite_of_the_tree():
    """Where the tests and their configuration are in the wheel; those of faults are for a checkout."""
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*") if path.is_file()}
    return {f"jug/_testsuite/{name}" for name in files | {"pyproject.toml"} if not LEFT_OUT & {*name.split("/")}}


def test_wheel_holds_all_modules_and_tests_and_nothing_else(contents):
    files = {name for name in contents if ".dist-info/" not in name}
    assert files == modules_of_the_tree() | {"jug/py.typed"} | suite_of_the_tree()


def test_wheel_is_not_large(wheel):
    assert wheel.stat().st_size < 1_100_000  # half of it are the tests


def test_wheel_says_that_it_is_typed_and_carries_the_licence(contents):
    assert "jug/py.typed" in contents
    assert any(name.endswith("/LICENSE") for name in contents)


def test_wheel_has_both_commands(contents):
    scripts = configparser.ConfigParser()
    scripts.read_string(contents[f"jug-{jug.__version__}.dist-info/entry_points.txt"].decode())
    assert dict(scripts["console_scripts"]) == {"jug": "jug.jug:main", "jug-execute": "jug.jug:main_execute"}


def test_core_requires_nothing(metadata):
    requirements = metadata.get_all("Requires-Dist")
    assert [requirement for requirement in requirements if "extra ==" not in requirement] == []


def test_metadata_names_python_and_extras(metadata):
    assert metadata["Requires-Python"] == ">=3.10"
    assert {"shell", "redis", "completion", "web", "all", "test"} <= set(metadata.get_all("Provides-Extra"))
    assert metadata["Version"] == jug.__version__


@pytest.mark.parametrize(
    "command",
    [["{bin}/jug"], ["{bin}/python", "-m", "jug"], [sys.executable, f"{ROOT}/bin/jug"]],
    ids=["installed", "module", "checkout"],
)
def test_every_way_to_start_jug_tells_the_same_version(installed, tmp_path, command):
    command = [word.format(bin=installed) for word in command]
    assert call(*command, "--version", cwd=tmp_path).strip() == jug.__version__


def test_changelog_begins_with_this_version():
    heading = (ROOT / "ChangeLog").read_text(encoding="utf-8").splitlines()[0]
    version, note = re.fullmatch(r"Version (\S+) \((.+)\)", heading).groups()
    assert jug.__version__ in ((version + ".dev0",) if note == "in progress" else (version,))


def test_installed_jug_runs_a_jugfile_to_its_end_with_the_standard_library_alone(installed, tmp_path):
    (tmp_path / "jugfile.py").write_text(JUGFILE)
    assert "total 40 []" in call(installed / "jug", "execute", cwd=tmp_path)
    call(installed / "jug", "check", cwd=tmp_path)


@pytest.mark.parametrize("script", ["jug-execute", f"{ROOT}/bin/jug-execute"], ids=["installed", "checkout"])
def test_jug_execute_is_the_command_execute(installed, tmp_path, script):
    (tmp_path / "jugfile.py").write_text(JUGFILE)
    environment = clean_environment(PATH=f"{installed}{os.pathsep}{os.environ['PATH']}")
    assert "total 40" in call(installed / script, "jugfile.py", cwd=tmp_path, env=environment)


def test_import_jug_needs_no_more_than_it_must(installed, tmp_path):
    unwanted = {"argparse", "IPython", "redis", "numpy", "sqlite3", "rich", "subprocess", "typing", "inspect"}
    code = f"import sys, jug; print(sorted({unwanted!r} & set(sys.modules)))"
    assert call(installed / "python", "-c", code, cwd=tmp_path).strip() == "[]"
