"""``jug execute``: run tasks until all are finished, or nothing more can be done."""

from __future__ import annotations

from jug import task
from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.console import ConsoleReporter
from jug.cli.old_calls import as_in_old_releases
from jug.cli.selection import no_match, selection_from, selection_options
from jug.engine.call.signals import Interrupted, ignore_signals
from jug.engine.loading.jugfile import Jugfile
from jug.engine.loading.stores import require_key
from jug.engine.run.execution import Execution
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Settings
from jug.errors import EXIT_FAILED, EXIT_OK, StopWorker
from jug.hooks import jug_hook
from jug.hooks.exit_checks import exit_env_vars
from jug.io import print_task_summary_table
from jug.task_parts.naming import caption_of
from jug.words.config import Option
from jug.words.inherited import warn_of_ignored_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.engine.run.outcome import Outcome
    from jug.words.config import Options
    from jug.words.matching import Selection


NO_TASKS = "There are no tasks in {jugfile!r} (is a function to be decorated with @TaskGenerator, and called?)"


class ExecuteCommand(SubCommand):
    """Execute tasks

    Any number of these may run at the same time, on one machine or many: they share the work.
    """

    name = "execute"
    works = True
    options = (
        Option("wait-cycle-time", 12.0, "How long to wait in each cycle (in seconds)", at_least=0),
        Option("nr-wait-cycles", 150, "How many wait cycles to do without any progress before giving up", at_least=0),
        *selection_options("Only execute"),
        Option("keep-going", False, "Continue after errors"),
        Option(
            "keep-failed",
            False,
            "Keep failed tasks locked, so that nobody runs them again (until 'jug cleanup --failed-only')",
        ),
        Option(
            "retry-failed",
            False,
            "Run again, once, what failed before: in workers that are running now, or kept by --keep-failed",
        ),
        Option(
            "lease",
            None,
            "After so many seconds without a sign of life from this worker, others take over what it was running, if "
            "they cannot know that it is alive (default: 300; on Redis 60)",
            "SECONDS",
            kind=float,
            above=0,
        ),
        Option(
            "store-timeout",
            None,
            "For how long to wait, with a result to be stored, while the disk is full or the server is away "
            "(default: 600)",
            "SECONDS",
            kind=float,
            at_least=0,
        ),
        Option(
            "no-groups",
            False,
            "Store each result by itself, those of short tasks too, as workers of Jug 2.7 on the same results need it",
        ),
        Option(
            "no-check-environment",
            False,
            "Do not check environment variables JUG_* and file __jug_please_stop_running.txt",
        ),
    )

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any], *args: Any, **kwargs: Any) -> int:
        """Execute, and say how it ended; without --keep-going, what a task raises comes out of it when all is said."""
        if not options.execute_no_check_environment:
            exit_env_vars()
        require_key(store)
        warn_of_ignored_children()
        if options.execute_lease is not None:
            store.lease = options.execute_lease
        if options.execute_store_timeout is not None:
            store.patience = options.execute_store_timeout
        reporter = ConsoleReporter(options)
        selects = selection_from(options, "execute")
        execution = Execution(
            Jugfile(options.jugfile, options.user_args),
            store,
            settings_from(options),
            reporter,
            selects,
        )
        try:
            outcome = execution.run(jugspace)
        except Interrupted:
            ignore_signals()  # a second one is not to come between this worker and what is left to be put in order
            raise
        try:
            self._summarise(options, reporter)
        except SystemExit as stop:  # of a hook: it may choose the exit status, but not say that all is well
            outcome.cause = stop if isinstance(stop, StopWorker) else StopWorker(code=stop.code)
        terminal.say(_closing_line(options, selects, outcome))
        outcome.raise_failure()
        misses = selects is not None and outcome.ending is Ending.COMPLETE and selects.misses()
        return outcome.exit_code or (EXIT_FAILED if misses else EXIT_OK)

    def _summarise(self, options: Options, reporter: ConsoleReporter) -> None:
        jug_hook("execute.finished_pre_status")
        print_task_summary_table(
            options, [("Executed", reporter.executed_by_name), ("Loaded", reporter.loaded_by_name)]
        )
        jug_hook("execute.finished_post_status")


def _closing_line(options: Options, selects: Selection | None, outcome: Outcome) -> str:
    if not task.alltasks and outcome.ending is Ending.COMPLETE:
        return NO_TASKS.format(jugfile=options.jugfile)
    if selects is None:
        return outcome.sentence()
    is_complete = outcome.ending is Ending.COMPLETE and not outcome.failures
    if not selects.misses():
        return f"All tasks that match {selects} are finished." if is_complete else outcome.sentence()
    missing = no_match(selects, map(caption_of, task.alltasks))
    if not is_complete:
        return f"{outcome.sentence()} {missing}, so far."
    return f"{missing}: {'all others that match are finished' if selects.has_selected else 'nothing was executed'}."


def settings_from(options: Options) -> Settings:
    """What the options tell a worker."""
    return Settings(
        keep_going=options.execute_keep_going,
        keep_failed=options.execute_keep_failed,
        retry_failed=options.execute_retry_failed,
        groups=not options.execute_no_groups,
        debug=options.debug,
        pdb=options.pdb,
        aggressive_unload=options.aggressive_unload,
        wait_cycle_time=options.execute_wait_cycle_time,
        nr_wait_cycles=options.execute_nr_wait_cycles,
    )


__getattr__ = as_in_old_releases(__name__, "execute")
