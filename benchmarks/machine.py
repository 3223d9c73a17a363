"""Where and when something was measured: a few lines for the head of a table."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path


def description(script: str, place: str | None = None) -> str:
    """The command, the date, the machine, and the file system that `place` is on."""
    arguments = [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
    lines = [
        f"$ python benchmarks/{' '.join([script, *arguments])}",
        f"{time.strftime('%Y-%m-%d')}: {platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.release().partition('-')[0]}, "
        f"{os.cpu_count()} cores ({_processor()}), {_memory()}",
    ]
    if place is not None:
        lines.append(f"File system: {file_system(place)}")
    return "\n".join(lines)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"


def file_system(place: str) -> str:
    """The kind of file system that the directory is on, as Linux tells it."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    device = os.stat(place).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts:
        fields = line.split()
        if fields[2] == number:
            return fields[fields.index("-") + 1]
    return "unknown"
