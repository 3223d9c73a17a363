"""Only names that are certainly ours are answered."""

import pytest

from jug.web.hosts import Hosts, host_in


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8080", "localhost"),
        ("localhost.", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::1]:8080", "::1"),
        ("", ""),
        (":8080", ""),
        ("localhost:evil.com", ""),
        ("localhost:80@evil.com", ""),
        ("[::1", ""),
        ("[::1]evil.com", ""),
    ],
)
def test_the_name_in_a_header(header, name):
    assert host_in(header) == name


@pytest.mark.parametrize(
    "header", ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST", "my.box:8080", "10.1.2.3"]
)
def test_local_names_and_given_ones_are_allowed(header):
    assert Hosts(["My.Box.", "10.1.2.3", ""]).allow(header)


@pytest.mark.parametrize(
    "header", ["", "evil.com", "localhost.evil.com", "evil.com:8080", "10.1.2.3", "127.0.0.1.nip.io", "::1"]
)
def test_others_are_not(header):
    assert not Hosts(["my.box"]).allow(header)


@pytest.mark.parametrize(
    ("header", "is_allowed"), [("192.168.1.5:8080", True), ("[fe80::1]", True), ("evil.com", False)]
)
def test_any_address_is_allowed_where_there_are_several(header, is_allowed):
    assert Hosts(all_addresses=True).allow(header) is is_allowed
