"""What the operating system refused, as one sentence for the user."""

from __future__ import annotations

from jug.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class cannot:
    """``with cannot("write", path):`` turns what the system says into one sentence for the user."""

    __slots__ = ("_doing", "_path")

    def __init__(self, doing: str, path: str) -> None:
        self._doing = doing
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise StoreError(f"Cannot {self._doing} {self._path}: {error.strerror or error}") from error
