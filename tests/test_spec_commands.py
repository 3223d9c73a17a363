"""Every command and every option does what it says: here, or in the test that is named in the table.

``SHOWN`` has each command of ``jug`` with each of its options. Where the tests of a command hold one for an option, it
is named; the others are in this file. An option that somebody adds and nobody shows is an error, too.
"""

import ast
import shutil
from functools import cache
from pathlib import Path

import pytest
from processes import files_in, jug, start, use, wait_for_file, write

from jug.cli.table import BUILTINS
from jug.options import COMMON_OPTIONS
from jug.subcommands import cmdapi

HERE = Path(__file__).resolve()
CHAIN = "old_chain.py"

# What shows the command itself stands at '' ; a test without a file is in this one.
SHOWN = {
    "all": {
        "": "test_jug.py::test_help_of_a_command_shows_every_option",
        "aggressive-unload": "subcommands/test_execute.py::test_aggressive_unload_gives_the_same_results",
        "jugdir": "subcommands/test_execute.py::test_jugdir_and_its_placeholders",
        "verbose": "subcommands/test_execute.py::test_verbose_info_tells_of_every_execution",
        "sign-key": "subcommands/test_sign_key.py::test_results_are_signed_and_read_by_all_commands",
        "short": "subcommands/test_execute.py::test_short_has_the_totals_and_no_table",
        "pdb": "subcommands/test_execute_failures.py::test_pdb_stops_where_the_task_failed",
        "debug": "test_debug_is_on_only_where_it_was_asked_for",
        "will-cite": "subcommands/test_execute.py::test_will_cite_is_accepted",
    },
    "execute": {
        "": "subcommands/test_execute.py::test_the_table_and_the_closing_line",
        "wait-cycle-time": "test_how_long_execute_waits",
        "nr-wait-cycles": "test_how_long_execute_waits",
        "name": "subcommands/test_execute.py::test_name",
        "pattern": "subcommands/test_execute.py::test_pattern",
        "target": "subcommands/test_execute.py::test_target_is_the_old_name_of_name",
        "keep-going": "subcommands/test_execute_failures.py::test_keep_going_runs_all_that_can_be_run",
        "keep-failed": (
            "subcommands/test_execute_failures.py::test_a_failure_that_is_kept_is_not_run_again_until_it_is_cleaned_up"
        ),
        "retry-failed": (
            "subcommands/test_execute_failures_shared.py::"
            "test_failed_locks_that_were_kept_are_given_free_by_retry_failed"
        ),
        "lease": "subcommands/test_execute.py::test_the_lease_is_set_before_anything_is_locked",
        "store-timeout": (
            "faults/test_full_disk.py::test_what_has_no_room_for_too_long_fails_with_its_size_and_costs_nothing_else"
        ),
        "no-groups": "subcommands/test_execute.py::test_without_groups_each_result_is_a_file",
        "no-check-environment": "subcommands/test_execute_ends_early.py::test_no_check_environment",
    },
    "status": {
        "": "subcommands/test_status.py::test_the_table_has_a_line_per_name_in_alphabetical_order_and_totals",
        "cache": "test_status_with_a_cache_says_the_same_without_reading_the_jugfile",
        "cache-file": "test_the_cache_of_status_is_kept_where_it_is_told",
        "clear": "test_clear_removes_the_cache_of_status",
        "workers": "subcommands/test_status_workers.py::test_a_real_worker_is_seen_with_its_task_with_a_cache_too",
        "failures": "subcommands/test_status_failures.py::test_what_failed_where_how_often_and_why",
    },
    "check": {
        "": "subcommands/test_check.py::test_the_exit_status_says_whether_all_is_finished",
        "hashes": "subcommands/test_check.py::test_stable_hashes",
        "verify": "subcommands/test_check.py::test_results_that_are_whole_are_verified_and_not_unpickled",
        "sign": "subcommands/test_sign_key.py::test_results_without_signatures_are_refused_until_they_are_signed",
    },
    "sleep-until": {"": "test_sleep_until_waits_beyond_barriers"},
    "shell": {"": "subcommands/test_shell.py::test_names_and_tools"},
    "invalidate": {
        "": "subcommands/test_invalidate.py::test_what_depends_on_it_goes_too_through_tasklets_as_well",
        "name": "subcommands/test_invalidate.py::test_ways_to_select",
        "pattern": "subcommands/test_invalidate.py::test_ways_to_select",
        "target": "subcommands/test_invalidate.py::test_old_names_of_the_option_warn",
        "dry-run": "subcommands/test_invalidate.py::test_a_dry_run_prints_the_same_table_and_changes_nothing_at_all",
    },
    "cleanup": {
        "": "subcommands/test_cleanup.py::test_what_goes_and_what_stays",
        "locks-only": "subcommands/test_cleanup.py::test_what_goes_and_what_stays",
        "failed-only": "subcommands/test_cleanup.py::test_what_goes_and_what_stays",
        "keep-locks": "subcommands/test_cleanup.py::test_the_options_exclude_each_other",
        "force": "subcommands/test_cleanup.py::test_what_goes_and_what_stays",
        "yes": "subcommands/test_cleanup.py::test_at_a_terminal_more_than_half_goes_only_if_somebody_says_yes",
        "dry-run": "subcommands/test_cleanup.py::test_a_dry_run_changes_nothing_and_says_what_the_real_run_does",
    },
    "webstatus": {
        "": "subcommands/test_webstatus.py::test_the_text_is_the_table_of_jug_status",
        "ip": ("subcommands/test_webstatus.py::test_beyond_this_machine_nothing_is_answered_without_the_token"),
        "port": "subcommands/test_webstatus.py::test_a_port_that_is_in_use_is_told_before_the_jugfile_is_read",
        "interval": "subcommands/test_webstatus.py::test_viewers_who_find_an_old_snapshot_share_the_next_look",
        "host-names": (
            "subcommands/test_webstatus.py::test_without_a_token_it_warns_and_answers_to_the_names_that_were_given"
        ),
        "no-token": (
            "subcommands/test_webstatus.py::test_without_a_token_it_warns_and_answers_to_the_names_that_were_given"
        ),
    },
    "graph": {
        "": "test_graph_leaves_its_source_and_a_picture",
        "no-status": "test_a_graph_without_status_is_the_same_before_and_after_execution",
        "file-format": "test_the_picture_of_a_graph_has_the_format_that_was_asked_for",
        "tasks": "test_a_graph_of_single_tasks_has_a_node_for_each",
    },
    "count": {"": "subcommands/test_count.py::test_tasks_by_name"},
    "pack": {"": "test_pack_puts_small_results_into_one_file"},
    "demo": {"": "subcommands/test_demo.py::test_the_demo_can_be_followed_to_its_end"},
    "install-skills": {
        "": "test_skill.py::test_every_example_does_what_it_shows",
        "output": "subcommands/test_install_skills.py::test_the_layout_is_that_of_old_releases",
        "force": "subcommands/test_install_skills.py::test_force_replaces_files_and_keeps_those_of_others",
    },
    "test-jug": {
        "": "test_the_tests_can_be_run_by_name",
        "all": "subcommands/test_test_jug.py::test_all_tests_are_run_if_that_is_asked",
    },
}


@cache
def functions_in(path):
    if path.parent.name == "faults" and not path.parent.exists():
        pytest.skip("the tests of faults are for a checkout")
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("command", SHOWN)
def test_the_tests_in_the_table_exist(command):
    for option, test in SHOWN[command].items():
        file, _, name = test.rpartition("::")
        assert name in functions_in(HERE.parent / file if file else HERE), f"{command} {option}: {test}"


def test_every_command_is_in_the_table():
    assert SHOWN.keys() - {"all"} == BUILTINS.keys()


@pytest.mark.parametrize("command", BUILTINS)
def test_every_option_of_a_command_is_in_the_table(command):
    assert {option.name for option in cmdapi.get(command).options} == SHOWN[command].keys() - {""}


def test_every_common_option_is_in_the_table():
    assert {option.name for option in COMMON_OPTIONS} == SHOWN["all"].keys() - {""}


# The options that are shown nowhere else


@pytest.fixture
def chain(tmp_path):
    """A directory with a jugfile of 4 tasks."""
    use(tmp_path, CHAIN)
    return tmp_path


def test_debug_is_on_only_where_it_was_asked_for(tmp_path):
    source = """
        from jug import Task, TaskGenerator
        @TaskGenerator
        def outer():
            Task(len, 'made inside')
        outer()
        """
    write(tmp_path, source)
    refused = jug(tmp_path, "execute", "--debug")
    assert refused.code == 1 and "created a task" in refused.err
    assert jug(tmp_path, "execute").code == 0


@pytest.mark.parametrize(("cycles", "seconds", "total"), [("0", "12", "0 s"), ("2", "0.05", "0.1 s")])
def test_how_long_execute_waits(chain, cycles, seconds, total):
    done = jug(chain, "execute", "--name", "add", "--nr-wait-cycles", cycles, "--wait-cycle-time", seconds)
    assert done.code == 3
    assert done.last == f"jug: Nothing could be run for {total} (see --nr-wait-cycles). Tasks left: 1 waiting."


def test_jug_max_tasks_counts_tasks_of_this_worker(chain):
    assert jug(chain, "execute", JUG_MAX_TASKS="3").code == 3
    assert jug(chain, "status").table()["Total:"]["Finished"] == 3


def test_status_with_a_cache_says_the_same_without_reading_the_jugfile(chain):
    write(chain, (chain / "jugfile.py").read_text() + "open('read', 'a').write('x')\n")
    jug(chain, "execute", JUG_MAX_TASKS="1")
    plain, first = jug(chain, "status"), jug(chain, "status", "--cache")
    assert (chain / ".jugstatus.sqlite3").exists()
    reads = (chain / "read").read_text()
    second = jug(chain, "status", "--cache")
    assert (chain / "read").read_text() == reads
    assert plain.out == first.out == second.out and plain.code == second.code == 1
    jug(chain, "execute")
    assert jug(chain, "status", "--cache").code == 0


def test_the_cache_of_status_is_kept_where_it_is_told(chain):
    assert jug(chain, "status", "--cache", "--cache-file", "mine.sqlite3").code == 1
    assert files_in(chain) == ["jugfile.py", "mine.sqlite3"]


def test_clear_removes_the_cache_of_status(chain):
    jug(chain, "status", "--cache")
    assert jug(chain, "status", "--clear").code in (0, 1)
    assert files_in(chain) == ["jugfile.py"]


def test_sleep_until_waits_beyond_barriers(tmp_path):
    source = """
        from jug import Task, barrier, value
        open('read', 'a').write('x')
        first = Task(len, 'abc')
        barrier()
        second = Task(range, value(first))
        """
    write(tmp_path, source)
    waiting = start(tmp_path, "sleep-until")
    wait_for_file(tmp_path / "read", alive=waiting)
    assert jug(tmp_path, "execute", "--name", "len", "--nr-wait-cycles", "0", JUG_MAX_TASKS="1").code == 3
    assert waiting.process.poll() is None
    assert jug(tmp_path, "execute").code == 0
    assert waiting.wait().code == 0


def has_graphviz():
    return shutil.which("dot") is not None


def test_graph_leaves_its_source_and_a_picture(chain):
    done = jug(chain, "graph")
    text = (chain / "jugfile.dot").read_text()
    assert text.lstrip().startswith("digraph") and "jugfile." in text and "double" in text and "add" in text
    assert "jugfile.dot" in done.out + done.err
    if has_graphviz():
        assert done.code == 0 and (chain / "jugfile.png").read_bytes().startswith(b"\x89PNG")


def test_without_graphviz_a_graph_leaves_its_source_and_says_so(chain):
    done = jug(chain, "graph", PATH="/nonexistent")
    assert done.code != 0 and "Graphviz" in done.last and (chain / "jugfile.dot").exists()


def test_the_picture_of_a_graph_has_the_format_that_was_asked_for(chain):
    if not has_graphviz():
        pytest.skip("Graphviz is not installed")
    assert jug(chain, "graph", "--file-format", "svg").code == 0
    assert "<svg" in (chain / "jugfile.svg").read_text() and not (chain / "jugfile.png").exists()


def dot_of(where, *arguments):
    jug(where, "graph", *arguments, PATH="/nonexistent")  # drawing it takes long
    return (where / "jugfile.dot").read_text()


def test_a_graph_without_status_is_the_same_before_and_after_execution(chain):
    bare, coloured = dot_of(chain, "--no-status"), dot_of(chain)
    jug(chain, "execute")
    assert dot_of(chain, "--no-status") == bare != coloured != dot_of(chain)


def test_a_graph_of_single_tasks_has_a_node_for_each(chain):
    # A result is used by an arrow each: three of them in a graph of tasks, one in a graph of names.
    assert dot_of(chain, "--no-status", "--tasks").count("->") == 3
    assert dot_of(chain, "--no-status").count("->") == 1


def test_pack_puts_small_results_into_one_file(chain):
    jug(chain, "execute")
    before = files_in(chain / "jugfile.jugdata")
    assert jug(chain, "pack").code == 0
    after = files_in(chain / "jugfile.jugdata")
    assert "packs/jugpack" in after and "packs/jugpack" not in before and len(after) < len(before)
    assert jug(chain, "check").code == 0
    assert jug(chain, "status").table()["Total:"]["Finished"] == 4


def test_the_tests_can_be_run_by_name(tmp_path):
    done = jug(tmp_path, "test-jug", "--", "-q", "tests/words/test_short.py")
    assert done.code == 0 and " passed" in done.out, done
    assert files_in(tmp_path) == []
