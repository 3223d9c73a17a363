"""``jug webstatus``: a page that shows the status while tasks are run."""

from __future__ import annotations

import sys
import time

from jug import __version__, task
from jug.cli import terminal
from jug.cli.command import SubCommand
from jug.cli.old_calls import as_in_old_releases
from jug.engine.call.signals import Interrupted, Interrupts
from jug.engine.graph import Graph
from jug.engine.loading.jugfile import Jugfile, JugfileRaised, barrier_of
from jug.engine.loading.stores import current_store
from jug.errors import EXIT_SIGNAL, JugError
from jug.web.application import application
from jug.web.board import Board
from jug.web.monitor import JugfileProblem, Monitor, Reading, stamp_of
from jug.web.server import Address, Server, require_libraries
from jug.web.token import Token
from jug.words.config import Option, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from jug.words.config import Options


class WebStatusCommand(SubCommand):
    """Start a web interface which displays the status"""

    name = "webstatus"
    options = (
        Option("ip", "localhost", "Address to listen on; 0.0.0.0 is all of this machine's, for others to see", "IP"),
        Option("port", 8080, "Port to listen on; 0 is any that is free", "PORT", at_least=0),
        Option(
            "interval",
            2.0,
            "Look at the store once in this many seconds, however many people are watching (less often if a look "
            "takes long, never while nobody does)",
            "SECONDS",
            at_least=0.1,
        ),
        Option(
            "host-names",
            "",
            "Further names, separated by commas, by which this machine is called in URLs: requests for other names "
            "are refused",
            "NAMES",
        ),
        Option(
            "no-token",
            False,
            "Let everybody who can reach the address see the status, without the token that is needed where --ip is "
            "not of this machine alone",
        ),
    )

    def reads_jugfile(self, options: Options) -> bool:
        return False  # that may take long; a mistake in the options is told before

    def run(self, options: Options, store: Any, jugspace: Mapping[str, Any] | None, *args: Any, **kwargs: Any) -> int:
        require_libraries()
        try:
            with Interrupts() as interrupts, interrupts.allowed():
                serve(options, store)
        except Interrupted as interrupt:  # this is how it ends, and nothing is to be said
            return EXIT_SIGNAL + interrupt.signum


def serve(options: Options, store: Any) -> NoReturn:
    """Look and show until the server ends, which it does not by itself."""
    address = Address(options.webstatus_ip, options.webstatus_port)
    with address.socket:
        jugfile = JugfileOfStore(Jugfile(options.jugfile, options.user_args), store)
        facts = {"jug": __version__, "jugfile": options.jugfile, "jugdir": without_secrets(str(options.jugdir))}
        interval = options.webstatus_interval
        monitor = Monitor(jugfile.read(), jugfile.read_again, facts, interval, time.monotonic, time.time)
        board = Board(time.monotonic)
        monitor.look(board)
        more = [name.strip() for name in options.webstatus_host_names.split(",")]
        token = None if address.is_local or options.webstatus_no_token else Token(address.port)
        server = Server(application(board, address.hosts(more), token), address.socket, board.close)
        server.start()
        try:
            announce(options, address, token)
            monitor.run(board)
        finally:
            server.stop()
    raise JugError("the web server has ended by itself")


def announce(options: Options, address: Address, token: Token | None) -> None:
    """Tell where to look."""
    query = token.query if token is not None else ""
    tell(options, f"The status is at {address.url}{query} (Ctrl-C ends it)")
    terminal.flush()
    if not address.is_local and token is None:
        print(
            "jug: warning: everybody who can reach this address can read the names, arguments and errors of the tasks",
            file=sys.stderr,
            flush=True,
        )


def without_secrets(jugdir: str) -> str:
    """The URI of a store without passwords: before an ``@``, or after a question mark."""
    scheme, separator, rest = jugdir.partition("://")
    return scheme + separator + rest.partition("?")[0].rpartition("@")[2] if separator else jugdir


class JugfileOfStore:
    """Reads the jugfile whose results are in `store`, unless it chooses another."""

    def __init__(self, jugfile: Jugfile, store: Any) -> None:
        self._jugfile = jugfile
        self._store = store

    def read(self) -> Reading:
        """Read it; its errors are those of every command."""
        stamp = stamp_of(self._jugfile.path)
        jugspace = self._jugfile.load()
        return Reading(Graph(task.alltasks), barrier_of(jugspace), current_store(self._store), stamp)

    def read_again(self) -> Reading:
        """Read it while others watch; whatever it does is no reason to end.

        Raises
        ------
        JugfileProblem
        """
        try:
            return self.read()
        except JugfileRaised as raised:
            *lines, last = raised.report().rstrip("\n").split("\n")
            raise JugfileProblem(last.removeprefix("jug: "), "\n".join(lines)) from raised
        except JugError as error:
            raise JugfileProblem(str(error)) from error
        except SystemExit as stop:
            path = self._jugfile.path
            raise JugfileProblem(f"The jugfile {path!r} called sys.exit({stop.code!r})") from stop


__getattr__ = as_in_old_releases(__name__, "webstatus")
