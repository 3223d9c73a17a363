"""What the documentation shows of results: reStructuredText to be included, made from nothing but the results.

``table.rst`` has all figures with their goals, ``growth.rst`` first runs by number of tasks, ``machine.rst`` how and
where it was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from .figures import Figure, Goal, Results

_MADE = ".. Made by benchmarks/compare.py from benchmarks/results/comparison.json: do not edit.\n\n"
_NOTHING = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_TO = "\N{NO-BREAK SPACE}"  # from a number to its unit
_UNITS = {"us": "\N{MICRO SIGN}s", "times": _TIMES}
_MET = {True: "yes", False: "**no**", None: _NOTHING}


def pages(results: Results) -> dict[str, str]:
    """The text of each file by its name."""
    return {
        "machine.rst": _MADE + _machine(results),
        "table.rst": _MADE + _table(results) + _remarks(results),
        "growth.rst": _MADE + _growth(results),
    }


def write(results: Results, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages(results).items():
        (directory / name).write_text(text, encoding="utf-8")


def plain(results: Results) -> str:
    """The table for a terminal."""
    lines = []
    for result in results.rows.values():
        for figure in result.figures:
            cells = [cell.replace("*", "") for cell in _cells(figure)]
            lines.append(f"{cells[0]}\n    {cells[1]} | {cells[2]} | {cells[3]} | goal {cells[4]} | met: {cells[5]}")
    return "\n".join(lines) + "\n" + _remarks(results)


def _machine(results: Results) -> str:
    heads = results.heads()
    said = "" if len(heads) == 1 else f"The rows are from {len(heads)} runs.\n\n"
    blocks = ["::\n\n" + "".join(f"    {line}\n" for line in head.splitlines()) for head in heads]
    return said + "\n".join(blocks)


def _table(results: Results) -> str:
    head = ["What", "jug", "Compared with", "Ratio", "Goal", "Met"]
    rows = [_cells(figure) for result in results.rows.values() for figure in result.figures]
    return list_table([head, *rows], [32, 11, 22, 17, 12, 6])


def _cells(figure: Figure) -> list[str]:
    other = f"{figure.against}: {amount(median(figure.theirs), figure.unit)}" if figure.theirs else _NOTHING
    return [
        figure.what,
        amount(median(figure.ours), figure.unit),
        other,
        _ratio(figure),
        _goal(figure.goal, figure.unit),
        _MET[figure.is_met()],
    ]


def _ratio(figure: Figure) -> str:
    ratios, ratio = figure.ratios(), figure.ratio()
    if ratio is None:
        return _NOTHING
    least, most = number(min(ratios)), number(max(ratios))
    spread = f" ({least} to {most})" if least != most else ""
    return f"{number(ratio)}{_TO}{_TIMES}{spread}"


def _goal(goal: Goal | None, unit: str) -> str:
    if goal is None:
        return _NOTHING
    side = "at most" if goal.is_most else "at least"
    return f"{side} {f'{goal.bound:g}{_TO}{_TIMES}' if goal.of_ratio else amount(goal.bound, unit)}"


def _remarks(results: Results) -> str:
    """Rows that were left out, and what else is to be said."""
    lines = [f"{name} was left out: {row.left_out}." for name, row in results.rows.items() if row.left_out]
    lines += [note for row in results.rows.values() for note in row.notes]
    return "".join(f"\n{line}\n" for line in lines)


def _growth(results: Results) -> str:
    """Microseconds per task: a line for each program, a column for each number of tasks."""
    each: dict[str, dict[int, float]] = {}
    for row in results.rows.values():
        for series in row.series:
            each.setdefault(series.program, {}).setdefault(series.tasks, series.microseconds_per_task())
    if not each:
        return "Not measured in this run.\n"
    sizes = sorted({tasks for times in each.values() for tasks in times})
    head = ["Microseconds per task", *(f"{tasks:,} tasks" for tasks in sizes)]
    rows = [
        [program, *(number(times[tasks]) if tasks in times else _NOTHING for tasks in sizes)]
        for program, times in each.items()
    ]
    return list_table([head, *rows], [30, *[14] * len(sizes)])


def amount(value: float, unit: str) -> str:
    """With its unit, as people would say it."""
    if unit == "s":
        value, unit = (1e3 * value, "ms") if value < 1 else (value, unit)
    return f"{number(value)}{_TO}{_UNITS.get(unit, unit)}"


def number(value: float) -> str:
    """Two or three digits, whole from a hundred on."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value == round(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def list_table(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    lines = [".. list-table::", "    :header-rows: 1", f"    :widths: {' '.join(map(str, widths))}", ""]
    for row in rows:
        lines += [f"    {'* -' if position == 0 else '  -'} {cell}" for position, cell in enumerate(row)]
    return "\n".join(lines) + "\n"
