"""What README.rst tells people to type does what README.rst says.

The commands of its example are run here, in order, with the built package in an empty folder. The two that
make an environment need a network: ``.ci/run`` reads them from README.rst and runs them.
"""

import re

import checkout
import pytest
from documents import Session, blocks, environment, steps
from fresh_install import ROOT, build_wheel, install

checkout.required()

pytestmark = pytest.mark.xdist_group("session of the readme")

README = (ROOT / "README.rst").read_text(encoding="utf-8")
SESSION = steps(README, ROOT, languages={"console"})
TASKS = 99


def commands_that_need_a_network():
    return re.findall(r"^ *\$ (python3 -m venv .*)$", README, re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    work = tmp_path_factory.mktemp("readme")
    scripts = install(build_wheel(work), work / "environment", with_libraries=True)
    (work / "home").mkdir()
    (work / "empty").mkdir()
    return work / "empty", environment(work / "home", scripts)


@pytest.fixture(scope="module")
def outputs(place):
    """What each command of the session printed."""
    with Session(*place) as session:
        return [session.do(command) for command in SESSION]


@pytest.mark.parametrize("number", range(len(SESSION)), ids=[command.source for command in SESSION])
def test_command_prints_what_the_readme_shows(outputs, number):
    complaint = SESSION[number].complaint(outputs[number])
    assert not complaint, complaint


def test_every_status_counts_every_task(outputs):
    totals = re.findall(r"^Total:((?: +\d+){4})$", "".join(outputs), re.MULTILINE)
    assert totals
    assert {sum(map(int, total.split())) for total in totals} == {TASKS}


def test_the_four_workers_executed_every_task_once(outputs):
    executed = re.findall(r"^Total: +(\d+) +\d+$", "".join(outputs), re.MULTILINE)
    assert len(executed) == 4
    assert sum(map(int, executed)) == TASKS


def test_demo_writes_the_jugfile_that_the_readme_shows(place, outputs):
    written = (place[0] / "jug-demo" / "primes.py").read_text()
    (shown,) = (block.text for block in blocks(README) if block.language == "python")
    assert written.strip() == shown.strip()


def test_ci_finds_the_two_commands_that_need_a_network():
    install_and_run, install_and_test = commands_that_need_a_network()
    assert "jug demo" in install_and_run and "pip install -q . " in install_and_run
    assert "[test]" in install_and_test and "-m pytest" in install_and_test


def test_files_that_the_readme_names_exist():
    named = re.findall(r"``((?:docs/|bin/|\.ci/|[A-Z][A-Za-z]+\b)[\w./]*)``", README)
    assert {name for name in named if not (ROOT / name).exists()} == set()
