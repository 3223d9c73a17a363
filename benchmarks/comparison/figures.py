"""What was measured: figures, each with its goal, in results that are kept as JSON.

A result belongs to a row. It holds figures (a line of the table each, with every single run) and series (first runs
by program and number of tasks, for the plot and the table of growth), or says why the row was left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

ORIGINAL = "Jug 2.7.0"
OURS = "jug"


@dataclass(frozen=True)
class Goal:
    """At least or at most so much: of the ratio, or of what was measured of jug itself (in the unit of the figure)."""

    bound: float
    is_most: bool = False
    of_ratio: bool = True

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.is_most else value >= self.bound


def at_least(bound: float) -> Goal:
    """A ratio of at least `bound`."""
    return Goal(bound)


def at_most(bound: float) -> Goal:
    """A ratio of at most `bound`."""
    return Goal(bound, is_most=True)


def no_more_than(amount: float) -> Goal:
    """At most `amount`, in the unit of the figure, whatever it is compared with."""
    return Goal(amount, is_most=True, of_ratio=False)


@dataclass
class Figure:
    """One line of the table.

    Attributes
    ----------
    what : str
    unit : str
        s, us (per task), MB, % (of a core), or what is counted.
    ours, theirs : list of float
        Runs of jug, and of what it is compared with, in pairs that were measured one after the other. `theirs` is empty
        if there is nothing to compare with.
    against : str
        What `theirs` are.
    goal : Goal, optional
    is_inverse : bool
        The ratio is ours over theirs: how much more it takes. Otherwise theirs over ours: how many times as good it is.
    """

    what: str
    unit: str
    ours: list[float]
    theirs: list[float] = field(default_factory=list)
    against: str = ORIGINAL
    goal: Goal | None = None
    is_inverse: bool = False

    def ratios(self) -> list[float]:
        """Of each pair of runs; a pair with nothing to divide by has none."""
        pairs = zip(self.theirs, self.ours, strict=False)
        if self.is_inverse:
            return [ours / theirs for theirs, ours in pairs if theirs > 0]
        return [theirs / ours for theirs, ours in pairs if ours > 0]

    def ratio(self) -> float | None:
        ratios = self.ratios()
        return median(ratios) if ratios else None

    def is_met(self) -> bool | None:
        """Whether the goal is reached; None if there is no goal, or nothing that could be held against it."""
        value = None if self.goal is None else self.ratio() if self.goal.of_ratio else median(self.ours)
        return None if self.goal is None or value is None else self.goal.is_met_by(value)


@dataclass
class Series:
    """First runs of so many tasks by one program, in seconds."""

    program: str
    tasks: int
    seconds: list[float]

    def microseconds_per_task(self) -> float:
        return 1e6 * median(self.seconds) / self.tasks


@dataclass
class Result:
    """What came out of one row."""

    figures: list[Figure] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    left_out: str = ""  # why nothing was measured
    notes: list[str] = field(default_factory=list)
    measured: str = ""  # the head of the run that it belongs to: command, date, machine


@dataclass
class Results:
    """All rows, by name, in the order of the table."""

    rows: dict[str, Result] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)["rows"], indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return cls({name: _result(row) for name, row in rows.items()})

    def heads(self) -> list[str]:
        """The heads of the runs that the rows are from; more than one if runs were combined."""
        return list(dict.fromkeys(result.measured for result in self.rows.values()))

    def sorted_like(self, names: Iterable[str]) -> Results:
        return Results({name: self.rows[name] for name in names if name in self.rows})


def _result(row: dict) -> Result:
    figures = [
        Figure(**{**figure, "goal": None if figure["goal"] is None else Goal(**figure["goal"])})
        for figure in row["figures"]
    ]
    return Result(**{**row, "figures": figures, "series": [Series(**series) for series in row["series"]]})
