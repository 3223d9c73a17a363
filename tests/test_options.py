import io
import sys

import pytest

from jug import options as jug_options
from jug.cli.selection import selection_from, selection_options
from jug.errors import ConfigError, UsageError
from jug.options import build_parser, default_options, read_configuration_file
from jug.options import read_command_line as parse
from jug.subcommands import SubCommand, cmdapi
from jug.words.config import Option


@pytest.fixture(autouse=True)
def commands(tmp_path, monkeypatch):
    """Three commands of this test in place of the built-in ones, and no configuration but the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cmdapi, "_commands", {})
    monkeypatch.setattr(cmdapi, "_created", [])
    monkeypatch.setattr(default_options, "next", type(default_options.next)())

    class Execute(SubCommand):
        """Execute tasks"""

        name = "execute"
        options = (
            Option("wait-cycle-time", 12.0, "How long to wait", at_least=0),
            Option("nr-wait-cycles", 150, "How many wait cycles to do", at_least=0),
            Option("keep-going", False, "Continue after errors"),
            Option("keep-failed", False, "Keep failed tasks locked"),
            *selection_options("Only execute"),
        )

    class Invalidate(SubCommand):
        """Invalidate 100% of the results of a task"""

        name = "invalidate"
        section = "invalid"
        options = selection_options("Invalidate", required=True)

    class Cleanup(SubCommand):
        """Cleanup"""

        name = "cleanup"
        options = (
            Option("locks-only", False, "Locks", exclusive="what"),
            Option("keep-locks", False, "Results", exclusive="what"),
        )

    class Mine(SubCommand):
        """A command in the way of the original"""

        name = "mine"

        def parse(self, parser):
            parser.add_argument("--count", dest="mine_count", type=int)
            parser.add_argument("--loud", dest="mine_loud", action="store_true")

        def parse_defaults(self):
            return {"mine_count": 3, "mine_loud": False}

    return Execute(), Invalidate(), Cleanup(), Mine()


def parse_text(args, text=""):
    return parse(args, io.StringIO(text))


# --- jugfile and arguments


def test_defaults():
    options = parse(["execute"])
    assert (options.subcommand, options.jugfile, options.jugdir) == (
        "execute",
        "jugfile.py",
        "jugfile.jugdata",
    )
    assert (options.short, options.pdb, options.debug, options.verbose) == (False, False, False, "quiet")
    assert (options.aggressive_unload, options.will_cite) == (False, False)
    assert (options.execute_wait_cycle_time, options.execute_nr_wait_cycles) == (12.0, 150)
    assert (options.execute_keep_going, options.execute_name, options.user_args) == (False, None, [])
    assert options.print_out is print


@pytest.mark.parametrize(
    ("args", "jugfile", "user_args"),
    [
        (["a.py"], "a.py", []),
        (["--short", "a.py"], "a.py", []),
        (["a.py", "--short"], "a.py", []),
        (["a.py", "x", "y"], "a.py", ["x", "y"]),
        (["a.py", "--short", "x", "y"], "a.py", ["x", "y"]),
        (["a.py", "x", "--keep-going", "y"], "a.py", ["x", "y"]),
        (["a.py", "--", "x", "--foo", "-h"], "a.py", ["x", "--foo", "-h"]),
        (["a.py", "x", "--", "y"], "a.py", ["x", "y"]),
        (["a.py", "--", "--jugdir", "z", "--", "q"], "a.py", ["--jugdir", "z", "--", "q"]),
        (["--", "x"], "jugfile.py", ["x"]),
    ],
)
def test_the_jugfile_may_stand_anywhere_and_what_follows_is_its_own(args, jugfile, user_args):
    options = parse(["execute", *args])
    assert (options.jugfile, options.user_args) == (jugfile, user_args)


def test_the_jugdir_follows_the_jugfile():
    assert parse(["execute", "sub/x.y.py"]).jugdir == "sub/x.y.jugdata"
    assert parse(["execute", "x.py", "--jugdir", "in-%(jugfile)s"]).jugdir == "in-x"


def test_an_empty_jugdir_is_refused():
    with pytest.raises(UsageError, match="--jugdir ''"):
        parse(["execute", "--jugdir", ""])


def test_pdb_implies_debug_wherever_it_comes_from():
    assert parse(["execute", "--pdb"]).debug is True
    assert parse_text(["execute"], "[main]\npdb=1\n").debug is True
    assert parse(["execute", "--debug"]).pdb is False


def test_options_can_be_abbreviated():
    assert parse(["execute", "--wait", "0.5"]).execute_wait_cycle_time == 0.5


def test_the_command_line_of_the_process_is_the_default(monkeypatch):
    monkeypatch.setattr("sys.argv", ["jug", "execute", "a.py"])
    assert parse().jugfile == "a.py"


# --- order of sources


def test_command_line_over_file_over_defaults():
    text = "[execute]\nwait-cycle-time=2\nnr-wait-cycles=7\n"
    options = parse_text(["execute", "--wait-cycle-time", "3"], text)
    assert (options.execute_wait_cycle_time, options.execute_nr_wait_cycles) == (3.0, 7)
    assert options.execute_keep_failed is False


def test_files_of_the_directory_are_read(tmp_path):
    (tmp_path / "jugrc").write_text("[main]\njugfile=mine.py\n[execute]\nkeep-going=yes\n")
    options = parse(["execute"])
    assert (options.jugfile, options.jugdir, options.execute_keep_going) == ("mine.py", "mine.jugdata", True)


def test_sections_of_other_commands_are_cast_too():
    options = parse_text(["execute"], "[cleanup]\nlocks-only=off\n[invalidate]\nname=x\n")
    assert (options.cleanup_locks_only, options.invalid_name) == (False, "x")


def test_the_defaults_of_other_commands_are_known():
    assert parse(["execute"]).cleanup_keep_locks is False
    assert default_options.invalid_pattern is None


def test_a_bad_value_in_a_file_is_a_config_error():
    with pytest.raises(ConfigError, match=r"\[execute\] nr-wait-cycles = x: 'x' is not a whole number"):
        parse_text(["execute"], "[execute]\nnr-wait-cycles=x\n")


def test_defaults_can_be_changed_and_copied():
    options = default_options.copy()
    options.jugdir = "elsewhere"
    assert default_options.jugdir == "%(jugfile)s.jugdata"
    assert options.execute_nr_wait_cycles == 150


def test_an_unknown_option_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="'execute_nonsense'"):
        _ = parse(["execute"]).execute_nonsense


def test_read_configuration_file_gives_text_without_defaults_and_values_with_them():
    text = "[execute]\nnr-wait-cycles=7\n"
    assert read_configuration_file(io.StringIO(text)).execute_nr_wait_cycles == "7"
    options = read_configuration_file(io.StringIO(text), default_options)
    assert (options.execute_nr_wait_cycles, options.jugfile) == (7, "jugfile.py")


# --- mistakes


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["execute", "--nr-wait-cycles", "2.5"], "argument --nr-wait-cycles: '2.5' is not a whole number"),
        (["execute", "--nr-wait-cycles", "-1"], "argument --nr-wait-cycles: '-1' is less than 0"),
        (["execute", "--wait-cycle-time", "nan"], "argument --wait-cycle-time: 'nan' is not a finite number"),
        (["execute", "--wait-cycle-time", "-0.5"], "argument --wait-cycle-time: '-0.5' is less than 0"),
        (
            ["execute", "--verbose", "loud"],
            "argument --verbose: 'loud' is not one of quiet, error, warning, info, debug",
        ),
        (["execute", "--keep", "a.py"], "ambiguous option: --keep could match --keep-going, --keep-failed"),
        (["execute", "--jugdir"], "argument --jugdir: expected one argument"),
        (
            ["execute", "--name", "x", "--pattern", "y"],
            "argument --pattern: not allowed with argument --name",
        ),
        (
            ["cleanup", "--locks-only", "--keep-locks"],
            "argument --keep-locks: not allowed with argument --locks-only",
        ),
        (["invalidate"], "one of the arguments --name --pattern --target/--invalid is required"),
    ],
)
def test_mistakes_are_one_sentence_that_names_option_and_value(args, sentence, capsys):
    with pytest.raises(UsageError) as error:
        parse(args)
    assert str(error.value) == f"{sentence} (see 'jug {args[0]} --help')"
    assert error.value.exit_code == 2
    assert capsys.readouterr() == ("", "")


def test_unknown_options_are_named_with_the_closest_known_one():
    with pytest.raises(UsageError, match=r"unrecognized arguments: --kep-going \(did you mean --keep-going\?"):
        parse(["execute", "a.py", "--kep-going", "x"])
    with pytest.raises(UsageError, match="arguments for the jugfile go after --"):
        parse(["execute", "a.py", "--zzz"])


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([], "a subcommand is needed"),
        (["--jugdir=x"], "a subcommand is needed before '--jugdir=x'"),
        (["exceute"], "there is no subcommand 'exceute' (did you mean 'execute'?)"),
        (["qqq"], "there is no subcommand 'qqq'"),
    ],
)
def test_without_a_known_subcommand_the_usage_is_shown(args, sentence, capsys):
    with pytest.raises(UsageError) as error:
        parse(args)
    assert str(error.value) == sentence
    assert "   execute:" in capsys.readouterr().err


# --- help and version


def test_version(capsys):
    with pytest.raises(SystemExit) as leave:
        parse(["--version"])
    assert leave.value.code == 0
    assert capsys.readouterr().out == f"{jug_options.__version__}\n"


def test_help_of_jug_has_a_line_per_subcommand(capsys):
    with pytest.raises(SystemExit) as leave:
        parse(["--help"])
    assert leave.value.code == 0
    assert "   sleep-until:    Wait until" in capsys.readouterr().out


def test_help_of_a_subcommand_shows_options_with_defaults(capsys):
    with pytest.raises(SystemExit) as leave:
        parse(["execute", "--help"])
    assert leave.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--wait-cycle-time WAIT_CYCLE_TIME How long to wait (Default: 12.0)" in text
    assert "(Default: %(jugfile)s.jugdata)" in text
    assert "Python script to use. (Default: jugfile.py)" in text


def test_one_parser_for_all_subcommands_exists_for_completion():
    namespace = build_parser_with_known_commands().parse_args(["invalidate", "--name", "x", "a.py"])
    assert (namespace.subcommand, namespace.invalid_name, namespace.jugfile) == ("invalidate", "x", "a.py")


def build_parser_with_known_commands():
    helps = {name: command.help for name, command in cmdapi._settle().items()}
    cmdapi.helps = lambda: helps
    try:
        return build_parser()
    finally:
        del cmdapi.helps


# --- selecting tasks


def test_target_and_invalid_are_name_with_a_warning(capsys):
    for flag in ("--target", "--invalid"):
        assert parse(["execute", flag, "x"]).execute_name == "x"
        warning = capsys.readouterr().err
        assert "--target or --invalid is deprecated" in warning and "--name" in warning and "--pattern" in warning


def test_selection_gives_a_matcher_or_none():
    assert selection_from(parse(["execute"]), "execute") is None
    matcher = selection_from(parse(["invalidate", "--name", "f*"]), "invalid")
    assert matcher("m.foo") and not matcher("m.goo")


def test_an_empty_selection_is_refused():
    with pytest.raises(UsageError, match="empty name"):
        selection_from(parse(["execute", "--name", ""]), "execute")


# --- commands in the way of the original


def test_a_user_command_declares_its_options_with_argparse():
    options = parse(["mine", "a.py", "--count", "5"])
    assert (options.mine_count, options.mine_loud, options.jugfile) == (5, False, "a.py")
    assert parse(["mine"]).mine_count == 3


def test_a_user_command_reads_its_section_with_the_types_of_its_defaults():
    options = parse_text(["mine"], "[mine]\ncount=12\nloud=off\n")
    assert (options.mine_count, options.mine_loud) == (12, False)


@pytest.mark.parametrize("option", ["name", "pattern", "target"])
def test_an_empty_selection_in_a_file_is_none(option):
    file = io.StringIO(f"[execute]\n{option}=\n")
    assert selection_from(read_configuration_file(file, default_options), "execute") is None


# --- parse, for programs


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["invalidate"], "jug: One of the arguments --name --pattern"),
        (["execute", "--name", "f", "--pattern", "g"], "jug: Argument --pattern: not allowed"),
        (["execute", "--no-such-option"], "jug: Unrecognized arguments"),
        (["execute", "--pattern", ""], "jug: Empty pattern"),
        (["execute", "--jugdir", ""], "jug: --jugdir '': the name"),
        (["nosuch"], "jug: There is no subcommand 'nosuch'"),
        ([], "jug: A subcommand is needed"),
    ],
)
def test_a_mistake_ends_a_program_that_parses(args, said, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["program", "x"])
    with pytest.raises(SystemExit) as stop:
        jug_options.parse(args)
    assert stop.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(said)
    assert sys.argv == ["program", "x"]


def test_a_mistake_in_a_file_is_an_error_for_a_program(tmp_path):
    with pytest.raises(ConfigError, match="many"):
        jug_options.parse(["execute"], io.StringIO("[execute]\nnr-wait-cycles = many\n"))


@pytest.mark.parametrize(
    ("args", "left"),
    [
        (["execute", "jf.py", "--", "one", "two"], ["jf.py", "one", "two"]),
        (["execute"], ["jugfile.py"]),
        (["mine", "x.py", "a"], ["x.py", "a"]),
    ],
)
def test_parse_leaves_the_arguments_of_the_jugfile(args, left, monkeypatch):
    monkeypatch.setattr("sys.argv", argv := ["program", "x"])
    assert jug_options.parse(args).user_args == left[1:]
    assert sys.argv is argv and argv == left


@pytest.mark.parametrize(("text", "truth"), [("no", False), ("0", False), ("", False), ("yes", True), ("1", True)])
def test_the_old_name_of_the_cast_to_bool(text, truth):
    assert jug_options._str_to_bool(text) is truth


# --- the home directory


@pytest.mark.parametrize("how", ["--jugdir", "file", "keepalive"])
def test_a_jugdir_may_be_in_the_home_directory(how, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "100%(home)s"))
    text = "[main]\njugdir = ~/%(jugfile)s.d\n" if how == "file" else ""
    given = {"--jugdir": "~/%(jugfile)s.d", "keepalive": "file_keepalive:~/%(jugfile)s.d"}.get(how)
    options = parse_text(["execute", *(["--jugdir", given] if given else [])], text)
    assert options.jugdir == f"{'file_keepalive:' * (how == 'keepalive')}{tmp_path}/100%(home)s/jugfile.d"


@pytest.mark.parametrize("jugdir", ["redis://~host", "dict_store:~/file", "a/~/b", "./~/b"])
def test_what_is_no_home_directory_stays(jugdir):
    assert parse(["execute", "--jugdir", jugdir]).jugdir == jugdir


def test_a_directory_that_is_called_like_home_is_told(tmp_path, capsys):
    (tmp_path / "~/results").mkdir(parents=True)
    assert parse(["execute", "--jugdir", "~/results"]).jugdir == str(tmp_path / "results")
    assert capsys.readouterr().err == (
        "jug: warning: '~/results' is a directory in the home directory; the one here, which is called so, too, is "
        "'./~/results'\n"
    )
