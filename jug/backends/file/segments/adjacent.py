"""Which results of a file lie so near to each other that they are read at once, with what is between them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .segment_format import Entry

_NEAR = 16  # places from one result to the next, at which it is still looked whether the gap is small
_GAP = 1 << 14  # bytes between two results, which are read in less time than two calls take


def runs(places: list[int]) -> Iterator[list[int]]:
    """The places, which are in order, in parts between which there is much else."""
    first = 0
    for number in range(1, len(places)):
        if places[number] - places[number - 1] > _NEAR:
            yield places[first:number]
            first = number
    if places:
        yield places[first:]


def neighbours(entries: list[Entry]) -> Iterator[list[Entry]]:
    """The entries, which are in the order of their places, in parts between which there are large gaps."""
    first = 0
    for number in range(1, len(entries)):
        _, at, size = entries[number - 1]
        if entries[number][1] - at - size > _GAP:
            yield entries[first:number]
            first = number
    yield entries[first:]
