"""Programs that some tests need and Debian has: installed once, by the tests themselves, where that is possible."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

SECONDS = 600


def program(command, *packages):
    """The path of `command`, of Debian's `packages`; the test is skipped if it cannot be had here."""
    path = shutil.which(command)
    if path is None:
        why = _install(*packages)
        path = shutil.which(command)
        if path is None:
            named = " ".join(packages)
            pytest.skip(f"{command} (Debian package {named}) is not here and cannot be installed: {why}")
    return path


def file(path, package):
    """`path`, a file of Debian's `package`; the test is skipped if it cannot be had here."""
    if not Path(path).exists():
        why = _install(package)
        if not Path(path).exists():
            pytest.skip(f"{path} (Debian package {package}) is not here and cannot be installed: {why}")
    return path


@cache
def _install(*packages):
    """Install the packages; returns what was in the way, if it was."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    if os.geteuid() != 0:
        return "only root may install packages"
    # Several processes run tests at once; apt knows one at a time.
    with open(Path(tempfile.gettempdir(), "jug-tests-apt.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = _apt(*arguments)
            if done.returncode:
                return done.stderr.strip().rpartition("\n")[2] or f"apt-get {arguments[0]} failed"
    return "it was installed, but that is not in it"


def _apt(*arguments):
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_service_started():
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@contextmanager
def _no_service_started():
    """Servers are for tests to start, on ports of their own: none is to be started by its installation."""
    policy = Path("/usr/sbin/policy-rc.d")
    try:
        with open(policy, "x") as file:
            file.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:  # the machine has its own policy
        yield
        return
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
