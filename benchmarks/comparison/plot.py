#!/usr/bin/env python3
"""Draws results: ``python plot.py RESULTS.json PLOT.svg``; run by compare.py in the environment that has matplotlib.

Above, how many times as good as the original jug is, row by row, with the goals; below, what a task of a first run
costs in each program, by the number of tasks.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from comparison.figures import ORIGINAL, OURS, Figure, Results

INK, PALE = "#22303a", "#dfe5e9"
BETTER, WORSE = "#0b5e8a", "#d35400"
COLOURS = {OURS: BETTER, ORIGINAL: WORSE}
OTHERS = ("#5b8c5a", "#8e6bbf", "#b08900", "#7a858c")
MARKERS = ("s", "^", "D", "v")
STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "jug",  # the same results make the same file
}


def main(results: Path, plot: Path) -> None:
    read = Results.read(results)
    compared = [figure for row in read.rows.values() for figure in row.figures if _is_drawn(figure)]
    series = _series(read)
    parts = [(_draw_ratios, compared, 1.0 + 0.36 * len(compared)), (_draw_series, series, 4.2)]
    parts = [part for part in parts if part[1]]
    if not parts:
        return
    heights = [height for _, _, height in parts]
    with pyplot.rc_context(STYLE):
        figure = pyplot.figure(figsize=(9.6, sum(heights)), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
        panels = figure.subfigures(len(parts), 1, height_ratios=heights, squeeze=False)[:, 0]
        for (draw, data, _), panel in zip(parts, panels, strict=True):
            draw(panel.subplots(), data)
        figure.savefig(plot, metadata={"Date": None})
        pyplot.close(figure)
    # No blanks at the ends of lines: the file is kept under version control.
    plot.write_text("\n".join(map(str.rstrip, plot.read_text(encoding="utf-8").splitlines())) + "\n", encoding="utf-8")


def _is_drawn(figure: Figure) -> bool:
    return figure.against.startswith(ORIGINAL) and not figure.is_inverse and bool(figure.ratio())


def _series(results: Results) -> dict[str, dict[int, float]]:
    """Microseconds per task, by program and number of tasks."""
    each: dict[str, dict[int, float]] = {}
    for row in results.rows.values():
        for series in row.series:
            each.setdefault(series.program, {}).setdefault(series.tasks, series.microseconds_per_task())
    return each


def _draw_ratios(axes: Axes, figures: list[Figure]) -> None:
    ratios = [figure.ratio() or 1.0 for figure in figures]
    places = range(len(figures))
    colours = [BETTER if ratio >= 1 else WORSE for ratio in ratios]
    axes.barh(places, [ratio - 1 for ratio in ratios], left=1, height=0.62, color=colours, zorder=2)
    bounds = [figure.goal.bound if figure.goal and figure.goal.of_ratio else None for figure in figures]
    marked = [(bound, place) for bound, place in zip(bounds, places, strict=True) if bound is not None]
    if marked:
        axes.scatter(*zip(*marked, strict=True), marker="|", s=190, linewidths=2.2, color=INK, zorder=4, label="goal")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, handletextpad=0, borderaxespad=0.2)
    axes.set_xscale("log")
    reach = [*ratios, *(bound for bound, _ in marked), 1]
    axes.set_xlim(min(reach) / 1.8, max(reach) * 1.8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(places, [textwrap.fill(figure.what, 46) for figure in figures], fontsize=9)
    axes.set_ylim(len(figures) - 0.4, -0.6)
    column = axes.secondary_yaxis("right")
    column.set_yticks(places, [f"{_number(ratio)} \N{MULTIPLICATION SIGN}" for ratio in ratios], fontweight="bold")
    column.tick_params(length=0)
    column.spines["right"].set_visible(False)
    axes.axvline(1, color=INK, linewidth=1, zorder=3)
    _dress(axes, f"How many times as good as {ORIGINAL}", "x")


def _number(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def _draw_series(axes: Axes, each: dict[str, dict[int, float]]) -> None:
    others = [name for name in each if name not in COLOURS]
    for name, times in each.items():
        number = others.index(name) if name in others else -1
        sizes = sorted(size for size in times if times[size] > 0)
        axes.plot(
            sizes,
            [times[size] for size in sizes],
            label=name,
            color=OTHERS[number % len(OTHERS)] if number >= 0 else COLOURS[name],
            marker=MARKERS[number % len(MARKERS)] if number >= 0 else "o",
            linewidth=1.4 if number >= 0 else 2.4,
            markersize=5 if number >= 0 else 7,
            zorder=2 if number >= 0 else 3,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({size for times in each.values() for size in times})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("tasks")
    axes.set_ylabel("\N{MICRO SIGN}s per task")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    _dress(axes, "First run with one worker: time per task, start-up included", "both")


def _dress(axes: Axes, title: str, grid: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=14)
    axes.grid(axis=grid, which="major", color=PALE, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, which="both")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
