"""What the page on the examples says of them, by real processes. (What it shows is checked by ``test_docs``.)"""

import os
import re
import shutil
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import checkout
import pytest

from jug.subcommands.demo import JUGFILE as DEMO

checkout.required()

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
ALL_OF_DIGITS = {
    "digits.split_digits": 1,
    "digits.cross_validate": 24,
    "digits.train": 1,
    "digits.predict": 1,
    "digits.confusion_matrix": 1,
    "digits.plot": 1,
}


class Folder:
    """A working directory in which jug is run."""

    def __init__(self, path, home):
        self.path = path
        self.env = {name: text for name, text in os.environ.items() if not name.startswith("JUG_")}
        self.env |= {"PYTHONPATH": str(ROOT), "HOME": str(home), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}

    def start(self, *args):
        return subprocess.Popen(
            [sys.executable, "-m", "jug", *args],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def jug(self, *args, stdin=""):
        """Run jug to its end: exit status, standard output, standard error."""
        process = self.start(*args)
        out, err = process.communicate(stdin)
        return process.returncode, out, err

    def python(self, code):
        """What `code`, which may use jug, prints in a process of its own."""
        command = [sys.executable, "-c", f"import jug\n{code}"]
        return subprocess.check_output(command, cwd=self.path, env=self.env, text=True)

    def hashes(self, jugfile):
        """The hashes of all tasks of a jugfile that has no barrier."""
        code = f"jug.init({jugfile!r}, 'dict_store'); print(*[task.hash() for task in jug.task.alltasks])"
        return self.python(code).split()


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The digits example executed by two workers, with what these said."""
    pytest.importorskip("sklearn", reason="the example analyses data of scikit-learn, which is not installed")
    home = tmp_path_factory.mktemp("digits")
    folder = Folder(home, home)
    shutil.copy(EXAMPLES / "digits.py", folder.path)
    workers = [folder.start("execute", "digits.py") for _ in range(2)]
    folder.workers = [(worker, *worker.communicate()) for worker in workers]
    return folder


@pytest.fixture
def copy(digits, tmp_path):
    """The finished digits example, to be changed."""
    shutil.copytree(digits.path, tmp_path / "copy")
    return Folder(tmp_path / "copy", digits.path)


def executed(table):
    """The tasks that a worker has executed, by name, from the table that it prints at its end."""
    rows = re.findall(r"^(\S+\.\S+) +(\d+) +\d+$", table, re.MULTILINE)
    return Counter({name: int(number) for name, number in rows if int(number)})


def test_two_workers_execute_every_task_of_digits_once(digits):
    for worker, _, err in digits.workers:
        assert worker.returncode == 0, err
        assert err == "jug: All tasks are finished.\n"
    assert sum((executed(out) for _, out, _ in digits.workers), Counter()) == ALL_OF_DIGITS


def test_status_of_digits_does_not_wait_for_scikit_learn(digits):
    code = "import sys; jug.init('digits.py'); print({'sklearn', 'matplotlib'} & set(sys.modules))"
    assert digits.python(code) == "set()\n"


def test_plot_of_digits_is_a_png_of_the_size_that_was_asked_for(digits):
    data = (digits.path / "digits.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (1320, 528)
    assert 20_000 < len(data) < 500_000


@pytest.mark.parametrize(
    ("line", "changed", "new"),
    [
        pytest.param(
            "GAMMAS = [1e-5, ",
            "GAMMAS = [5e-5, ",
            {"digits.cross_validate": 4, "digits.plot": 1},
            id="another-gamma-that-does-not-win",
        ),
        pytest.param(
            "CS = [0.1, 1.0, 10.0, 100.0]",
            "CS = [0.1, 1.0, 100.0]",
            {"digits.train": 1, "digits.predict": 1, "digits.confusion_matrix": 1, "digits.plot": 1},
            id="the-best-C-is-gone",
        ),
    ],
)
def test_a_change_of_the_grid_costs_only_what_is_new(copy, line, changed, new):
    jugfile = copy.path / "digits.py"
    source = jugfile.read_text(encoding="utf-8")
    assert source.count(line) == 1
    jugfile.write_text(source.replace(line, changed), encoding="utf-8")
    code, out, err = copy.jug("execute", "digits.py")
    assert code == 0, err
    assert executed(out) == new
    jugfile.write_text(source, encoding="utf-8")
    assert copy.jug("status", "digits.py", "--short")[:2] == (0, "All tasks complete (29 tasks).\n")


def test_only_the_plot_of_digits_needs_matplotlib(copy):
    (copy.path / "matplotlib.py").write_text("raise ModuleNotFoundError(\"No module named 'matplotlib'\")\n")
    code, _, err = copy.jug("invalidate", "digits.py", "--name", "train")
    assert code == 0, err
    code, out, err = copy.jug("execute", "digits.py", "--keep-going")
    assert code == 1
    assert executed(out) == {"digits.train": 1, "digits.predict": 1, "digits.confusion_matrix": 1}
    assert "jug: digits.plot(" in err
    assert "No module named 'matplotlib'" in err
    assert err.splitlines()[-1] == "jug: 1 task failed (digits.plot). Tasks left: 1 failed."


def test_primes_has_the_tasks_of_jug_demo(tmp_path):
    shutil.copy(EXAMPLES / "primes.py", tmp_path)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "primes.py").write_text(DEMO, encoding="utf-8")
    folder = Folder(tmp_path, tmp_path)
    code, out, err = folder.jug("status", "primes.py")
    assert (code, err) == (1, "")
    assert re.search(r"^primes\.is_prime +0 +99 +0 +0$", out, re.MULTILINE)
    assert len(folder.hashes("primes.py")) == 99
    assert folder.hashes("primes.py") == folder.hashes("demo/primes.py")
