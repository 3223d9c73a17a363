"""Virtual environments in which the programs are measured: the original, and this checkout beside other libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .figures import ORIGINAL, OURS

CHECKOUT = Path(__file__).resolve().parent.parent.parent
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "_build", "*.jugdata")
_COMMON = ["numpy", "redis"]
_REQUIREMENTS = {
    "original": ["jug==2.7.0", *_COMMON],
    "ours": [*_COMMON, "joblib", "diskcache", "doit", "matplotlib"],
}
_VERSIONS = (
    "import sys, json; from importlib.metadata import version as v; print(json.dumps({n: v(n) for n in sys.argv[1:]}))"
)


@dataclass(frozen=True)
class Program:
    """An installed jug."""

    name: str
    python: str

    @property
    def jug(self) -> str:
        return str(Path(self.python).parent / "jug")


@dataclass(frozen=True)
class Programs:
    """What is compared."""

    original: Program
    ours: Program

    def versions(self) -> dict[str, str]:
        """Of the libraries that are measured."""
        names = ["jug", "joblib", "diskcache", "doit", "numpy", "redis"]
        said = subprocess.run([self.ours.python, "-c", _VERSIONS, *names], check=True, stdout=subprocess.PIPE)
        return json.loads(said.stdout)


def prepared(directory: Path) -> Programs:
    """Make the environments in `directory`, as far as they are not there; this checkout is installed anew each time."""
    directory.mkdir(parents=True, exist_ok=True)
    pythons = {name: _environment(directory / name, requirements) for name, requirements in _REQUIREMENTS.items()}
    _install_checkout(pythons["ours"])
    return Programs(Program(ORIGINAL, pythons["original"]), Program(OURS, pythons["ours"]))


def _environment(directory: Path, requirements: list[str]) -> str:
    python = str(directory / "bin" / "python")
    complete = directory / "requirements.txt"  # written when all is installed
    wanted = "\n".join(requirements) + "\n"
    if not complete.exists() or complete.read_text(encoding="utf-8") != wanted:
        _tell(f"Installing {', '.join(requirements)}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
        _pip(python, *requirements)
        complete.write_text(wanted, encoding="utf-8")
    return python


def _install_checkout(python: str) -> None:
    """From a copy: what an earlier build has left in the checkout is not to be installed."""
    _tell("Installing this checkout")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "jug")
        shutil.copytree(CHECKOUT, copy, ignore=_NOT_COPIED)
        _pip(python, "--force-reinstall", "--no-deps", str(copy))


def _pip(python: str, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def _tell(message: str) -> None:
    print(f"{message} ...", file=sys.stderr, flush=True)
