"""Where it listens, and what is said when it cannot."""

import os
import socket

import pytest

from jug.errors import UsageError
from jug.web.server import Address


def test_a_free_port_of_this_machine_alone():
    address = Address("localhost", 0)
    with address.socket:
        assert address.is_local
        assert address.url == f"http://localhost:{address.port}/"
        hosts = address.hosts(["my.box"])
        assert hosts.allow("localhost") and hosts.allow("my.box")
        assert not hosts.allow(socket.gethostname() + ".example")
        assert not hosts.allow("10.0.0.1")


def test_all_addresses():
    address = Address("0.0.0.0", 0)
    with address.socket:
        assert not address.is_local
        assert address.url == f"http://{socket.gethostname()}:{address.port}/"
        hosts = address.hosts()
        assert hosts.allow(socket.gethostname()) and hosts.allow("10.0.0.1:80") and not hosts.allow("evil.com")


def test_an_address_of_the_newer_kind():
    try:
        address = Address("::1", 0)
    except UsageError as error:
        pytest.skip(f"there is no IPv6 here: {error}")
    with address.socket:
        assert address.is_local and address.url == f"http://[::1]:{address.port}/"


def test_a_port_that_is_in_use_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"^--port {port}: that port is in use; choose another one"):
            Address("localhost", port)


@pytest.mark.parametrize(
    ("ip", "port", "sentence"),
    [
        ("localhost", 65536, "--port 65536: a port is a number from 0 (any that is free) to 65535"),
        ("localhost", -1, "--port -1: a port is a number from 0 (any that is free) to 65535"),
        ("", 0, "--ip '': an address or a name of this machine is needed"),
        ("192.0.2.1", 0, "--ip '192.0.2.1': this machine has no such address"),
        ("no.such.name.invalid", 0, "--ip 'no.such.name.invalid': there is no such name"),
        ("a..b", 0, "--ip 'a..b': there is no such name"),
    ],
)
def test_what_cannot_be_is_one_sentence(ip, port, sentence):
    with pytest.raises(UsageError) as error:
        Address(ip, port)
    assert str(error.value) == sentence


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
def test_a_port_for_root_alone():
    with pytest.raises(UsageError, match="only root may use this port"):
        Address("localhost", 1)
