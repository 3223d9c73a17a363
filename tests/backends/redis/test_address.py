"""Every way to name a Redis store, what is said of a wrong one, and that no password is ever shown."""

import gc
import os
import socket
import subprocess
import sys
import time

import pytest
from debian import program
from redis_server import RedisServer, free_port, shared_server

from jug.backends import select
from jug.backends.redis.address import Address, masked
from jug.backends.redis_store import redis_store
from jug.errors import StoreError, UsageError

pytest.importorskip("redis", reason="the package redis is not installed")

NAME = b"a" * 40
SECRET = "gehe1m"


@pytest.fixture(scope="module")
def guarded():
    """A server with a password, and a user with a password."""
    server = RedisServer("--requirepass", SECRET, "--user", "ada", "on", f">{SECRET}2", "~*", "+@all").start()
    yield server
    server.close()


FORMS = {
    "redis:": ("localhost:6379", 0),
    "redis://": ("localhost:6379", 0),
    "redis://host": ("host:6379", 0),
    "redis://host/": ("host:6379", 0),
    "redis://host:123": ("host:123", 0),
    "redis://host:123/4": ("host:123", 4),
    "redis:///4": ("localhost:6379", 4),
    "redis://host?db=4": ("host:6379", 4),
    "redis://[::1]:123/4": ("::1:123", 4),
    "redis://:word@host:123/4": ("host:123", 4),
    "redis://user:w%40rd@host:123/4": ("host:123", 4),
    "redis://host?lease=90": ("host:6379", 0),
    "redis://host?socket_timeout=3&patience=5": ("host:6379", 0),
    "rediss://host:123/4?ssl_cert_reqs=none": ("host:123", 4),
    "unix:///run/redis.sock": ("/run/redis.sock", 0),
    "unix:///run/redis.sock?db=4": ("/run/redis.sock", 4),
    "unix://user:word@/run/redis.sock": ("/run/redis.sock", 0),
    "redis+unix:///run/redis.sock?db=4&patience=5": ("/run/redis.sock", 4),
}


@pytest.mark.parametrize("uri", FORMS)
def test_every_form_of_url_is_taken(uri):
    address = Address(uri)
    assert (address.place, address.database) == FORMS[uri]
    assert address.patience == (5 if "patience=5" in uri else 600)
    assert address.lease == (90 if "lease=90" in uri else 60)
    assert "patience" not in address.url
    assert "lease" not in address.url
    assert isinstance(select(uri), redis_store)


def test_options_reach_the_connection():
    connection = Address("redis://user:w%40rd@host?socket_timeout=3").new_connection(known=True)
    assert (connection.username, connection.password, connection.socket_timeout) == ("user", "w@rd", 3)


def test_results_are_bytes_whatever_the_url_says():
    store = redis_store(shared_server().url + "?decode_responses=True")
    store.dump([1], NAME)
    assert store.load(NAME) == [1]
    assert list(store.list()) == [NAME]
    store.close()


@pytest.mark.parametrize("option", ["max_connections=1", "retry_on_timeout=yes&health_check_interval=1", "protocol=3"])
def test_legal_options_of_the_package_work(option):
    store = redis_store(f"{shared_server().url}?{option}")
    assert store.getlock(NAME).get()
    store.dump(1, NAME)
    assert store.load(NAME) == 1
    store.close()


ILL_TYPED = {
    "socket_keepalive_options=x": "socket_keepalive_options",
    "retry=x": "retry",
    "parser_class=x": "parser_class",
    "credential_provider=x": "credential_provider",
    "redis_connect_func=x": "redis_connect_func",
    "socket_type=x": "socket_type",
    f"encoding={SECRET}&password={SECRET}": "encoding",
}


# (The redis package leaves its socket to the collector of garbage then.)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("options", ILL_TYPED)
def test_an_option_with_a_value_of_no_use_is_named(options):
    with pytest.raises(UsageError) as caught:
        redis_store(f"{shared_server().url}?{options}").can_load(NAME)
    said = str(caught.value)
    assert repr(ILL_TYPED[options]) in said and " has a value that cannot be used" in said
    assert SECRET not in said and "\n" not in said
    del caught
    gc.collect()


def test_a_mistake_of_ours_is_not_taken_for_one_of_the_url(monkeypatch):
    def fail(connection):
        raise AttributeError("a mistake")

    store = redis_store(shared_server().url)
    monkeypatch.setattr("jug.backends.redis.connection.life_of", fail)
    with pytest.raises(AttributeError, match="a mistake"):
        store.can_load(NAME)


MISTAKES = {
    "redis:host": "a Redis store is redis://",
    "redis:/host": "a Redis store is redis://",
    "unix:": "a Redis store is redis://",
    "unix://": "no path of a socket",
    "redis://host/abc": "'abc' is not the number of a database",
    "redis://host/1/2": "'1/2' is not the number of a database",
    "redis://host:port": "the port is not a number",
    f"redis://:{SECRET}/{SECRET}@host": "the port is not a number (in a password, '/'",
    "redis://host?nothing=1": "unknown option 'nothing'",
    f"redis://user:{SECRET}@host?nothing=1": "unknown option 'nothing'",
    "redis://host?socket_timeout=long": "socket_timeout",
    f"redis://host?password={SECRET}&socket_timeout=long": "socket_timeout",
    "redis://host?patience=long": "patience='long' is not a number of seconds",
    "redis://host?patience=-1": "patience='-1' is not a number of seconds",
    "redis://host?lease=0.5": "lease='0.5' is not a number of seconds of at least 1",
    "redis://host?lease=": "lease='' is not a number of seconds of at least 1",
    "redis://host?patience=inf": "patience='inf' is not a number of seconds",
    f"redsi://:{SECRET}@host": "Unknown kind of store 'redsi' in 'redsi://...@host'",
}


@pytest.mark.parametrize("uri", MISTAKES)
def test_a_mistake_is_one_sentence_without_the_password(uri):
    with pytest.raises(UsageError) as caught:
        select(uri)
    assert MISTAKES[uri] in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_masked():
    assert masked(f"redis://user:{SECRET}@host:1/2") == "redis://...@host:1/2"
    assert masked(f"redis://:{SECRET}?#/@@host") == "redis://...@host"
    assert masked(f"redis://host/2?password={SECRET}") == "redis://host/2?..."
    assert masked("redis://host/2") == "redis://host/2"
    assert masked("redis:") == "redis:"


def test_a_socket(guarded):
    store = redis_store(f"unix://:{SECRET}@{guarded.socket}?db=3")
    store.dump(1, NAME)
    other = redis_store(f"redis+unix://:{SECRET}@{guarded.socket}?db=3")
    assert other.load(NAME) == 1
    assert not redis_store(f"unix://:{SECRET}@{guarded.socket}").can_load(NAME)
    store.close()
    other.close()


@pytest.mark.parametrize("who", [f":{SECRET}", f"ada:{SECRET}2", f"default:{SECRET}"])
def test_the_right_password(guarded, who):
    store = redis_store(guarded.url.replace("//", f"//{who}@"))
    store.dump(who, NAME)
    assert store.load(NAME) == who
    store.close()


@pytest.mark.parametrize("options", ["", "?protocol=2"])
def test_a_wrong_password_is_one_sentence_without_it(guarded, options):
    for who in (f":{SECRET}x", f"ada:{SECRET}x", f"bob:{SECRET}"):
        with pytest.raises(StoreError) as caught:
            redis_store(guarded.url.replace("//", f"//{who}@") + options).can_load(NAME)
        assert str(caught.value) == (
            f"The Redis server at 127.0.0.1:{guarded.port} refuses the user name or the password"
        )
    with pytest.raises(StoreError, match="asks for a password, which is written redis://:PASSWORD@HOST$"):
        redis_store(guarded.url + options).can_load(NAME)


def test_an_absent_server_is_told_at_once(tmp_path, capsys):
    port = free_port()
    for uri, what in (
        (f"redis://127.0.0.1:{port}", f"Cannot reach the Redis server at 127.0.0.1:{port}: Connection refused"),
        (
            f"unix://{tmp_path}/none",
            f"Cannot reach the Redis server at {tmp_path}/none: No such file or directory",
        ),
    ):
        store = redis_store(uri)
        with pytest.raises(StoreError) as caught:
            store.can_load(NAME)
        assert str(caught.value) == what
    assert capsys.readouterr().err == ""


def test_something_that_is_no_redis_server_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StoreError, match=f"Cannot reach the Redis server at 127.0.0.1:{port}: no answer in time"):
            redis_store(f"redis://127.0.0.1:{port}?socket_timeout=0.1").can_load(NAME)


def test_a_missing_database_is_told():
    server = shared_server()
    with pytest.raises(StoreError, match=f"^The Redis server at 127.0.0.1:{server.port} has no database 99$"):
        redis_store(server.url + "/99").can_load(NAME)


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError, match=r"pip install 'jug\[redis\]'$"):
        select("redis://host")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and a certificate and key of localhost that it signed."""
    openssl = program("openssl", "openssl")
    where = tmp_path_factory.mktemp("certificates")
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key", "-out", "certificate"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([openssl, *new, *names], cwd=where, check=True, capture_output=True, timeout=60)
    os.chmod(where / "key", 0o600)
    return where


@pytest.fixture(scope="module")
def encrypted(certificates):
    files = {"--tls-cert-file": "certificate", "--tls-key-file": "key", "--tls-ca-cert-file": "certificate"}
    options = [word for option, file in files.items() for word in (option, str(certificates / file))]
    server = RedisServer(tls=[*options, "--tls-auth-clients", "no"]).start()
    yield server
    server.close()


def test_tls_with_the_options_of_the_url(encrypted, certificates):
    store = redis_store(f"rediss://127.0.0.1:{encrypted.port}/2?ssl_ca_certs={certificates / 'certificate'}")
    store.dump(large := os.urandom(3 << 20), NAME)
    assert store.load(NAME) == large
    assert store.getlock(NAME).get()
    store.close()


def is_renewed(store, server, **options):
    """Whether the process beside a worker reaches the server: it writes anew what was removed."""
    assert store.getlock(NAME).get()
    server.ask("FLUSHALL", **options)
    end = time.monotonic() + 60
    while not server.ask("EXISTS", b"worker:" + store._worker.name, **options) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(server.ask("EXISTS", b"worker:" + store._worker.name, **options))


def test_signs_of_life_go_over_tls_too(encrypted, certificates):
    uri = f"rediss://127.0.0.1:{encrypted.port}/2?lease=2&ssl_ca_certs={certificates / 'certificate'}"
    store = redis_store(uri)
    assert is_renewed(store, encrypted, db=2)
    store.close()


def test_signs_of_life_go_over_a_socket_and_with_a_password_too():
    server = RedisServer("--requirepass", "open sesame").start()
    store = redis_store(f"unix://:open%20sesame@{server.socket}?db=3&lease=2&decode_responses=True")
    assert is_renewed(store, server, db=3, password="open sesame")
    store.close()
    server.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted):
    with pytest.raises(StoreError, match="Cannot reach the Redis server at .*certificate verify failed"):
        redis_store(f"rediss://127.0.0.1:{encrypted.port}").can_load(NAME)
    store = redis_store(f"rediss://127.0.0.1:{encrypted.port}?ssl_cert_reqs=none&ssl_check_hostname=False")
    assert not store.can_load(NAME)
    store.close()
