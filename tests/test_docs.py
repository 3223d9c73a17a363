"""Everything that the documentation tells people to type does what the documentation shows."""

import importlib
import re

import checkout
import documents
import pytest
from debian import program
from documents import ROOT

checkout.required()

DOCS = ROOT / "docs"
NOTHING_TO_TYPE = {"architecture.rst", "glossary.rst"}
SLOW = {"tutorial.rst", "examples.rst", "subcommands.rst"}
LANGUAGE = ["jug", *map("jug.{}".format, ["task", "barrier", "compound", "mapreduce", "utils", "io", "unsafe"])]
CHAPTERS = [path for path in sorted(DOCS.glob("*.rst")) if path.name not in NOTHING_TO_TYPE]
TEXT = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS)


def chapter(path):
    return pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.name in SLOW else [])


@pytest.mark.parametrize("path", [chapter(path) for path in CHAPTERS])
def test_every_example_does_what_the_chapter_shows(path, tmp_path):
    text = path.read_text(encoding="utf-8")
    for library in documents.needs(text):
        pytest.importorskip(library, reason=f"the examples of {path.name} need {library}, which is not installed")
    for name, package in documents.programs(text):
        program(name, package)
    found = documents.complaints(path, tmp_path)
    assert not found, "\n".join(["", *found])


def test_every_file_is_in_the_table_of_contents():
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^   ([\w-]+)$", index, re.MULTILINE)
    assert sorted(listed) == sorted({path.stem for path in DOCS.glob("*.rst")} - {"index"})


@pytest.mark.parametrize("module", LANGUAGE)
def test_every_public_name_is_explained(module):
    public = importlib.import_module(module)
    names = getattr(public, "__all__", None) or [
        name for name, obj in vars(public).items() if getattr(obj, "__module__", None) == module and name[0] != "_"
    ]
    assert [name for name in names if not re.search(rf"``[^`]*\b{re.escape(name)}\b[^`]*``", TEXT)] == []


def complaints_about(tmp_path, text):
    document = tmp_path / "document.rst"
    document.write_text(text, encoding="utf-8")
    return documents.complaints(document, tmp_path)


CONSOLE = """\
.. code-block:: python
    :caption: hello.py

    print("hello", 5)

.. code-block:: console

    $ python hello.py
    {}
"""


@pytest.mark.parametrize("shown", ["hello 5", "...", "hel... 5"])
def test_output_as_shown_is_accepted(tmp_path, shown):
    assert complaints_about(tmp_path, CONSOLE.format(shown)) == []


def test_other_output_is_told_with_its_place(tmp_path):
    (complaint,) = complaints_about(tmp_path, CONSOLE.format("hello 6"))
    assert complaint == "document.rst, line 8: $ python hello.py\n--- shown\nhello 6\n--- printed\nhello 5\n"


def test_other_numbers_are_accepted_where_they_vary(tmp_path):
    text = CONSOLE.replace(":: console\n", ":: console\n    :class: varying\n")
    assert complaints_about(tmp_path, text.format("hello 10")) == []


def test_dots_do_not_hide_a_traceback(tmp_path):
    assert len(complaints_about(tmp_path, CONSOLE.replace('"hello"', "hello").format("..."))) == 1


def test_statements_share_their_names_and_may_raise(tmp_path):
    text = """\
.. code-block:: pycon

    >>> x = 5

.. code-block:: pycon

    >>> x + 1
    6
    >>> x / 0
    Traceback (most recent call last):
      ...
    ZeroDivisionError: division by zero
    >>> x
    6
"""
    (complaint,) = complaints_about(tmp_path, text)
    assert complaint.startswith("document.rst, line 13: >>> x\n")


@pytest.mark.parametrize(
    "block",
    [
        ".. code-block:: python\n\n    print(1)\n",
        ".. code-block:: text\n\n    $ jug\n",
        "Type this::\n\n    $ jug\n",
        ".. code:: console\n\n    $ jug\n",
        ">>> print(1)\n1\n",
        ".. code-block:: console\n\n    jug\n",
    ],
)
def test_code_that_nobody_would_run_is_refused(block):
    with pytest.raises(ValueError, match="line "):
        documents.steps(block, ROOT)


def test_code_that_is_not_run_says_why():
    assert documents.steps(".. not run: needs a cluster\n.. code-block:: bash\n\n    qsub jobs.sh\n", ROOT) == []
