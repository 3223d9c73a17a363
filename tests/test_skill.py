"""What ``jug/skill`` tells coding assistants is true: each example does what it shows, each command line is one.

Its files are Markdown. A fence "python NAME" is a file of that name, one of "console" is a session; both are those of
:mod:`documents`, which runs them. Each text is one session, in a folder that has the two examples.
"""

import re
import shlex
import textwrap
from pathlib import Path

import documents
import pytest

from jug import options
from jug.cli.table import BUILTINS
from jug.subcommands import cmdapi
from jug.subcommands.install_skills import SOURCE

SKILL = Path(SOURCE)
TEXTS = sorted(SKILL.rglob("*.md"))
EXAMPLES = sorted(SKILL.glob("examples/*.py"))
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^jug (?=[a-z])")

EXAMPLES_SESSION = """
```console
$ jug execute simple_jugfile.py
Task name                      Executed      Loaded
simple_jugfile.add_up                 1           0
simple_jugfile.count_words            3           0
Total:                                4           0
jug: All tasks are finished.
$ jug shell simple_jugfile.py
...
In [1]: value(number_of_to)
Out[1]: 4
$ jug status pipeline_jugfile.py
Task name                          Waiting       Ready    Finished     Running
pipeline_jugfile.list_samples            0           1           0           0
Total:                                   0           1           0           0
The jugfile stops at a barrier (pipeline_jugfile.list_samples has no result yet): there may be more tasks after it.
$ jug execute pipeline_jugfile.py --short
Executed:  15 tasks
Loaded:  0 tasks
** Total: 15 tasks.
jug: All tasks are finished.
$ jug shell pipeline_jugfile.py
...
In [1]: value(summary), value(sum_of_squares)
Out[1]: ({'samples': 4, 'largest': 4.0}, 332833500)
$ jug check simple_jugfile.py --hashes
4 tasks: no hash changes.
$ jug check pipeline_jugfile.py --hashes
15 tasks: no hash changes.
```
"""


def as_chapter(text):
    """The examples of a text in the form that `documents` reads."""
    parts = [f".. literalinclude:: {path}\n" for path in EXAMPLES]
    for language, name, body in FENCE.findall(text):
        caption = f"    :caption: {name}\n" if name else ""
        parts.append(f".. code-block:: {language}\n{caption}\n{textwrap.indent(body, '    ')}")
    return "\n".join(parts)


def complaints_about(text, tmp_path):
    pytest.importorskip("IPython", reason="the examples use jug shell, which needs IPython")
    chapter = tmp_path / "chapter.rst"
    chapter.write_text(as_chapter(text), encoding="utf-8")
    return "\n".join(documents.complaints(chapter, tmp_path))


def prose_of(path):
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def code_in(path):
    """What stands between backticks, on one line or two."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose_of(path))]


def of(paths):
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


@of(TEXTS)
def test_every_example_does_what_it_shows(path, tmp_path):
    assert complaints_about(path.read_text(encoding="utf-8"), tmp_path) == ""


def test_the_examples_run_to_their_end(tmp_path):
    assert complaints_about(EXAMPLES_SESSION, tmp_path) == ""


@of(TEXTS)
def test_every_fence_is_run(path):
    text = path.read_text(encoding="utf-8")
    assert len(FENCE.findall(text)) * 2 == text.count("```")
    assert {language for language, _, _ in FENCE.findall(text)} <= {"python", "console"}
    for language, name, _ in FENCE.findall(text):
        assert bool(name) == (language == "python"), "a file has a name, a session has none"


@of(TEXTS)
def test_every_command_line_in_the_text_is_one(path):
    commands = [code for code in code_in(path) if COMMAND.match(code)]
    assert commands
    for command in commands:
        words = shlex.split(command)[1:]
        if len(words) == 1:  # a name, and not all that has to be typed
            assert words[0] in BUILTINS
        elif not {"--help", "--version"} & {*words}:
            options.parse(words)


@of(TEXTS)
def test_every_option_in_the_text_exists(path):
    known = {f"--{spelling}" for o in all_options() for spelling in o.spellings} | {"--help", "--version", "--"}
    named = {word.split("=")[0] for code in code_in(path) for word in code.split() if word.startswith("--")}
    assert named - known == set()


def all_options():
    return [*options.COMMON_OPTIONS, *(option for name in BUILTINS for option in cmdapi.get(name).options)]


def test_the_reference_has_every_command_and_option():
    prose = prose_of(SKILL / "references/cli-reference.md")
    head, *sections = re.split(r"^## ", prose, flags=re.MULTILINE)
    by_title = {section.partition("\n")[0]: section for section in sections}
    wanted = {f"jug {name}": cmdapi.get(name).options for name in BUILTINS}
    wanted["Options of all commands"] = options.COMMON_OPTIONS
    missing = [
        f"{title}: --{option.name}"
        for title, some in wanted.items()
        for option in some
        if not re.search(rf"`--{option.name}\b", by_title[title])
    ]
    assert head and missing == []


@of([SKILL / "SKILL.md"])
def test_every_file_that_the_skill_names_is_there(path):
    named = {code for code in code_in(path) if re.match(r"(references|examples)/", code)}
    there = {str(file.relative_to(SKILL)) for file in [*TEXTS, *EXAMPLES]} - {"SKILL.md"}
    assert named == there


def test_the_heading_is_what_assistants_look_for():
    yaml = pytest.importorskip("yaml")
    _, heading, _ = (SKILL / "SKILL.md").read_text(encoding="utf-8").split("---\n", 2)
    read = yaml.safe_load(heading)
    assert read["name"] == "jug"
    assert 100 < len(read["description"]) <= 1024  # as long as it may be
    assert set(yaml.safe_load((SKILL / "agents/openai.yaml").read_text(encoding="utf-8"))) == {"interface"}
