"""Shells as people use them: with a file that they read first, in a terminal, and somebody who presses the Tab key."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

from processes import SECONDS

PROMPT = "What now? "
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
START_OF_LINE = "\x01"

# How to start each shell so that it reads its file in the home directory, what tells it the prompt, and the simplest
# terminal on which it lets people edit lines.
SHELLS = {
    "bash": (["bash", "--noprofile", "-i"], ".bashrc", f"PS1='{PROMPT}'", "dumb"),
    "zsh": (["zsh", "-d", "-i"], ".zshrc", f"PS1='{PROMPT}'", "dumb"),
    "tcsh": (["tcsh", "-i"], ".tcshrc", f"set prompt='{PROMPT}'", "vt100"),
}


class Terminal:
    """A shell in a terminal, which nobody sees."""

    def __init__(self, command, where, environment):
        self.screen = ""
        self._end, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            cwd=where,
            env=environment,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._process.kill()
        self._process.wait()
        os.close(self._end)

    def type(self, keys):
        os.write(self._end, keys.encode())

    def wait_for(self, pattern):
        """The first match on the screen of the pattern, which may still have to come."""
        until = time.monotonic() + SECONDS
        while (found := re.search(pattern, self.screen, re.MULTILINE)) is None:
            ready, _, _ = select.select([self._end], [], [], max(0, until - time.monotonic()))
            assert ready, f"nothing comes after\n{self.screen}"
            self.screen += os.read(self._end, 65536).decode(errors="replace")
        return found


def completed(shell, where, setup, lines, **environment):
    """What becomes of each of the lines when the Tab key is pressed at its end, in a shell whose file says `setup`."""
    command, file, prompt, terminal_type = SHELLS[shell]
    home = Path(environment["HOME"])
    (home / file).write_text(f"{setup}\n{prompt}\n", encoding="utf-8")
    results = []
    with Terminal(command, where, {**environment, "TERM": terminal_type, "ZDOTDIR": str(home)}) as terminal:
        terminal.wait_for(re.escape(PROMPT))
        for number, line in enumerate(lines):
            # To see what the line has become, it is made the argument of a command.
            terminal.type(f"{line}\t{START_OF_LINE}echo +{number}+ \r")
            # (A / after a directory is one of zsh's that go when something else than a file comes.)
            results.append(terminal.wait_for(rf"^\+{number}\+ (.*?)[ /]*\r*\n")[1])
        terminal.type("exit\r")
    return results
