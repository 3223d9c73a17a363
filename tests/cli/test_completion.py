"""Completion in real shells: by the printed scripts (shtab), and by asking jug (argcomplete)."""

import subprocess
import sys

import checkout
import pytest
from debian import program
from fresh_install import build_wheel, install
from processes import environment, jug, python, write
from shells import completed

from jug.cli.table import BUILTINS

shtab = pytest.importorskip("shtab")
argcomplete = pytest.importorskip("argcomplete")

# What pip makes of the entry point.
SCRIPT = """\
#!{python}
import sys
from jug.jug import {function}
if __name__ == '__main__':
    sys.exit({function}())
"""
USER_COMMANDS = """
print("imported")

from jug.subcommands import SubCommand

class Greet(SubCommand):
    '''Say hello: it's "polite"'''
    name = "greet"

    def parse(self, parser):
        parser.add_argument("--loud", action="store_true")
        parser.add_argument("--language", choices=["latin", "greek"])
        parser.add_argument("--card")

Greet()
"""

# What is typed, and how it goes on.
ONE_WAY = {
    "jug stat": "jug status",
    "jug sl": "jug sleep-until",
    "jug gree": "jug greet",
    "jug --print": "jug --print-completion",
    "jug --print-completion z": "jug --print-completion zsh",
    "jug ins": "jug install-skills",
    "jug install-skills --o": "jug install-skills --output",
    "jug execute --keep-g": "jug execute --keep-going",
    "jug status --cache-": "jug status --cache-file",
    "jug status --cache-file no": "jug status --cache-file notes.txt",
    "jug execute --verbose de": "jug execute --verbose debug",
    "jug execute --jugdir pr": "jug execute --jugdir previous.jugdata",
    "jug execute other": "jug execute other.py",
    "jug execute folder/": "jug execute folder/inner.py",
    "jug execute other.py no": "jug execute other.py notes.txt",
    "jug execute other.py --jugdir fol": "jug execute other.py --jugdir folder",
    "jug greet --lo": "jug greet --loud",
    "jug greet --language gr": "jug greet --language greek",
    "jug greet --card no": "jug greet --card notes.txt",
}
# The script for tcsh knows the options of all commands as one list, and files by the word before.
NOT_IN_TCSH = {"jug execute other.py no", "jug greet --card no", "jug greet --lo"}
SEVERAL_WAYS = {
    "jug ": {*BUILTINS, "greet"},
    "jug s": {"status", "sleep-until", "shell"},
    "jug execute --keep-": {"--keep-going", "--keep-failed"},
    "jug execute --verbose ": {"quiet", "error", "warning", "info", "debug"},
    "jug execute ": {"primes.py", "other.py", "folder", "previous.jugdata"},
    "jug execute --jugdir ": {"folder", "previous.jugdata"},
    "jug install-skills --output ": {"folder", "previous.jugdata"},
    "jug execute --name ": set(),
    "jug execute --name n": set(),
    "jug demo --keep-": set(),
}
SCRIPTS = {
    "bash": 'eval "$(jug --print-completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(jug --print-completion zsh)"',
    "tcsh": "jug --print-completion tcsh > ~/.jug.tcsh; source ~/.jug.tcsh",
}
ARGCOMPLETE = {
    "bash": 'eval "$(register-python-argcomplete jug)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(register-python-argcomplete --shell zsh jug)"',
    "tcsh": "eval `register-python-argcomplete --shell tcsh jug`",
}


@pytest.fixture
def where(tmp_path):
    """A working directory with a few files, and none of a user's in its home (beside it) but a file of commands."""
    for name in (
        "primes.py",
        "other.py",
        "notes.txt",
        "folder/inner.py",
        "folder/deep.txt",
        "previous.jugdata/ab",
        ".hidden.py",
    ):
        write(tmp_path / "work", "", name)
    write(tmp_path / "home", USER_COMMANDS, ".config/jug/jug_user_commands.py")
    for name, function in (("jug", "main"), ("jug-execute", "main_execute")):
        script = write(tmp_path / "bin", SCRIPT.format(python=sys.executable, function=function), name)
        script.chmod(0o755)
    return tmp_path / "work"


def environment_of(where, **extra):
    """The environment of a shell in which `jug` and the commands of argcomplete are found."""
    base = environment(where.parent / "home", **extra)
    bins = f"{where.parent / 'bin'}:{sys.exec_prefix}/bin"
    return {**base, "PATH": f"{bins}:{base['PATH']}"}


def shell(name):
    return name if name == "bash" else program(name, name)


def asked(where, line, command="jug", **extra):
    """What jug answers to argcomplete."""
    variables = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SHELL": "bash", "COMP_TYPE": "9"}
    variables |= {"_ARGCOMPLETE_SUPPRESS_SPACE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), **extra}
    return subprocess.run(
        ["sh", "-c", f"exec {command} 8>&1 9>/dev/null >/dev/null </dev/null"],
        cwd=where,
        env=environment_of(where, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answers(done):
    assert (done.returncode, done.stderr) == (0, ""), done
    return {word.rstrip("/") for word in done.stdout.split("\n") if word}


def script_for(where, name):
    done = jug(where, "--print-completion", name, HOME=str(where.parent / "home"))
    assert (done.code, done.err) == (0, "imported\n")
    return done.out


@pytest.mark.parametrize("name", SCRIPTS)
def test_tab_with_the_printed_script(where, name):
    shell(name)
    lines = {line: end for line, end in ONE_WAY.items() if name != "tcsh" or line not in NOT_IN_TCSH}
    assert dict(zip(lines, completed(name, where, SCRIPTS[name], lines, **environment_of(where)), strict=True)) == lines


@pytest.mark.parametrize("name", ARGCOMPLETE)
def test_tab_with_argcomplete(where, name):
    shell(name)
    assert (
        dict(zip(ONE_WAY, completed(name, where, ARGCOMPLETE[name], ONE_WAY, **environment_of(where)), strict=True))
        == ONE_WAY
    )


@pytest.mark.parametrize("line", SEVERAL_WAYS)
def test_what_the_script_for_bash_offers(where, line):
    words = line.split(" ")
    ask = f"COMP_WORDS=({' '.join(words)} {'' if words[-1] else repr('')}); COMP_CWORD={len(words) - 1}; _shtab_jug"
    write(where.parent, f"{script_for(where, 'bash')}\n{ask}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"", "ask.bash")
    command = ["bash", "--norc", "--noprofile", str(where.parent / "ask.bash")]
    offered = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True, timeout=60)
    assert {word for word in offered.stdout.split("\n") if word} - {".hidden.py"} == SEVERAL_WAYS[line]


@pytest.mark.parametrize("line", SEVERAL_WAYS)
def test_what_argcomplete_offers(where, line):
    assert answers(asked(where, line)) == SEVERAL_WAYS[line]


def test_hidden_files_are_offered_when_they_are_asked_for(where):
    assert answers(asked(where, "jug execute .")) == {".hidden.py"}


def test_what_follows_two_dashes_are_the_arguments_of_the_jugfile(where):
    assert answers(asked(where, "jug execute -- n")) == {"notes.txt"}
    assert answers(asked(where, "jug execute -- --")) == set()


def test_jug_execute_knows_the_options_of_execute(where):
    assert answers(asked(where, "jug-execute --keep-", "jug-execute")) == {"--keep-going", "--keep-failed"}


def test_python_m_jug(where):
    done = asked(where, "python -m jug sta", f"{sys.executable} -m jug", _ARGCOMPLETE="3")
    assert answers(done) == {"status"}


def test_commands_have_their_help_where_the_shell_shows_it(where):
    assert "  greet:'Say hello: it'\"'\"'s \"polite\"'\n" in script_for(where, "zsh")
    done = asked(where, "jug sta", _ARGCOMPLETE_DFS="|")
    assert done.stdout == "status|Print status"


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_shell_accepts_the_script(where, name):
    path = write(where, script_for(where, name), "script")
    done = subprocess.run([shell(name), "-f", "-n", path], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zsh_finds_the_script_in_its_folder_of_completions(where):
    shell("zsh")
    write(where.parent / "completions", script_for(where, "zsh"), "_jug")
    setup = f"fpath=({where.parent}/completions $fpath); autoload -U compinit; compinit -u -D"
    assert completed("zsh", where, setup, ["jug execute oth"], **environment_of(where)) == ["jug execute other.py"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fish"], "jug: --print-completion 'fish': the shells are bash, zsh, tcsh\n"),
        ([], "jug: --print-completion '': the shells are bash, zsh, tcsh\n"),
    ],
)
def test_another_shell(tmp_path, arguments, sentence):
    done = jug(tmp_path, "--print-completion", *arguments)
    assert (done.code, done.out, done.err) == (2, "", sentence)


def test_the_shell_may_follow_an_equals_sign(tmp_path):
    assert jug(tmp_path, "--print-completion=tcsh").out == jug(tmp_path, "--print-completion", "tcsh").out != ""


@pytest.fixture
def without_libraries(where):
    for library in ("shtab", "argcomplete"):
        write(where.parent / "without", "raise ImportError", f"{library}.py")
    return {"PYTHONPATH": f"{where.parent / 'without'}:{environment(where)['PYTHONPATH']}"}


def test_no_library_to_print_the_script(tmp_path, without_libraries):
    done = jug(tmp_path, "--print-completion", "bash", **without_libraries)
    assert (done.code, done.out) == (2, "")
    assert done.err == "jug: Completion needs shtab, which is not installed: pip install 'jug[completion]'\n"


def test_no_library_to_answer_and_nothing_is_executed_instead(where, without_libraries):
    write(where, "open('loaded', 'w').close()")
    done = asked(where, "jug-execute ", "jug-execute", **without_libraries)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "jug: Completion needs argcomplete, which is not installed: pip install 'jug[completion]'\n"
    assert not (where / "loaded").exists()


def test_a_mistake_in_the_users_commands(where):
    write(where.parent / "home", "1 / 0", ".config/jug/jug_user_commands.py")
    assert asked(where, "jug stat").stdout == "status"
    done = jug(where, "--print-completion", "bash", HOME=str(where.parent / "home"))
    assert (done.code, len(done.err.splitlines())) == (0, 1) and "_jug" in done.out
    assert "jug_user_commands.py cannot be imported" in done.last and "ZeroDivisionError" in done.last


def test_without_a_question_nothing_is_imported_for_the_answer(tmp_path):
    code = "import sys, jug.options; jug.options.parse(['count']); print({*sys.modules} & {'argcomplete', 'shtab'})"
    assert python(tmp_path, "-c", code).out == "set()\n"


def test_help_tells_of_completion(tmp_path):
    assert "jug --print-completion SHELL" in jug(tmp_path, "--help").out


@pytest.mark.xdist_group("package")
@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_global_completion_recognizes_the_installed_commands(where, tmp_path_factory, name):
    checkout.required()
    shell(name)
    bins = install(build_wheel(tmp_path_factory.mktemp("build")), where.parent / "installed", with_libraries=True)
    env = environment_of(where, PYTHONPATH=None)
    env["PATH"] = f"{bins}:{env['PATH']}"
    setup = 'eval "$(activate-global-python-argcomplete --dest=-)"'
    if name == "zsh":
        setup = f"autoload -U compinit; compinit -u -D; {setup}"
    lines = {
        "jug stat": "jug status",
        "jug-execute --keep-g": "jug-execute --keep-going",
        "python -m jug cle": "python -m jug cleanup",
    }
    assert dict(zip(lines, completed(name, where, setup, lines, **env), strict=True)) == lines
