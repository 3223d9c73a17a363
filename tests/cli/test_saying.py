"""How commands speak: through one door, and of one task as of one."""

import ast
import re
from pathlib import Path

import pytest
from processes import jug, python, use, write

import jug as package
from jug import Task
from jug.options import parse
from jug.subcommands import cmdapi
from jug.words.short import number_of

SOURCES = sorted(Path(package.__file__).parent.rglob("*.py"))
# What is counted in messages.
NOUNS = (
    "arguments|barriers|bytes|elements|failures|files|folders|items|jugfiles|lines|locks|names|objects|others|packs|"
    "records|results|seconds|segments|tasks|times|workers"
)


def trees():
    return [(path.name, ast.parse(path.read_text(encoding="utf-8"))) for path in SOURCES]


def test_a_number_and_its_noun():
    assert [number_of(n, "task") for n in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]
    assert number_of(1, "task is", "tasks are") == "1 task is" and number_of(3, "task is", "tasks are") == "3 tasks are"


def test_no_message_has_a_plural_after_any_number():
    plural = re.compile(rf" (failed |more |other )?({NOUNS})\b")
    found = []
    for name, tree in trees():
        for text in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
            for before, after in zip(text.values, text.values[1:], strict=False):
                is_number = isinstance(before, ast.FormattedValue) and isinstance(after, ast.Constant)
                if is_number and plural.match(after.value) and not _is_no_count(before):
                    found.append(f"{name}:{text.lineno}: {ast.unparse(text)}")
    assert found == []


def _is_no_count(value):
    """A place for text, which is quoted, or for a constant."""
    return value.conversion == ord("r") or (isinstance(value.value, ast.Name) and value.value.id.isupper())


def test_commands_print_through_one_door():
    found = []
    for path in (path for path in SOURCES if {"cli", "subcommands"} & {*path.parts}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            if is_print and all(keyword.arg != "file" for keyword in node.keywords):
                found.append(f"{path.name}:{node.lineno}")
    # The end of a line that a question has begun; sentences in the interactive shell.
    assert {place.partition(":")[0] for place in found} == {"terminal.py", "shell.py"}, found


@pytest.mark.parametrize("name", ["check", "cleanup", "count", "invalidate", "status"])
def test_all_that_a_command_prints_goes_where_the_user_says(name, capsys, store):
    task = Task(abs, -3)
    task.run()
    options, lines = parse([name, *(["--name", "abs"] if name == "invalidate" else [])]), []
    options.print_out = lines.append
    assert cmdapi.get(name).run(options=options, store=store, jugspace={}) in (0, None)
    assert capsys.readouterr().out == "" and bool(lines) == (name != "check")
    assert all(type(line) is str for line in lines)


def test_pack_and_graph_and_execute_go_there_too(tmp_path):
    script = (
        "import jug, jug.options\nfrom jug.subcommands import cmdapi\n"
        "store, space = jug.init('jugfile.py', 'jugfile.jugdata')\n"
        "for name in ('execute', 'pack', 'graph'):\n"
        "    lines = []\n"
        "    options = jug.options.parse([name, '--will-cite'])\n"
        "    options.print_out = lines.append\n"
        "    try: cmdapi.get(name).run(options=options, store=store, jugspace=space)\n"
        "    except jug.errors.UsageError: pass  # no Graphviz\n"
        "    print(name, len(lines))\n"
    )
    use(tmp_path, "chain.py")
    done = python(tmp_path, "-c", script)
    assert re.fullmatch(r"execute 1\npack 1\ngraph [01]\n", done.out), done


ONE = "from jug import TaskGenerator\n\n@TaskGenerator\ndef f(x):\n    return x\n\nf(1)\n"


def test_one_task_is_no_tasks(tmp_path):
    write(tmp_path, ONE)
    said = [jug(tmp_path, "status", "--short"), jug(tmp_path, "execute", "--short"), jug(tmp_path, "status", "--short")]
    said += [jug(tmp_path, "count", "--short"), jug(tmp_path, "pack"), jug(tmp_path, "check", "--hashes")]
    said += [jug(tmp_path, "check", "--verify"), jug(tmp_path, "invalidate", "--name", "f", "--short")]
    jug(tmp_path, "execute", "--short")
    write(tmp_path, ONE.replace("f(1)", "f(2)"))
    said += [jug(tmp_path, "cleanup", "--dry-run"), jug(tmp_path, "cleanup")]
    text = "".join(done.out + done.err for done in said)
    assert len(re.findall(r"\b1 (?!of)\w+", text)) > 10
    assert re.findall(r"\b1 \w+s\b(?<!is)(?<!has)(?<!goes)(?<!stays)", text) == []


def test_short_execute_says_how_many(tmp_path):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").out == "Executed:  7 tasks\nLoaded:  0 tasks\n** Total: 7 tasks.\n"
    assert jug(tmp_path, "execute", "--short").out == "Executed:  0 tasks\nLoaded:  7 tasks\n** Total: 7 tasks.\n"
