import pytest

from jug.errors import UsageError
from jug.words.matching import (
    Caption,
    names_of,
    prepare_matcher_from_options,
    prepare_name_matcher,
    prepare_task_matcher,
)

NAMES = ["m.foo", "m.foo_bar", "foo", "a.b.foo", "m.Foo", "xfoo", "m.xfoo", "foo.m", "m.foo.x"]


def selected(matcher):
    return [name for name in NAMES if matcher(name)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("foo", ["m.foo", "m.foo_bar", "foo", "a.b.foo", "xfoo", "m.xfoo", "foo.m", "m.foo.x"]),
        ("m.f", ["m.foo", "m.foo_bar", "m.foo.x"]),
        ("FOO", []),
        ("f*", []),
        ("/foo", []),
        ("/^m/", ["m.foo", "m.foo_bar", "m.Foo", "m.xfoo", "m.foo.x"]),
        ("/foo$/", ["m.foo", "foo", "a.b.foo", "xfoo", "m.xfoo"]),
        ("/.*/", NAMES),
    ],
)
def test_pattern_is_a_substring_or_a_regex_between_slashes(pattern, expected):
    assert selected(prepare_task_matcher(pattern)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("foo", ["m.foo", "foo", "a.b.foo"]),
        ("m.foo", ["m.foo"]),
        ("b.foo", ["a.b.foo"]),
        ("f*", ["m.foo", "m.foo_bar", "foo", "a.b.foo", "foo.m", "m.foo.x"]),
        ("*foo", ["m.foo", "foo", "a.b.foo", "xfoo", "m.xfoo"]),
        ("*.foo", ["m.foo", "a.b.foo"]),
        ("a*foo", ["a.b.foo"]),
        ("?oo", ["m.foo", "foo", "a.b.foo", "m.Foo"]),
        ("fo[ox]", ["m.foo", "foo", "a.b.foo"]),
        ("*", NAMES),
        (".foo", []),
        ("/foo/", []),
    ],
)
def test_name_is_the_full_name_or_what_follows_a_dot(name, expected):
    assert selected(prepare_name_matcher(name)) == expected


@pytest.mark.parametrize("pattern", ["", "//"])
def test_an_empty_pattern_is_refused(pattern):
    with pytest.raises(UsageError, match="empty pattern"):
        prepare_task_matcher(pattern)


def test_an_empty_name_is_refused():
    with pytest.raises(UsageError, match="empty name"):
        prepare_name_matcher("")


def test_refusals_can_be_caught_as_value_errors():
    with pytest.raises(ValueError, match="empty pattern"):
        prepare_matcher_from_options(pattern="")


def test_a_bad_regex_is_named_with_what_is_wrong():
    with pytest.raises(UsageError, match=r"'/\(a/' is not a regular expression: missing \)"):
        prepare_task_matcher("/(a/")


def test_no_criterion_is_no_matcher():
    assert prepare_matcher_from_options() is None


def test_one_criterion_decides():
    assert selected(prepare_matcher_from_options(name="foo")) == ["m.foo", "foo", "a.b.foo"]
    assert selected(prepare_matcher_from_options(pattern="m.f")) == ["m.foo", "m.foo_bar", "m.foo.x"]


def test_name_and_pattern_must_both_match_and_a_warning_says_so(capsys):
    assert selected(prepare_matcher_from_options(name="foo", pattern="m")) == ["m.foo"]
    assert "'foo'" in (warning := capsys.readouterr().err) and "'m'" in warning


# --- names of tasks that apply functions, and several names at once

CAPTION = Caption("jug.mapreduce._jug_map_reduce", ["m.add", "m.foo"])


def test_a_caption_is_one_word_with_all_names():
    assert CAPTION == "jug.mapreduce._jug_map_reduce(m.add,m.foo)" and " " not in CAPTION
    assert names_of(CAPTION) == ("jug.mapreduce._jug_map_reduce", "m.add", "m.foo") and names_of("m.f") == ("m.f",)


@pytest.mark.parametrize(
    "name", ["foo", "add", "m.foo", "f*", "*oo", "_jug_map_reduce", "mapreduce._jug*", CAPTION, "*(*,m.foo)", "*"]
)
def test_a_name_finds_what_applies_a_function_of_that_name(name):
    assert prepare_name_matcher(name)(CAPTION)


@pytest.mark.parametrize("name", ["a*o", "fo", "m.add,m.foo", "foo)", "map*foo", "jug.foo", "reduce", "_jug_map"])
def test_no_name_reaches_from_one_function_to_the_next(name):
    assert not prepare_name_matcher(name)(CAPTION)


@pytest.mark.parametrize("pattern", ["foo", "map", "/^m.add$/", "/foo$/", "/^jug.*reduce$/", "(m.add", "/map.*foo/"])
def test_a_pattern_finds_what_applies_a_function(pattern):
    assert prepare_task_matcher(pattern)(CAPTION)


def test_a_plain_name_with_brackets_is_one_name():
    assert not prepare_name_matcher("m.foo")("fit(m.foo)") and prepare_name_matcher("fit(m.foo)")("m.fit(m.foo)")


def test_of_several_names_or_patterns_one_has_to_match():
    assert selected(prepare_matcher_from_options(name=["b.foo", "xfoo"])) == ["a.b.foo", "xfoo", "m.xfoo"]
    assert selected(prepare_matcher_from_options(pattern=["/^x/", "Foo"])) == ["m.Foo", "xfoo"]


def test_a_selection_remembers_what_has_matched():
    selection = prepare_matcher_from_options(name=["foo", "b?r", "nobody"])
    assert selection.misses() and str(selection) == "--name 'foo' --name 'b?r' --name 'nobody'"
    assert selection("m.foo") and not selection("m.other") and selection.has_selected and selection.misses()
    assert [str(one) for one in selection.unmatched()] == ["--name 'b?r'", "--name 'nobody'"]
    assert selection("m.bar") and selection("nobody") and not selection.misses()


def test_no_names_at_all_do_not_select_everything():
    with pytest.raises(UsageError, match="would match every task"):
        prepare_matcher_from_options(name=[])
