"""What a document tells people to type and to see, read from it and done: README.rst and the chapters in docs/.

A document is one session, from its beginning to its end, in a folder that is empty at first. Its blocks are:

``.. code-block:: LANGUAGE`` with ``:caption: NAME``
    a file of that name (``~/`` is the home directory); with ``:caption: added to NAME``, lines at the end of that file;
    with ``:caption: NAME, which is there``, a file that must be there with that content.
``.. literalinclude:: PATH``
    a file with the name that the included one has, which is there from the beginning.
``.. code-block:: console``
    commands after ``$``, typed into one bash, and what they print. Commands that ask (``jug shell``) are answered with
    what stands after ``In [n]:``, ``ipdb>`` or ``(Pdb)``.
``.. code-block:: pycon``
    statements after ``>>>``, typed into one Python, and what this prints.
anything else
    is not run, and says why in a comment before it: ``.. not run: REASON``.

Output must be as it is shown, apart from empty lines. ``...`` stands for any number of lines or any part of one (but
does not hide a traceback). Numbers may be others in a block with ``:class: varying``, and while jobs run in the
background (from ``&`` to ``wait``). A document that needs libraries says so in a comment: ``.. needs: numpy, sklearn``;
a program, and the package that has it: ``.. needs the program: dot (graphviz)``.

Where a document says ``localhost:6379``, a Redis server is started, and its address is typed; for the port 8080, one
that is free is typed.

``python tests/documents.py DOCUMENT`` prints the session as it goes.
"""

import doctest
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from redis_server import free_port, shared_server

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60  # no command takes so long
MARK = "=== the end of what this command printed ==="

DIRECTIVE = re.compile(r"( *)\.\. ([\w:-]+)::(?: +(\S.*))?$")
CODE_DIRECTIVES = {
    "code-block",
    "literalinclude",
    "code",
    "sourcecode",
    "parsed-literal",
    "doctest",
    "highlight",
    "prompt",
}
REASON = re.compile(r" *\.\. not run: +(\S.*)$")
NEEDS = re.compile(r"^\.\. needs: +(\S.*)$", re.MULTILINE)
PROGRAM = re.compile(r"^\.\. needs the program: +(\S+) \((\S+)\)$", re.MULTILINE)
OPTION = re.compile(r":([\w-]+): *(.*)$")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
PROMPT = re.compile(r"^(?:In \[\d+\]: |ipdb> |\(Pdb\) )")
ANY_LINES = r"(?:(?!Traceback \(most recent|bash: ).*\n)*?"


class Block:
    """A piece of code in a document."""

    def __init__(self, line, kind, language, options, text, reason):
        self.line = line
        self.kind = kind
        self.language = language
        self.options = options
        self.text = text
        self.reason = reason  # why it is not run


class File:
    """A file that the reader writes, or finds."""

    def __init__(self, line, caption, text):
        self.line = line
        self.name = caption.removeprefix("added to ").removesuffix(", which is there")
        self.text = text
        self.is_added = caption.startswith("added to ")
        self.is_there = caption.endswith(", which is there")

    def complaint(self, output):
        """What is wrong with the file; None if nothing is."""
        if not self.is_there or output.strip() == self.text.strip():
            return None
        return f"line {self.line}: {self.name}\n--- shown\n{self.text}--- is there\n{output}"


class Command:
    """Something that is typed, and what the document shows below it."""

    prompt = "$"

    def __init__(self, line, source, shown=(), varies=False):
        self.line = line
        self.source = source
        self.shown = list(shown)
        self.varies = varies  # numbers may be others

    @property
    def answers(self):
        """What the person types at the prompts of the command."""
        return [PROMPT.sub("", line) for line in self.shown if PROMPT.match(line)]

    def as_script(self):
        document = "".join(line + "\n" for line in self.answers)
        given = f" <<'EOF'\n{document}EOF" if self.answers else ""
        return f"{{ {self.source}{given}\n}} </dev/null\nstatus=$?; echo '{MARK}'; (exit $status)\n"

    def expectation(self):
        """A regular expression for the output."""
        shown = [line for line in self.shown if not PROMPT.match(line)]
        return re.compile("".join(self._line_expectation(line.rstrip()) for line in shown if line.strip()))

    def _line_expectation(self, line):
        if line.strip() == "...":
            return ANY_LINES
        text = re.escape(line)
        if self.varies:
            text = re.sub(r"(?:\\ )*\d+(?:\\\.\d+)?", r" *\\d+(?:\\.\\d+)?", text)
        return text.replace(re.escape("..."), ".*") + "\n"

    def complaint(self, output):
        """What is wrong with the output; None if nothing is."""
        printed = normal(output)
        if self.expectation().fullmatch(printed):
            return None
        shown = "".join(line + "\n" for line in self.shown)
        return f"line {self.line}: {self.prompt} {self.source.rstrip()}\n--- shown\n{shown}--- printed\n{printed}"


class Statement(Command):
    """The same, typed into Python."""

    prompt = ">>>"

    def as_script(self):
        return json.dumps(self.source) + "\n"


def normal(output):
    """Output without colours, empty lines, blanks at the ends of lines, and prompts (what is typed is not echoed)."""
    lines = (re.sub(f"(?:{PROMPT.pattern})+", "", line).rstrip() for line in COLOUR.sub("", output).splitlines())
    return "".join(line + "\n" for line in lines if line)


def blocks(text):
    """All blocks of code in a document, in order."""
    lines = text.expandtabs().splitlines()
    reason = ""
    at = 0
    while at < len(lines):
        line = lines[at]
        found = DIRECTIVE.fullmatch(line)
        indent = len(line) - len(line.lstrip())
        if found and found[2] in CODE_DIRECTIVES:
            body, after = _indented(lines, at + 1, indent)
            yield _block(at + 1, found[2], found[3] or "", body, reason)
            at = after
        elif not found and line.endswith("::"):
            body, after = _indented(lines, at + 1, indent)
            yield _block(at + 1, "::", "", ["", *body], reason)
            at = after
        else:
            if line.lstrip().startswith(">>>"):
                yield _block(at + 1, ">>> in the text", "", [], reason)
            at += 1
        if line.strip():
            found = REASON.match(line)
            reason = found[1] if found else ""


def _indented(lines, start, indent):
    """The lines from `start` that are empty or indented by more than `indent`, and where they end."""
    end = start
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    return lines[start:end], end


def _block(line, kind, language, body, reason):
    options = {}
    start = 0
    while start < len(body) and (found := OPTION.fullmatch(body[start].strip())):
        options[found[1]] = found[2]
        start += 1
    while start < len(body) and not body[start].strip():
        start += 1
    text = textwrap.dedent("\n".join(body[start:])).strip("\n") + "\n"
    return Block(line + 1 + start, kind, language, options, text, reason)


def steps(text, folder, languages=None):
    """What the reader of a document does: files and commands, in order (only blocks of `languages`, if that is given).

    Paths of included files are relative to `folder`.

    Raises
    ------
    ValueError
        What a block is meant for cannot be told.
    """
    done = []
    chosen = [block for block in blocks(text) if languages is None or block.language in languages]
    for block in sorted(chosen, key=lambda block: block.kind != "literalinclude"):
        done += _steps_of(block, folder)
    are_busy = False
    for step in done:
        if type(step) is Command:
            are_busy = are_busy or step.source.endswith("&")
            step.varies = step.varies or are_busy
            are_busy = are_busy and step.source != "wait"
    return done


def _steps_of(block, folder):
    caption = block.options.get("caption", "")
    varies = "varying" in block.options.get("class", "").split()
    if block.reason:
        return []
    if block.kind == "literalinclude":
        path = Path(folder, block.language)
        return [File(block.line, path.name, path.read_text(encoding="utf-8"))]
    if block.kind == "code-block" and caption:
        return [File(block.line, caption, block.text)]
    if block.kind == "code-block" and block.language == "console":
        return _commands(block, varies)
    if block.kind == "code-block" and block.language == "pycon":
        return _statements(block, varies)
    raise ValueError(
        f"line {block.line}: what is this {block.language} block ({block.kind}) for? A file has a caption, a session "
        "is 'console' or 'pycon', and anything else has a comment '.. not run: REASON' before it"
    )


def _commands(block, varies):
    commands = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:].partition("    #")[0].rstrip(), varies=varies))
        elif commands:
            commands[-1].shown.append(line)
        elif line.strip():
            raise ValueError(f"line {number}: a console block begins with a command after '$ '")
    return commands


def _statements(block, varies):
    examples = doctest.DocTestParser().get_examples(block.text)
    return [Statement(block.line + e.lineno, e.source, e.want.splitlines(), varies) for e in examples]


def needs(text):
    """The libraries that a document needs."""
    return [name.strip() for names in NEEDS.findall(text) for name in names.split(",")]


def programs(text):
    """The programs that a document needs, with the Debian packages that have them."""
    return PROGRAM.findall(text)


PYTHON = f"""
import json, sys, traceback, types
main = sys.modules["__main__"] = types.ModuleType("__main__")
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "<stdin>", "single"), main.__dict__)
    except BaseException as error:
        last = "".join(traceback.format_exception_only(type(error), error))
        print("Traceback (most recent call last):\\n  ...\\n" + last, end="")
    print({MARK!r})
"""


def with_servers(text):
    """The text with the addresses of a server and of a port that are there."""
    if "localhost:6379" in text:
        text = text.replace("localhost:6379", f"127.0.0.1:{shared_server().port}")
    return re.sub(r"\b8080\b", str(free_port()), text)


class Session:
    """A person at the keyboard: a folder, a shell in it, and a Python in it. Use it with ``with``."""

    def __init__(self, folder, environment):
        self.folder = Path(folder)
        self.environment = environment
        self._running = {}  # kind of command: the process that it is typed into

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for process in self._running.values():
            os.killpg(process.pid, signal.SIGKILL)  # with all that was started from it
            process.stdin.close()
            process.stdout.close()
            process.wait()

    def do(self, step):
        """Do one step; returns what it prints."""
        if type(step) is File:
            return self._touch(step)
        process = self._process(type(step))
        process.stdin.write(step.as_script().encode())
        process.stdin.flush()
        return self._printed(process, step)

    def _touch(self, file):
        path = Path(file.name)
        if path.parts[0] == "~":
            path = Path(self.environment["HOME"], *path.parts[1:])
        path = self.folder / path
        if file.is_there:
            return path.read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if file.is_added else "w", encoding="utf-8") as stream:
            stream.write(("\n\n" if file.is_added else "") + file.text)
        return ""

    def _process(self, kind):
        if kind not in self._running:
            self._running[kind] = subprocess.Popen(
                ["python", "-c", PYTHON] if kind is Statement else ["bash"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._running[kind]

    def _printed(self, process, step):
        """What a process prints before the mark. (What background jobs print later belongs to the next command.)"""
        printed = b""
        until = time.monotonic() + SECONDS
        mark = MARK.encode() + b"\n"
        while not printed.endswith(mark):
            ready, _, _ = select.select([process.stdout], [], [], until - time.monotonic())
            more = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            said = printed.decode(errors="replace")
            assert more, f"line {step.line}: {step.source!r} {'ended the session' if ready else 'hangs'}:\n{said}"
            printed += more
            if mark in printed and not printed.endswith(mark):
                printed = printed.replace(mark, b"", 1) + mark
        return printed.removesuffix(mark).decode()


def environment(home, scripts):
    """The environment of somebody who has just jug, in the directory `scripts`, and no configuration."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("JUG", "PYTHON", "XDG", "LC_"))}
    env["PATH"] = f"{scripts}{os.pathsep}{env['PATH']}"
    env.update(HOME=str(home), IPYTHONDIR=str(Path(home, ".ipython")), LANG="C.UTF-8", COLUMNS="80", NO_COLOR="1")
    env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1", OMP_NUM_THREADS="1", MPLBACKEND="Agg")
    return env


def scripts_of_this_tree(folder):
    """``jug`` and ``python`` that are those of this tree and this environment; the folder."""
    commands = {
        "jug": [sys.executable, ROOT / "bin" / "jug"],
        "python": [sys.executable],
        "mypy": [sys.executable, "-m", "mypy"],
    }
    folder.mkdir()
    for name, words in commands.items():
        script = folder / name
        quoted = " ".join(f"'{word}'" for word in words)
        script.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT}' exec {quoted} \"$@\"\n", encoding="utf-8")
        script.chmod(0o755)
    return folder


def session_in(place):
    """A session with this tree's jug: ``home`` and an empty folder are made in the directory `place`."""
    home, folder = place / "home", place / "folder"
    home.mkdir()
    folder.mkdir()
    return Session(folder, environment(home, scripts_of_this_tree(place / "bin")))


def complaints(document, place):
    """Do all that a document says; returns what is wrong with it."""
    found = []
    with session_in(place) as session:
        for step in steps(with_servers(document.read_text(encoding="utf-8")), document.parent):
            printed = session.do(step)
            if complaint := step.complaint(printed):
                found.append(f"{document.name}, {complaint}")
    return found


def show(document):
    """Print the session as it goes, and what differs from the document."""
    with tempfile.TemporaryDirectory() as place, session_in(Path(place)) as session:
        for step in steps(with_servers(document.read_text(encoding="utf-8")), document.parent):
            start = time.monotonic()
            printed = session.do(step)
            seconds = time.monotonic() - start
            if type(step) is File:
                print(f"=== {step.line}: {step.name}")
                continue
            verdict = "DIFFERENT" if step.complaint(printed) else "as shown"
            print(f"=== {step.line}: {verdict}, {seconds:.1f} s")
            print(f"{step.prompt} {step.source.rstrip()}\n{normal(printed)}", end="")


if __name__ == "__main__":
    show(Path(sys.argv[1]))
