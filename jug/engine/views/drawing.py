"""A graph of tasks as DOT text, for Graphviz: by task name, however many tasks there are, or task by task.

An edge goes from what is needed to what needs it. Tasklets are seen through, as everywhere. The state of a task is
always said in words: colours only repeat it. Every text is escaped here, whatever users call their functions.
"""

from __future__ import annotations

from jug.task_parts.naming import caption_of
from jug.words.matching import names_of
from jug.words.plain import plain_line
from jug.words.short import number_of, short_call

from .status import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from jug.engine.graph import Graph

    from .status import Status

#: More tasks than this, one by one, are neither laid out in reasonable time nor looked at with profit.
MOST_TASKS = 500

# Fill and line: pale enough for black text on it; different for every kind of eye when printed in grey, too.
_COLORS = {
    State.FAILED: ("#f2a0a0", "#a01414"),
    State.WAITING: ("#e6e6e6", "#8c8c8c"),
    State.READY: ("#fdeeb5", "#b38f00"),
    State.RUNNING: ("#a9cdf5", "#1f5fa8"),
    State.CLAIMED: ("#d5e6f7", "#5b8fc7"),
    State.ABANDONED: ("#e3cdf2", "#7a3fa0"),
    State.FINISHED: ("#bfe5b8", "#2f7d32"),
}
_PLAIN = ("#ffffff", "#8c8c8c")
_STATES = tuple(State)
_UNLISTED = "not to be run"
_LONGEST = 60
_LONGEST_CALL = 96
_LINE = 32
_HEAD = """\
digraph {
  graph [fontname="Helvetica", fontsize=12, labelloc=t, nodesep=0.3, ranksep=0.45]
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#8c8c8c", fontname="Helvetica", fontsize=12]
  edge [color="#606060", arrowsize=0.7]
"""
# From left to right: many tasks that need the same are then above each other, where there is room for their calls.
# Parts that have nothing to do with each other (a hundred single tasks) fill a rectangle, in the order of the jugfile.
_LAYOUT_OF_TASKS = '  graph [rankdir=LR, pack=16, packmode="array_u"]\n'


def draw_names(graph: Graph, status: Status | None, title: str, note: str = "") -> str:
    """One node per task name, with how many tasks of it are in which state.

    Parameters
    ----------
    graph : Graph
    status : Status or None
        None: without states.
    title : str
        What stands above everything.
    note : str
        What else there is to know (that the jugfile stops at a barrier).
    """
    numbers: dict[str, int] = {}
    name_of = [numbers.setdefault(caption_of(task), len(numbers)) for task in graph.tasks]
    tables = {} if status is None else status.by_name()
    totals = dict.fromkeys(numbers, 0)
    for task in graph.tasks:
        totals[caption_of(task)] += 1
    nodes = (_name_node(name, totals[name], tables.get(name, {}), status is not None) for name in numbers)
    names = list(numbers)
    edges = (f"  {_quoted(names[a])} -> {_quoted(names[b])}\n" for a, b in _edges_of(graph, name_of))
    return "".join((_HEAD, _labels(title, note), *nodes, *edges, "}\n"))


def draw_tasks(graph: Graph, status: Status | None, title: str, note: str = "") -> str:
    """One node per task, with its call in short and its state; see :func:`draw_names`."""
    nodes = (_task_node(graph, node, status) for node in range(len(graph)))
    edges = (f"  {a} -> {b}\n" for a, b in _edges_of(graph, range(len(graph))))
    return "".join((_HEAD, _LAYOUT_OF_TASKS, _labels(title, note), *nodes, *edges, "}\n"))


def _edges_of(graph: Graph, group_of: list[int] | range) -> Iterator[tuple[int, int]]:
    """All ``(needed, needing)`` pairs of groups of nodes, each once, in the order of the tasks that need."""
    starts, targets = graph.edges()
    size = max(group_of, default=0) + 1
    pairs: dict[int, None] = {}
    for node in range(graph.listed):
        group = group_of[node]
        for needed in targets[starts[node] : starts[node + 1]]:
            pairs[group_of[needed] * size + group] = None
    return (divmod(pair, size) for pair in pairs)


def _labels(title: str, note: str) -> str:
    below = f'<BR/><FONT COLOR="#a01414">{_html(note)}</FONT>' if note else ""
    return f"  label=<<B>{_html(title)}</B>{below}>\n"


def _name_node(name: str, total: int, counts: dict[State, int], with_status: bool) -> str:
    module, dot, function = _split(name)
    above = _small(_cut(module)) + "<BR/>" if dot else ""
    shown = [state for state in _COLORS if counts.get(state)]
    cells = [f'<TD BGCOLOR="{_COLORS[state][0]}">{counts[state]} {_word(state)}</TD>' for state in shown]
    unlisted = total - sum(counts.values())
    if with_status and unlisted:
        cells.append(f"<TD>{unlisted} {_UNLISTED}</TD>")
    if not with_status:
        cells.append(f"<TD>{number_of(total, 'task')}</TD>")
    table = (
        '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="4">'
        f'<TR><TD COLSPAN="{len(cells)}">{above}<B>{_html(_cut(function))}</B></TD></TR>'
        f"<TR>{''.join(cells)}</TR></TABLE>"
    )
    return f"  {_quoted(name)} [label=<{table}>, tooltip={_quoted(name)}, {_line_of_name(counts, total)}]\n"


def _split(name: str) -> tuple[str, str, str]:
    """Module, dot and function; only a function if there is nothing before the last dot, or after it."""
    own = names_of(name)[0]
    module, dot, function = own.rpartition(".")
    return (module, dot, function + name[len(own) :]) if module and function else ("", "", name)


def _line_of_name(counts: dict[State, int], total: int) -> str:
    """The border: that something failed, or that all is finished, is seen from far."""
    if counts.get(State.FAILED):
        return f'color="{_COLORS[State.FAILED][1]}", penwidth=2.5'
    if counts.get(State.FINISHED) == total:
        return f'color="{_COLORS[State.FINISHED][1]}", penwidth=1.5'
    return f'color="{_PLAIN[1]}"'


def _task_node(graph: Graph, node: int, status: Status | None) -> str:
    task = graph.tasks[node]
    module, dot, function = _split(task.name)
    call = _without_addresses(short_call(function, task.args, task.kwargs))
    above = [_small(_cut(module))] if dot else []
    text = "<BR/>".join([*above, *map(_html, _lines(_cut(call, _LONGEST_CALL)))])
    fill, line = _PLAIN
    if status is not None:
        state = _STATES[status.states[node]] if node < graph.listed else None
        fill, line = _PLAIN if state is None else _COLORS[state]
        text += f"<BR/><B>{_UNLISTED if state is None else _word(state)}</B>"
    call = module + dot + call
    colors = f'sortv={node + 1}, fillcolor="{fill}", color="{line}"'
    return f"  {node} [label=<{text}>, tooltip={_quoted(call)}, {colors}]\n"


def _without_addresses(text: str) -> str:
    """Functions and other objects as they are called, not where they are in memory: that differs each time."""
    import re

    return re.sub(r" at 0x[0-9a-fA-F]+\b", "", text)


def _lines(text: str) -> list[str]:
    """The text in lines of some words each: a long call makes a high node rather than a wide one."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= _LINE:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="#606060">{_html(text)}</FONT>'


def _word(state: State) -> str:
    return state.name.lower()


def _cut(text: str, longest: int = _LONGEST) -> str:
    """A long text without its middle: names differ at their ends."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def _quoted(text: str) -> str:
    """An identifier or a plain attribute of DOT."""
    return '"' + plain_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _html(text: str) -> str:
    """Text in an HTML-like label, where no element may be empty, and backslashes begin escapes all the same."""
    text = plain_line(text) or " "
    for character, entity in (("&", "&amp;"), ("\\", "\\\\"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text
