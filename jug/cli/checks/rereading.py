"""The jugfile, read once more by another process: a hash that is stable in one may still differ in the next.

What depends on the order of a set, on the time, on chance or on addresses in memory gives other tasks each time that
the jugfile is read. The second reader is a Python with another seed for the hashes of strings; it answers on its
standard output (to which nothing else can write), first with the hashes of all tasks, then, if it is asked about one of
them, with those of its arguments.
"""

from __future__ import annotations

import os
import pickle
import sys

import jug
from jug import task
from jug.backends.result_bytes.key_file import read_key
from jug.cli.table import cmdapi
from jug.engine.loading.jugfile import Jugfile, JugfileRaised, barrier_of, mark_running
from jug.engine.loading.stores import Signs, set_jugdir, stores_of_a_command
from jug.hash import hash_one
from jug.words.places import describe_place
from jug.words.short import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from jug.task import Task
    from jug.words.config import Options

    _Id: TypeAlias = tuple[str, bytes]  # the name and the hash of a task

_CODE = """\
import sys
sys.path[:0] = {path!r}
from jug.cli.checks.rereading import answer
answer({jugfile!r}, {jugdir!r}, {arguments!r}, {sign_key!r})
"""
_SEEDS = ("1", "2")
# What to do about it.
ADVICE = (
    "It is read by every worker, which must get the same tasks: what comes from the clock, from chance, from the order "
    "of a set (use sorted) or from an address in memory (id, the repr of an object) cannot be an argument"
)


def difference(options: Options, tasks: Sequence[Task[Any]], is_whole: bool) -> str:
    """How the tasks of a second reading differ from `tasks`, and what to do about it; empty if they do not.

    Parameters
    ----------
    is_whole : bool
        Whether the jugfile was read to its end: if not, a second reading may well get further.
    """
    with _start(options) as reader:
        try:
            others, is_other_whole = pickle.load(reader.stdout)
            mine = [(t.name, t.hash()) for t in tasks]
            if not (is_whole and is_other_whole):
                del mine[len(others) :], others[len(mine) :]
            differs = _compare(mine, others, lambda i, j: _arguments(tasks[i], _ask(reader, j)))
            return f"The jugfile makes other tasks when it is read again: {differs}. {ADVICE}." if differs else ""
        except (EOFError, OSError, pickle.UnpicklingError):
            reader.stdin.close()
            return f"The jugfile could not be read again by another process (exit status {reader.wait()})."
        finally:
            reader.stdin.close()  # it then ends


def _start(options: Options) -> Any:
    from subprocess import PIPE, Popen

    package = os.path.dirname(os.path.dirname(os.path.abspath(jug.__file__)))
    code = _CODE.format(
        path=[package],
        jugfile=options.jugfile,
        jugdir=options.jugdir,
        arguments=list(options.user_args),
        sign_key=options.sign_key,
    )
    seed = _SEEDS[os.environ.get("PYTHONHASHSEED") == _SEEDS[0]]
    env = {**os.environ, "PYTHONHASHSEED": seed}
    start = Jugfile(options.jugfile).directory
    return Popen([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, env=env, cwd=start or None)


def _ask(reader: Any, number: int) -> dict[Any, tuple[bytes, str]]:
    reader.stdin.write(b"%d\n" % number)
    reader.stdin.flush()
    return pickle.load(reader.stdout)  # type: ignore[no-any-return]


def _compare(mine: list[_Id], others: list[_Id], in_detail: Callable[[int, int], str]) -> str:
    """What the difference is; the order of the tasks is of no importance."""
    only_mine, only_others = _only_in(mine, others), _only_in(others, mine)
    if not only_mine:
        return f"{len(only_others)} more (such as {others[only_others[0]][0]})" if only_others else ""
    first = only_mine[0]
    name = mine[first][0]
    which = f"{len(only_mine)} of {len(mine)} are others; the first is number {first + 1}, {name}"
    # Most likely its counterpart is at the same place, if not, it is another one of the same name.
    partners = [number for number in only_others if others[number][0] == name]
    if not partners:
        return f"{which}, which is not made the second time"
    return f"{which}: {in_detail(first, first if first in partners else partners[0])}"


def _only_in(ids: list[_Id], others: list[_Id]) -> list[int]:
    known = frozenset(digest for _name, digest in others)
    return [number for number, (_name, digest) in enumerate(ids) if digest not in known]


def _arguments(t: Task[Any], others: dict[Any, tuple[bytes, str]]) -> str:
    """The first argument of `t` that is another one among `others`."""
    for argument, (digest, text) in identities(t).items():
        other, other_text = others.get(argument, (None, "not there"))
        if digest != other:
            what = (
                f"is {text}, and {other_text} the second time" if text != other_text else f"({text}) has another hash"
            )
            return f"{describe_place(t.f, argument, ())} {what}"
    return "it has further arguments the second time"


def identities(t: Task[Any]) -> dict[Any, tuple[bytes, str]]:
    """Hash and a few words of each argument, by position or name."""
    pairs = [*enumerate(t.args), *t.kwargs.items()]
    return {argument: (hash_one(value), short(value)) for argument, value in pairs}


def answer(jugfile: str, jugdir: str, arguments: list[str], sign_key: str) -> None:
    """Be the second reader."""
    try:
        signs = Signs(read_key(sign_key)) if sign_key is not None else None
        with (
            _private(0, os.O_RDONLY, "rb") as questions,
            _private(1, os.O_WRONLY, "wb") as answers,
            stores_of_a_command(signs),
        ):
            _answer(Jugfile(jugfile, arguments), jugdir, questions, answers)
    except JugfileRaised as raised:
        print(raised.report(), end="", file=sys.stderr)
        sys.exit(raised.exit_code)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(1)  # nobody wants to know any more


def _answer(jugfile: Jugfile, jugdir: str, questions: Any, answers: Any) -> None:
    cmdapi.load_user_commands()
    mark_running()
    set_jugdir(jugdir)
    task.alltasks = _Tasks()
    space = jugfile.load()
    tasks = list(task.alltasks)
    pickle.dump(([(t.name, t.hash()) for t in tasks], barrier_of(space) is None), answers)
    answers.flush()
    asked = questions.readline()
    if asked:
        pickle.dump(identities(tasks[int(asked)]), answers)


class _Tasks(list["Any"]):
    """Tasks of functions that share a name were told of by the first reader."""

    def __init__(self) -> None:
        super().__init__()
        self.namesakes: list[str] = []


def _private(number: int, flags: int, mode: str) -> Any:
    """What was standard input or output, for us alone: what the jugfile reads and prints there comes to nothing."""
    channel = os.fdopen(os.dup(number), mode)
    nowhere = os.open(os.devnull, flags)
    os.dup2(nowhere, number)
    os.close(nowhere)
    return channel
