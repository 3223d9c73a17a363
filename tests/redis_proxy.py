"""A proxy in front of a Redis server that breaks connections: before the server sees a command, or after it did.

Only exchanges about keys of jug count (a client that connects also talks about itself).
"""

import re
import selectors
import socket
import threading

BEFORE, AFTER = "before", "after"
_ABOUT_KEYS = re.compile(rb"(result|lock|holder|worker):|jug:failures")


class Proxy:
    """Listens on :attr:`url`; `decide` gets the number of each exchange and answers None, BEFORE or AFTER.

    New connections are to :attr:`server`, which may be replaced.
    """

    def __init__(self, server, decide):
        self.server = server
        self._decide = decide
        self._mutex = threading.Lock()
        self.exchanges = 0
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lines = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for line, thread in self._lines:
            _hang_up(line)
            thread.join()
            line.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._lines.append((client, thread))
            thread.start()

    def _serve(self, client):
        try:
            with socket.create_connection(("127.0.0.1", self.server.port)) as server:
                self._pass_on(client, server)
        except OSError:
            pass
        _hang_up(client)

    def _pass_on(self, client, server):
        """Pass on questions and answers until one side hangs up, or we do."""
        fault = None
        with selectors.DefaultSelector() as selector:  # not select(): its numbers of files end at 1023
            for side in (client, server):
                selector.register(side, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if client in ready:
                    question = client.recv(1 << 20)
                    fault = fault or self._fault(question)
                    if not question or fault == BEFORE:
                        return
                    server.sendall(question)
                if server in ready:
                    answer = server.recv(1 << 20)
                    if not answer or fault == AFTER:
                        return
                    client.sendall(answer)

    def _fault(self, question):
        if not _ABOUT_KEYS.search(question):
            return None
        with self._mutex:
            fault = self._decide(self.exchanges)
            self.exchanges += 1
            self.broken += fault is not None
        return fault


def _hang_up(line):
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
