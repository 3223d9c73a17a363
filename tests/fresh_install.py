"""The package as its users get it: built from a copy of this tree, installed where nothing else is."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(".*_cache", ".git", ".venv", "__pycache__", "*.egg-info", "build", "dist", "_build")
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, 'build_' + sys.argv[1])(sys.argv[2])"


def clean_environment(**more):
    """Nothing of the environment that would let a process find this checkout, or a user's configuration."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "JUG", "XDG"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}


def call(*command, **options):
    """Run a command; its standard output, or all that it said if it fails."""
    options = {"env": clean_environment(), "stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind, tree, destination):
    """Build the ``sdist`` or ``wheel`` of a tree, with the setuptools that is here; the path of it."""
    destination.mkdir()
    call(sys.executable, "-c", BUILD, kind, destination, cwd=tree)
    (built,) = destination.iterdir()
    return built


def build_wheel(work):
    """A wheel made from a source distribution made from a copy of this tree."""
    tree = work / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    sdist = build("sdist", tree, work / "sdist")
    call(sys.executable, "-m", "tarfile", "--extract", sdist, work / "unpacked")
    (unpacked,) = (work / "unpacked").iterdir()
    return build("wheel", unpacked, work / "wheel")


def install(wheel, environment, with_libraries=False):
    """Make an environment that holds the wheel and, if asked, everything else that is here; its ``bin``."""
    call(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    call(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-index", "--no-deps", wheel)
    if with_libraries:
        (site,) = environment.glob("lib/python*/site-packages")
        here = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        (site / "libraries.pth").write_text("\n".join(here) + "\n")
    return python.parent
