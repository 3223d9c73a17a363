"""``jug webstatus`` as a process of its own, asked as scripts and browsers do."""

import json
import re
import time
import urllib.error
import urllib.request

from processes import SECONDS, start

# Of Chromium: nothing that needs a screen, a network or a user.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_ANNOUNCEMENT = re.compile(r"The status is at (http://\S+/)(?:\?token=(\S+))? \(Ctrl-C ends it\)\n")


class Answer:
    """What the server sent."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return json.loads(self.body)


class Watching:
    """A running ``jug webstatus`` on a port that was free; `url` ends with a slash, `token` is None without one."""

    def __init__(self, where, *arguments, **env):
        self.where = where
        self.process = start(where, "webstatus", *arguments, "--port", "0", **env)
        lines = iter(self.process.process.stdout.readline, "")  # the jugfile may print, too
        found = next(filter(None, map(_ANNOUNCEMENT.fullmatch, lines)), None)
        assert found, self.process.wait()
        self.url, self.token = found.groups()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()

    def ask(self, path="", method="GET", **headers):
        """The answer to one request; `headers` with underscores for hyphens."""
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(self.url + path, headers=fields, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                return Answer(response)
        except urllib.error.HTTPError as response:
            with response:
                return Answer(response)

    def status(self):
        return self.ask("status.json").json()

    def until(self, condition):
        """The first status for which the condition holds."""
        deadline = time.monotonic() + SECONDS
        while not condition(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
        return status
