import datetime
import io

import pytest

from jug.errors import ConfigError, UsageError
from jug.words.config import Option, Options, expand_jugdir
from jug.words.config_files import (
    cast_settings,
    configured_settings,
    find_local_configuration_files,
    global_file,
    read_settings,
    read_settings_files,
)

WAIT = Option("wait-cycle-time", 12.0, "How long to wait", at_least=0)
CYCLES = Option("nr-wait-cycles", 150, "How many cycles", at_least=0)
LEASE = Option("lease", None, "How long", kind=float, above=0)
KEEP = Option("keep-going", False, "Continue after errors")
CLEAR = Option("clear", False, "Remove the cache", dest="cache-clear")
VERBOSE = Option("verbose", "quiet", "How much to say", choices=("quiet", "info"))
OLD = Option("target", None, "Deprecated", aliases=("invalid",), dest="name", deprecated="use --name")
NAME = Option("name", None, "Which")
DECLARED = {
    "main": ("main", (VERBOSE,)),
    "execute": ("execute", (WAIT, CYCLES, KEEP, OLD, NAME)),
    "status": ("status", (CLEAR,)),
    "invalidate": ("invalid", (NAME,)),
}


def values(text, known=None):
    return cast_settings(read_settings(io.StringIO(text), "rc"), DECLARED, known)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def write(path, text="[main]\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


# --- one option


@pytest.mark.parametrize("text", ["0", "false", "False", "OFF", "no", "n", "N", ""])
def test_words_for_false(text):
    assert KEEP.cast(text) is False


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "anything"])
def test_everything_else_is_true(text):
    assert KEEP.cast(text) is True


def test_the_kind_is_that_of_the_default():
    assert (WAIT.cast("2"), CYCLES.cast("2"), NAME.cast("2")) == (2.0, 2, "2")
    assert LEASE.cast("1e-9") == 1e-9
    assert isinstance(WAIT.cast("2"), float)


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        (WAIT, "abc", "'abc' is not a number"),
        (WAIT, "nan", "'nan' is not a finite number"),
        (WAIT, "inf", "'inf' is not a finite number"),
        (WAIT, "-1", "'-1' is less than 0"),
        (CYCLES, "2.5", "'2.5' is not a whole number"),
        (CYCLES, "", "'' is not a whole number"),
        (LEASE, "0", "'0' is not more than 0"),
        (VERBOSE, "loud", "'loud' is not one of quiet, info"),
    ],
)
def test_what_cannot_be_cast_is_said_in_a_sentence(option, text, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        option.cast(text)


def test_choices_are_taken_in_any_case():
    assert VERBOSE.cast("INFO") == "info"


def test_help_names_choices_and_default():
    assert VERBOSE.help_text == "How much to say [quiet, info] (Default: quiet)"
    assert KEEP.help_text == "Continue after errors"


def test_an_unknown_trait_is_an_error():
    with pytest.raises(TypeError, match="'atleast'"):
        Option("x", 1, "", atleast=0)


# --- the chain


def test_a_layer_hides_the_one_below():
    below = Options()
    below.update({"jugdir": "below", "short": True})
    options = Options(below)
    options.jugdir = "above"
    assert (options.jugdir, options.short, below.jugdir) == ("above", True, "below")


def test_an_unknown_option_is_named():
    with pytest.raises(AttributeError, match="'no_such'"):
        _ = Options(Options()).no_such


def test_a_copy_is_independent_at_every_layer():
    below = Options()
    below.jugdir = "x"
    options = Options(below)
    duplicate = options.copy()
    duplicate.jugdir = "y"
    below.jugdir = "z"
    assert (options.jugdir, duplicate.jugdir) == ("z", "y")
    assert duplicate.next.jugdir == "x"


def test_autoinit_runs_once_at_the_first_unanswered_question():
    calls = []

    def init(layer):
        calls.append(1)
        layer.late = 7

    options = Options(autoinit=init)
    options.early = 1
    assert options.early == 1 and not calls
    assert options.late == 7
    assert not hasattr(options, "never") and len(calls) == 1


def test_as_dict_is_what_the_chain_answers():
    below = Options()
    below.update({"a": 1, "b": 2})
    options = Options(below)
    options.a = 3
    assert options.as_dict() == {"a": 3, "b": 2}
    assert repr(options) == "Options({'a': 3, 'b': 2})"


# --- values in files


def test_main_has_no_prefix_and_other_sections_have():
    assert values("[main]\nverbose=info\n[execute]\nwait-cycle-time=2\n") == {
        "verbose": "info",
        "execute_wait_cycle_time": 2.0,
    }


def test_dashes_and_underscores_are_the_same():
    assert values("[execute]\nkeep_going=1\nnr-wait_cycles=3\n") == {
        "execute_keep_going": True,
        "execute_nr_wait_cycles": 3,
    }


def test_an_option_is_found_by_its_flag_and_by_its_attribute():
    assert values("[status]\nclear=1\n") == values("[status]\ncache-clear=1\n") == {"status_cache_clear": True}


def test_a_section_may_have_another_prefix_than_its_name():
    assert values("[invalidate]\nname=x\n") == {"invalid_name": "x"}


def test_interpolation_is_off():
    assert values("[main]\njugdir=%(jugfile)s.x\n") == {"jugdir": "%(jugfile)s.x"}


def test_unknown_keys_and_sections_stay_as_text():
    assert values("[my-sub]\nopt-a=1\n[execute]\nother=off\n") == {
        "my_sub_opt_a": "1",
        "execute_other": "off",
    }


def test_undeclared_options_take_the_type_of_a_known_default():
    known = Options()
    known.update({"my_count": 3, "my_flag": True, "my_word": None})
    assert values("[my]\ncount=12\nflag=off\nword=5\n", known) == {
        "my_count": 12,
        "my_flag": False,
        "my_word": "5",
    }


def test_deprecated_keys_work_with_a_warning(capsys):
    assert values("[execute]\ntarget=foo\n") == {"execute_name": "foo"}
    assert capsys.readouterr().err == "jug: warning: rc: [execute] target is deprecated: use --name\n"


def test_a_bad_value_names_file_section_option_and_value():
    with pytest.raises(ConfigError, match=r"^rc: \[execute\] nr-wait-cycles = many: 'many' is not a whole number$"):
        values("[execute]\nnr-wait-cycles=many\n")


def test_a_file_that_does_not_parse_is_named():
    with pytest.raises(ConfigError, match="^rc is not a configuration file: .*no section headers"):
        values("garbage\n")


def test_a_file_that_is_not_text_is_named(tmp_path):
    (tmp_path / "jugrc").write_bytes(b"[main]\njugdir=\xff\xfe\n")
    with pytest.raises(ConfigError, match="jugrc is not a configuration file"):
        read_settings_files([str(tmp_path / "jugrc")])


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ConfigError, match=f"^{tmp_path} cannot be read: "):
        read_settings_files([str(tmp_path)])


# --- which files


def test_the_first_global_file_counts(home):
    assert global_file() is None
    expected = [
        write(home / ".jug/configrc"),
        write(home / ".config/jugrc"),
        write(home / ".config/jug/jugrc"),
    ]
    assert global_file() == expected[-1]
    (home / ".config/jug/jugrc").unlink()
    assert global_file() == expected[-2]


def test_outside_a_checkout_only_the_directory_itself_is_searched(tmp_path):
    write(tmp_path / "jugrc")
    inner = write(tmp_path / "a/b/jugrc")
    assert find_local_configuration_files(str(tmp_path / "a/b")) == [inner]


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_in_a_checkout_the_search_goes_up_to_its_root(tmp_path, kind):
    write(tmp_path / "jugrc")
    git = tmp_path / "root/.git"
    write(git / "HEAD" if kind == "directory" else git)
    root = write(tmp_path / "root/.jugrc")
    inner = [write(tmp_path / "root/a/b/.jugrc"), write(tmp_path / "root/a/b/jugrc")]
    assert find_local_configuration_files(str(tmp_path / "root/a/b")) == [*inner, root]


def test_the_closest_file_wins_and_the_global_one_loses(home, tmp_path, monkeypatch):
    write(home / ".config/jugrc", "[main]\na=global\nb=global\nc=global\nd=global\n")
    write(tmp_path / "root/.git/HEAD")
    write(tmp_path / "root/jugrc", "[main]\na=root\nb=root\nc=root\n")
    write(tmp_path / "root/sub/jugrc", "[main]\na=plain\nb=plain\n")
    write(tmp_path / "root/sub/.jugrc", "[main]\na=dotted\n")
    monkeypatch.chdir(tmp_path / "root/sub")
    assert cast_settings(configured_settings(), {}, None) == {
        "a": "dotted",
        "b": "plain",
        "c": "root",
        "d": "global",
    }


# --- the jugdir template


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%(jugfile)s.jugdata", "sub/x.y.jugdata"),
        ("plain", "plain"),
        ("50%", "50%"),
        ("100%x %d %(", "100%x %d %("),
        ("%%(jugfile)s", "%(jugfile)s"),
        ("redis://:p%40ss@host/", "redis://:p%40ss@host/"),
        ("%(jugfile)s-%(jugfile)s", "sub/x.y-sub/x.y"),
    ],
)
def test_placeholders_are_filled_and_other_percent_signs_stay(template, expected):
    assert expand_jugdir(template, "sub/x.y.py") == expected


def test_only_the_ending_py_is_taken_from_the_jugfile():
    assert expand_jugdir("%(jugfile)s.d", "noext") == "noext.d"


def test_the_date_is_that_of_today():
    days = {datetime.date.today()}
    text = expand_jugdir("x-%(date)s", "j.py")
    days.add(datetime.date.today())
    assert text in {f"x-{day.isoformat()}" for day in days}


@pytest.mark.parametrize("placeholder", ["%(foo)s", "%(jugfile)d", "%(jugfile)", "%()s"])
def test_an_unknown_placeholder_is_named(placeholder):
    with pytest.raises(UsageError) as error:
        expand_jugdir(f"a{placeholder}", "j.py")
    assert placeholder in str(error.value)
