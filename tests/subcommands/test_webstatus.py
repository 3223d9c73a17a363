"""The server as a process: what it answers, to whom, and how it ends."""

import gzip
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from processes import jug, start, use, wait_for_file, write
from watching import Watching

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """Somebody watches a run that is complete; nothing changes."""
    where = tmp_path_factory.mktemp("chain")
    use(where, "chain.py")
    assert jug(where, "execute", "--short").code == 0
    with Watching(where, "--interval", "60") as watching:
        yield watching


def test_the_json_says_everything(chain):
    status = chain.status()
    number = status["totals"]["tasks"]
    assert status["totals"] == {**dict.fromkeys(status["totals"], 0), "tasks": number, "finished": number}
    assert {row["name"] for row in status["names"]} >= {"jugfile.first", "jugfile.second"}
    assert status["is_complete"] and status["barrier"] is None and status["jugfile_error"] is None
    assert (status["jugfile"], status["jugdir"], status["interval"]) == ("jugfile.py", "jugfile.jugdata", 60)
    assert status["workers"] == {"count": 0, "list": []} == status["failures"]
    assert (status["rate"], status["seconds_left"], status["store_error"]) == (None, None, None)
    assert abs(status["time"] - time.time()) < 3600


def test_the_text_is_the_table_of_jug_status(chain):
    answer = chain.ask("status.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == jug(chain.where, "status").out


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
        ("status.json", "application/json"),
    ],
)
def test_all_answers_are_strict_and_none_is_sent_twice(chain, path, kind):
    answer = chain.ask(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers and "Server" not in answer.headers
    again = chain.ask(path, If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    head = chain.ask(path, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(answer.body)))


STRICT = {
    "Content-Security-Policy": {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    },
    "X-Content-Type-Options": {"nosniff"},
    "X-Frame-Options": {"DENY"},
    "Referrer-Policy": {"no-referrer"},
    "Cross-Origin-Resource-Policy": {"same-origin"},
    "Cross-Origin-Opener-Policy": {"same-origin"},
}


def is_strict(answer):
    said = {name: {part.strip() for part in (answer.headers[name] or "").split(";")} for name in STRICT}
    return said == STRICT and all(len(answer.headers.get_all(name)) == 1 for name in STRICT)


def test_every_answer_tells_browsers_to_be_strict_whatever_was_asked(chain):
    answers = [
        chain.ask(),
        chain.ask(If_None_Match=chain.ask().headers["ETag"]),
        chain.ask("status.json"),
        chain.ask("status.txt"),
        chain.ask("nothing"),
        chain.ask("failures/0.json"),
        chain.ask(method="POST"),
        chain.ask(Host="evil.com"),
    ]
    assert [answer.status for answer in answers] == [200, 304, 200, 200, 404, 404, 405, 400]
    assert all(map(is_strict, answers))


def test_answers_to_those_who_have_no_token_or_bring_it_for_the_first_time_are_strict_too(tmp_path):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--ip", "0.0.0.0") as watching:
        port = watching.url.rstrip("/").rpartition(":")[2]
        watching.url = f"http://127.0.0.1:{port}/"
        token, watching.token = watching.token, None
        answers = [watching.ask(), watching.ask(f"?token={token}"), watching.ask("?token=wrong")]
    assert [answer.status for answer in answers] == [403, 200, 403]
    assert all(map(is_strict, answers))


def test_nothing_comes_from_elsewhere(chain):
    for path in ("", "app.js", "style.css", "favicon.svg"):
        text = chain.ask(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text and "style=" not in text and "onclick" not in text


def test_json_is_sent_small_to_those_who_can_read_it(chain):
    answer = chain.ask("status.json", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["is_complete"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("nothing", "GET", 404),
        ("../setup.py", "GET", 404),
        ("%2e%2e/monitor.py", "GET", 404),
        ("failures/0000.json", "GET", 404),
        ("failures/%C3%A9.json", "GET", 404),
        ("", "POST", 405),
        ("status.json", "DELETE", 405),
    ],
)
def test_what_there_is_not_is_told_in_one_line(chain, path, method, status):
    answer = chain.ask(path, method=method)
    assert answer.status == status
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize("host", ["evil.com", "evil.com:8080", "localhost.evil.com", "192.0.2.7", ""])
@pytest.mark.parametrize("path", ["", "status.json", "nothing"])
def test_a_request_to_another_name_is_refused(chain, host, path):
    answer = chain.ask(path, Host=host)
    assert answer.status == 400
    assert "--host-names" in answer.text and answer.text.count("\n") == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST."])
def test_a_request_to_a_local_name_is_answered(chain, host):
    assert chain.ask(Host=host).status == 200


def test_many_viewers_cause_one_look_per_interval(chain):
    with ThreadPoolExecutor(20) as viewers:
        looks = list(viewers.map(lambda _: chain.status()["looks"], range(100)))
    assert set(looks) == {1}  # the interval is a minute


def test_viewers_who_find_an_old_snapshot_share_the_next_look(tmp_path):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--interval", "0.5") as watching:
        first = watching.status()["looks"]
        looks = []
        gate = threading.Barrier(20)

        def poll(_):
            gate.wait()
            ends = time.monotonic() + 2
            while time.monotonic() < ends:
                looks.append(watching.status()["looks"])

        with ThreadPoolExecutor(20) as viewers:
            list(viewers.map(poll, range(20)))
        assert len(looks) > 20
        assert max(looks) - first <= 6  # two seconds, however many asked


def test_nobody_looks_while_nobody_asks(tmp_path):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--interval", "0.1") as watching:
        before = watching.until(lambda status: status["looks"] > 1)["looks"]
        time.sleep(0.5)
        assert watching.status()["looks"] <= before + 1


def test_a_slow_client_stops_nobody(chain):
    port = int(chain.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("localhost", port)) as slow, socket.create_connection(("localhost", port)) as mute:
        slow.sendall(b"GET /status.json HTTP/1.1\r\nHost: local")
        mute.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)  # and reads nothing
        assert chain.status()["is_complete"]


def test_many_slow_connections_stop_nobody(chain):
    port = int(chain.url.rstrip("/").rpartition(":")[2])
    with ExitStack() as stack:
        for number in range(200):
            slow = stack.enter_context(socket.create_connection(("localhost", port)))
            slow.sendall(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * number)
        assert chain.status()["is_complete"] and chain.ask("app.js").status == 200


def test_what_is_no_request_is_refused_quietly(chain):
    port = int(chain.url.rstrip("/").rpartition(":")[2])
    with socket.create_connection(("localhost", port)) as strange:
        strange.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert strange.recv(100).startswith(b"HTTP/1.1 400")
    assert chain.ask().status == 200


BARRIER = """\
import sys
from jug import TaskGenerator, barrier, bvalue, value

@TaskGenerator
def first(x):
    return x

@TaskGenerator
def second(x):
    return x

firsts = [first(i) for i in range(3)]
barrier()
print("read to its end")
{then}
"""


def test_the_jugfile_goes_on_when_its_barrier_opens(tmp_path):
    write(tmp_path, BARRIER.format(then="seconds = [second(i) for i in value(firsts)]"))
    with Watching(tmp_path, "--interval", "0.1") as watching:
        status = watching.status()
        assert (status["totals"]["tasks"], status["barrier"]["missing"]) == (3, 3)
        assert jug(tmp_path, "execute", "--short").code == 0
        status = watching.until(lambda status: status["barrier"] is None and status["is_complete"])
        assert [(row["name"], row["finished"]) for row in status["names"]] == [
            ("jugfile.first", 3),
            ("jugfile.second", 3),
        ]


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        ("1 / 0", "The jugfile 'jugfile.py' raised ZeroDivisionError"),
        ("sys.exit(3)", "The jugfile 'jugfile.py' called sys.exit(3)"),
        ("sys.exit()", "The jugfile 'jugfile.py' called sys.exit(): "),
        ("value(second(7))", "jugfile.second has no result yet"),
    ],
)
def test_a_jugfile_that_fails_behind_its_barrier_is_told_and_ends_nothing(tmp_path, then, sentence):
    write(tmp_path, BARRIER.format(then=then))
    with Watching(tmp_path, "--interval", "0.1") as watching:
        jug(tmp_path, "execute", "--short")
        error = watching.until(lambda status: status["jugfile_error"])["jugfile_error"]
        assert sentence in error["sentence"]
        assert ("ZeroDivisionError: division by zero" in error["report"]) == (then == "1 / 0")
        write(tmp_path, BARRIER.format(then="pass"))  # mended
        assert watching.until(lambda status: not status["jugfile_error"])["is_complete"]


def test_results_that_are_invalidated_are_noticed(tmp_path):
    write(tmp_path, BARRIER.format(then="seconds = [second(i) for i in value(firsts)]"))
    jug(tmp_path, "execute", "--short")
    with Watching(tmp_path, "--interval", "0.1") as watching:
        assert watching.status()["is_complete"]
        jug(tmp_path, "invalidate", "--name", "first")
        status = watching.until(lambda status: status["barrier"])
        assert [row["name"] for row in status["names"]] == ["jugfile.first"]


FAILING = """\
from jug import TaskGenerator

@TaskGenerator
def fails(x):
    raise ValueError(f"<script>{x}</script>")

fails('"é&')
"""


@pytest.mark.parametrize("keep", [True, False])
def test_failures_with_their_error_and_on_request_their_traceback(tmp_path, keep):
    write(tmp_path, FAILING)
    assert jug(tmp_path, "execute", *["--keep-failed"] * keep).code == 1
    with Watching(tmp_path) as watching:
        status = watching.status()
        assert status["totals"]["failed"] == 1
        (failure,) = status["failures"]["list"]
        assert failure["error"] == 'ValueError: <script>"é&</script>'
        assert (failure["name"], failure["locked"], failure["attempts"]) == ("jugfile.fails", keep, 1)
        record = watching.ask(f"failures/{failure['task']}.json").json()
        assert "line 5, in fails" in record["traceback"] and record["call"] == failure["call"]


def test_active_workers_and_what_they_run(tmp_path):
    write(
        tmp_path,
        """
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def waits(x):
            open("begun", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)

        waits("here")
        """,
    )
    worker = start(tmp_path, "execute", "--short")
    try:
        wait_for_file(tmp_path / "begun", alive=worker)
        with Watching(tmp_path, "--interval", "0.1") as watching:
            (active,) = watching.status()["workers"]["list"]
            assert (active["host"], active["pid"]) == (socket.gethostname(), worker.pid)
            assert active["tasks"][0]["call"] == "jugfile.waits('here')"
            assert abs(active["tasks"][0]["since"] - time.time()) < 600
            (tmp_path / "go").touch()
            assert watching.until(lambda status: status["is_complete"])["totals"]["running"] == 0
    finally:
        worker.kill()


def test_nothing_is_unpickled_and_nothing_is_written(tmp_path):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--short")
    for place in (tmp_path / "jugfile.jugdata").glob("??/*"):
        place.write_bytes(b"garbage")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with Watching(tmp_path, "--interval", "0.1") as watching:
        assert watching.until(lambda status: status["looks"] > 2)["is_complete"]
        assert watching.ask("status.txt").status == 200
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_quietly_and_at_once_whoever_is_connected(tmp_path, signum):
    use(tmp_path, "chain.py")
    with Watching(tmp_path) as watching:
        port = int(watching.url.rstrip("/").rpartition(":")[2])
        with socket.create_connection(("localhost", port)) as viewer:
            viewer.sendall(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert viewer.recv(100).startswith(b"HTTP/1.1 200")
            os.kill(watching.process.pid, signum)
            done = watching.process.wait()
        assert (done.code, done.err) == (128 + signum, "")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_in_use_is_told_before_the_jugfile_is_read(tmp_path):
    write(tmp_path, "raise SystemExit('must not be read')")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = jug(tmp_path, "webstatus", "--port", port)
    assert done.code == 2
    sentence = f"--port {port}: that port is in use; choose another one, or --port 0 for any that is free"
    assert done.err == f"jug: {sentence}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "70000"),
        (["--port", "x"], "'x' is not a whole number"),
        (["--ip", "192.0.2.1"], "--ip '192.0.2.1': this machine has no such address"),
        (["--interval", "0"], "'0' is less than 0.1"),
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, words):
    write(tmp_path, "")
    done = jug(tmp_path, "webstatus", *arguments)
    assert done.code == 2
    assert words in done.err and done.err.count("\n") == 1


def test_an_error_in_the_jugfile_at_the_start_is_that_of_every_command(tmp_path):
    write(tmp_path, "1 / 0\n")
    done = jug(tmp_path, "webstatus", "--port", "0")
    assert (done.code, done.last) == (1, "jug: The jugfile 'jugfile.py' raised ZeroDivisionError")


def test_without_the_framework_it_says_what_to_install(tmp_path):
    write(tmp_path, "")
    write(tmp_path, "raise ImportError", "starlette.py")
    done = jug(
        tmp_path, "webstatus", PYTHONPATH=f"{tmp_path}:{os.path.dirname(os.path.dirname(os.path.dirname(__file__)))}"
    )
    assert done.code == 2
    sentence = "Webstatus needs starlette and uvicorn, which are not installed: pip install 'jug[web]'"
    assert done.err == f"jug: {sentence}\n"


@pytest.fixture(scope="module")
def beyond(tmp_path_factory):
    """It listens on all addresses; we ask from this machine."""
    where = tmp_path_factory.mktemp("beyond")
    use(where, "chain.py")
    with Watching(where, "--ip", "0.0.0.0", "--interval", "60") as watching:
        watching.url = watching.url.replace(socket.gethostname(), "127.0.0.1")
        yield watching


@pytest.mark.parametrize("path", ["", "status.json", "status.txt", "app.js", "nothing", "failures/x.json"])
def test_beyond_this_machine_nothing_is_answered_without_the_token(beyond, path):
    short = beyond.token[:-1]
    for headers in ({}, {"Authorization": f"Bearer {short}"}, {"Cookie": f"jug-1={beyond.token}"}):
        for query in ("", "?token=", f"?token={short}", f"?token={beyond.token}x", "?token=%ff", "?" + "&" * 100):
            answer = beyond.ask(path + query, **headers)
            assert (answer.status, answer.text.count("\n")) == (403, 1)
            assert beyond.token not in answer.text and "Set-Cookie" not in answer.headers
            assert answer.headers["Content-Security-Policy"]


def test_the_token_is_long_and_another_one_each_time(beyond, tmp_path):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--ip", "0.0.0.0") as other:
        assert other.token != beyond.token and min(len(other.token), len(beyond.token)) >= 32


def test_scripts_send_the_token_with_each_request(beyond):
    assert beyond.ask("status.json", Authorization=f"Bearer {beyond.token}").json()["totals"]["tasks"] > 0
    assert beyond.ask("status.json", Authorization=f"bearer  {beyond.token}").status == 200
    assert beyond.ask(f"status.txt?token={beyond.token}").text.startswith("Task name")
    assert beyond.ask("status.json", Authorization=f"Basic {beyond.token}").status == 403


def test_the_first_visit_sets_a_strict_cookie_which_is_enough_from_then_on(beyond):
    answer = beyond.ask(f"?token={beyond.token}")
    assert answer.status == 200 and 'http-equiv="refresh" content="0; url=./"' in answer.text
    assert beyond.token not in answer.text
    cookie, *traits = answer.headers["Set-Cookie"].split("; ")
    assert traits == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert "no-store" in answer.headers.get_all("Cache-Control")
    for path in ("", "status.json", "app.js"):
        assert beyond.ask(path, Cookie=f"a=b; {cookie};c").status == 200
        assert "Set-Cookie" not in beyond.ask(path, Cookie=cookie).headers


def test_a_request_to_another_name_is_refused_with_the_token_too(beyond):
    assert beyond.ask(f"?token={beyond.token}", Host="evil.com").status == 400


@pytest.mark.parametrize("ip", ["localhost", "127.0.0.2"])
def test_on_this_machine_alone_no_token_is_needed(tmp_path, ip):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--ip", ip) as watching:
        assert watching.token is None
        assert watching.ask().status == 200


def test_without_a_token_it_warns_and_answers_to_the_names_that_were_given(tmp_path):
    use(tmp_path, "chain.py")
    with Watching(tmp_path, "--ip", "0.0.0.0", "--no-token", "--host-names", "box.example, other.example") as watching:
        assert watching.token is None
        watching.url = watching.url.replace(socket.gethostname(), "127.0.0.1")
        for host in ("box.example", "other.example:80", "10.1.2.3", socket.gethostname()):
            assert watching.ask(Host=host).status == 200
        assert watching.ask(Host="evil.com").status == 400
        os.kill(watching.process.pid, signal.SIGTERM)
        assert "everybody who can reach this address can read" in watching.process.wait().err


def test_passwords_of_stores_are_not_shown():
    from jug.subcommands.webstatus import without_secrets

    assert without_secrets("redis://me:secret@host:6379/1?password=secret") == "redis://host:6379/1"
    assert without_secrets("results/a@b?c") == "results/a@b?c"


def test_it_answers_whatever_the_text_is(tmp_path):
    """Halves of characters in arguments, errors, hosts and users, which cannot be written in UTF-8."""
    write(
        tmp_path,
        r"""
        from jug import Task
        def fails(x): raise ValueError(f"error \udc80 \ud83d \x1b {x}")
        def waits(x): pass
        Task(fails, "argument \udc81"), Task(waits, "\udc82")
        """,
    )
    assert jug(tmp_path, "execute", "--short", "--keep-going").code == 1
    jugdir = tmp_path / "jugfile.jugdata"
    facts = {"id": "0", "host": "host\udc80", "user": "user\ud800", "pid": 5, "t": 1.0, "lease": 1e6, "run": "\udc80"}
    (jugdir / "tempfiles" / "w-0").write_text(json.dumps(facts) + "\n")
    for record in (jugdir / "failures").iterdir():
        told = json.loads(record.read_text())
        record.write_text(json.dumps({**told, "host": "host\udc80"}))
    with Watching(tmp_path) as watching:
        status = watching.status()
        assert {name for worker in status["workers"]["list"] for name in (worker["host"], worker["user"])} == {
            "host\\udc80",
            "user\\ud800",
        }
        (failure,) = status["failures"]["list"]
        assert failure["error"] == "ValueError: error \\udc80 \\ud83d \\x1b argument \\udc81"
        for path in ("", "status.json", "status.txt", f"failures/{failure['task']}.json"):
            answer = watching.ask(path)
            assert answer.status == 200 and answer.body.decode("utf-8")
        assert watching.ask(f"failures/{failure['task']}.json").json()["host"] == "host\\udc80"
        for path in ("%ed%a0%80", "failures/%ff.json", "failures/%ed%b2%80.json", "status.txt?token=%ff"):
            assert watching.ask(path).status in (200, 404)
