"""The URLs of the console itself: with the scheme that the client uses, also behind a proxy that ends TLS."""

from ipaddress import IPv4Network

import pytest
from starlette.requests import Request

from recording_operator.console.auth.clients import ClientLookup

_PROXY = IPv4Network("10.0.0.0/8")


def request(*, peer: str, proto: str = "") -> Request:
    headers = [(b"host", b"recordings.example.com")]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/api/v1/recordings",
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": (peer, 40000),
            "server": ("127.0.0.1", 8080),
        }
    )


@pytest.mark.parametrize(
    ("peer", "proto", "https", "scheme"),
    [
        ("10.1.1.1", "https", False, "https"),
        ("10.1.1.1", "http", False, "http"),
        ("192.0.2.1", "https", False, "http"),
        ("192.0.2.1", "", True, "https"),
    ],
)
def test_the_scheme_is_that_of_the_client(peer: str, proto: str, https: bool, scheme: str) -> None:
    clients = ClientLookup(trusted_proxies=(_PROXY,), https=https)
    found = clients.address_of(request(peer=peer, proto=proto), "/files/a?b=c")
    assert found == f"{scheme}://recordings.example.com/files/a?b=c"


def test_the_url_of_a_store_stays_as_it_is() -> None:
    clients = ClientLookup(https=True)
    assert clients.address_of(request(peer="10.1.1.1"), "http://store:9000/a") == "http://store:9000/a"
