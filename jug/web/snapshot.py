"""What a viewer is shown: one moment, made once for all viewers and never changed.

The fields of the JSON are described in the documentation of ``jug webstatus``; fields may be added, none changes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cached_property

from jug.engine.views.status import State
from jug.io import task_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jug.engine.views.live_status import LiveStatus

# In the order of the columns of `jug status`.
_COLUMNS = (State.FAILED, State.ABANDONED, State.WAITING, State.READY, State.FINISHED, State.CLAIMED, State.RUNNING)
_RARE = (State.FAILED, State.ABANDONED, State.CLAIMED)


class Snapshot:
    """One moment.

    Parameters
    ----------
    content : dict
        What the JSON says, but for the moment itself.
    moment : dict
        What is another at every look, even if nothing has changed.
    looked : float
        When that was, by the monotonic clock.
    records : mapping
        The records of all failures, by name, for those who ask for one.
    """

    def __init__(
        self, content: dict[str, Any], moment: dict[str, Any], looked: float, records: Mapping[bytes, dict[str, Any]]
    ) -> None:
        self.content = content
        self.moment = moment
        self.looked = looked
        self.records = records
        text = json.dumps(content, allow_nan=False)
        self.body = f"{json.dumps(moment)[:-1]}, {text[1:]}".encode("ascii")
        # Of the content alone: whoever has seen this need not be told again that nothing has changed.
        self.etag = f'"{hashlib.blake2b(text.encode("ascii"), digest_size=12).hexdigest()}"'

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.body, 3, mtime=0)

    @cached_property
    def text(self) -> bytes:
        """The table of ``jug status``, and what there is to be said besides it."""
        content = self.content
        totals = content["totals"]
        columns = [state for state in _COLUMNS if state not in _RARE or totals[state.name.lower()]]
        groups = [
            (s.name.capitalize(), {row["name"]: row[s.name.lower()] for row in content["names"]}) for s in columns
        ]
        lines = [task_table(groups)]
        lines += [content[told]["sentence"] for told in ("barrier", "jugfile_error", "store_error") if content[told]]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")

    def with_(self, **fields: Any) -> Snapshot:
        """The same moment, but for these fields."""
        return Snapshot({**self.content, **fields}, self.moment, self.looked, self.records)


def counted(status: LiveStatus) -> dict[str, Any]:
    """The fields that are numbers of tasks."""
    names = [_row(name, counts) for name, counts in status.by_name().items()]
    totals = _row("", status.counts())
    del totals["name"]
    return {"totals": totals, "names": names}


def _row(name: str, counts: Mapping[State, int]) -> dict[str, Any]:
    in_words = {state.name.lower(): count for state, count in counts.items()}
    return {"name": name, "tasks": sum(counts.values()), **in_words}
