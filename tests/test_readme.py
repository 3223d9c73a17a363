"""What README.rst tells people to type does what README.rst says.

The commands of its example are run here, in order, with the built package in an empty folder. The two that
make an environment need a network: ``.ci/run`` reads them from README.rst and runs them.
"""

import os
import re
import subprocess
import textwrap

import pytest
from fresh_install import ROOT, build_wheel, clean_environment, install

pytestmark = pytest.mark.xdist_group("session of the readme")

README = (ROOT / "README.rst").read_text(encoding="utf-8")
BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:    .*\n|\n)+)", re.MULTILINE)
MARK = "=== the end of what this command printed ==="
PROMPT = re.compile(r"^In \[\d+\]: ", re.MULTILINE)
TASKS = 99


class Command:
    """A line after ``$``, and what README.rst shows below it."""

    def __init__(self, line):
        self.line = line
        self.shown = []
        self.is_exact = True  # or: workers are busy meanwhile, numbers change

    @property
    def typed(self):
        """What the person types at the prompts of the command."""
        return [PROMPT.sub("", line) for line in self.shown if PROMPT.match(line)]

    def as_script(self):
        document = "".join(line + "\n" for line in self.typed)
        given = f" <<'EOF'\n{document}EOF" if self.typed else ""
        return f"{self.line}{given}\necho '{MARK}'\n"

    def expectation(self):
        """A regular expression for the output."""
        lines = [line for line in self.shown if not PROMPT.match(line)]
        return re.compile("".join(self._line_expectation(line) for line in lines) + r"\s*(?:In \[\d+\]: )?")

    def _line_expectation(self, line):
        if line == "...":
            return r"(?:.*\n)*?"
        if self.typed:
            return "(?:.*: )?" + re.escape(line) + r"\n\s*"
        text = re.escape(line)
        return (text if self.is_exact else re.sub(r"(?:\\ )+\d+", r" +\\d+", text)) + r"\n"


def blocks(language):
    return [textwrap.dedent(text) for kind, text in BLOCK.findall(README) if kind == language]


def session():
    commands = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:]))
        elif line:
            commands[-1].shown.append(line)
    are_busy = False
    for command in commands:
        are_busy = (are_busy or command.line.endswith("&")) and command.line != "wait"
        command.is_exact = not are_busy
    return commands


def commands_that_need_a_network():
    return re.findall(r"^ *\$ (python3 -m venv .*)$", README, re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    work = tmp_path_factory.mktemp("readme")
    scripts = install(build_wheel(work), work / "environment", with_libraries=True)
    (work / "home").mkdir()
    (work / "empty").mkdir()
    search = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return work / "empty", clean_environment(PATH=search, HOME=str(work / "home"))


@pytest.fixture(scope="module")
def outputs(place):
    """What each command of the session printed."""
    folder, environment = place
    done = subprocess.run(
        ["bash", "-c", "".join(command.as_script() for command in session())],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.stdout.count(MARK) == len(session()), done.stderr
    return [text.lstrip("\n") for text in done.stdout.split(MARK)[:-1]]


@pytest.mark.parametrize("number", range(len(session())), ids=[command.line for command in session()])
def test_command_prints_what_the_readme_shows(outputs, number):
    command = session()[number]
    assert command.expectation().fullmatch(outputs[number]), outputs[number]


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
    assert written.strip() == blocks("python")[0].strip()


def test_ci_finds_the_two_commands_that_need_a_network():
    install_and_run, install_and_test = commands_that_need_a_network()
    assert "jug demo" in install_and_run and "pip install -q . " in install_and_run
    assert "[test]" in install_and_test and "-m pytest" in install_and_test


def test_files_that_the_readme_names_exist():
    named = re.findall(r"``((?:docs/|bin/|\.ci/|[A-Z][A-Za-z]+\b)[\w./]*)``", README)
    assert {name for name in named if not (ROOT / name).exists()} == set()
