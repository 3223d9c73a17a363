"""What docs/performance.rst shows is what the benchmark found, and its goals are held against the data."""

import re
import sys

import checkout
import pytest
from documents import ROOT

checkout.required()

DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results" / "comparison.json"
CHAPTER = (DOCS / "performance.rst").read_text(encoding="utf-8")


@pytest.fixture
def comparison(monkeypatch):
    """The package of the benchmark that reads and shows results, which needs nothing but the standard library."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from comparison import figures, pages

    yield figures, pages
    for name in [name for name in sys.modules if name.partition(".")[0] == "comparison"]:
        del sys.modules[name]


def test_every_part_of_the_chapter_is_there():
    parts = re.findall(r"^\.\. (?:include|image):: (\S+)$", CHAPTER, re.MULTILINE)
    assert sorted(parts) == sorted(f"performance/{path.name}" for path in (DOCS / "performance").iterdir())


def test_the_tables_are_what_the_results_say(comparison):
    figures, pages = comparison
    for name, text in pages.pages(figures.Results.read(RESULTS)).items():
        assert (DOCS / "performance" / name).read_text(encoding="utf-8") == text, name


def test_results_are_read_as_they_were_written(comparison, tmp_path):
    figures, _ = comparison
    results = figures.Results.read(RESULTS)
    results.write(tmp_path / "again.json")
    assert figures.Results.read(tmp_path / "again.json") == results


@pytest.mark.parametrize(
    ("ours", "theirs", "goal", "is_met"),
    [
        ([1.0], [10.0], ("at_least", 10), True),
        ([1.0], [9.9], ("at_least", 10), False),
        ([1.0, 1.0, 1.0], [1.0, 11.0, 30.0], ("at_least", 10), True),  # the median counts
        ([2.0], [1.0], ("no_more_than", 2), True),
        ([2.1], [], ("no_more_than", 2), False),
        ([1.0], [], ("at_least", 10), None),  # nothing to compare with
    ],
)
def test_a_goal_is_held_against_what_was_measured(comparison, ours, theirs, goal, is_met):
    figures, _ = comparison
    name, bound = goal
    assert figures.Figure("a row", "s", ours, theirs, goal=getattr(figures, name)(bound)).is_met() is is_met


def test_a_ratio_may_say_how_much_more_jug_takes(comparison):
    figures, _ = comparison
    figure = figures.Figure("a row", "s", [3.0], [2.0], goal=figures.at_most(1.5), is_inverse=True)
    assert figure.ratio() == 1.5
    assert figure.is_met()


def test_what_was_left_out_is_said_with_its_reason(comparison):
    figures, pages = comparison
    results = figures.Results({"redis": figures.Result(left_out="redis-server is not installed")})
    assert "redis was left out: redis-server is not installed." in pages.pages(results)["table.rst"]
