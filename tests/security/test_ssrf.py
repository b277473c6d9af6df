"""No form of a forbidden address is connected to, whether in a URL, a redirect, a DNS response or a proxy."""

import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import EgressError
from recording_operator.egress.policy import SourcePolicy
from recording_operator.transfer.source.errors import source_error
from tests.security.canary import ALLOWED, Canary, Connects, Door, Resolver
from tests.security.corpus import AUTHORITIES, LOOPBACK_FORMS, METADATA_FORMS, NAMES, PRIVATE_FORMS, WHOLE, urls
from tests.support.connect_proxy import ConnectProxy

_REFUSALS = {
    Reason.SOURCE_BLOCKED,
    Reason.SOURCE_INVALID,
    Reason.SOURCE_UNRESOLVABLE,
    Reason.SOURCE_PROTOCOL_ERROR,
}


def policy(**more: object) -> SourcePolicy:
    """Every scheme and port, so that only the address is in the way."""
    given = {"schemes": ["http", "https"], "ports": [], "allowPrivateCIDRs": [f"{ALLOWED}/32"]}
    return SourcePolicy.model_validate({**given, **more})


def ask(dialer: Dialer, url: str, **headers: str) -> Reason | None:
    """GET; the reason of the refusal, or None."""
    try:
        dialer.get(url, user_headers=headers, own_headers={}, stop=threading.Event()).close()
    except EgressError as error:
        refused = error
    else:
        return None
    assert url not in str(refused)
    return source_error(refused).reason


def forbidden(connects: Connects, allowed: SourcePolicy) -> list[tuple[str, int]]:
    """The connects to addresses that the policy does not allow."""
    return [entry for entry in connects.addresses if not allowed.permits_address(ip_address(entry[0].split("%")[0]))]


def names() -> Resolver:
    return Resolver({name: [address] for name, address in NAMES.items()})


def test_the_corpus_is_large() -> None:
    assert len(urls(1)) >= 200
    assert min(map(len, (LOOPBACK_FORMS, PRIVATE_FORMS, METADATA_FORMS, AUTHORITIES, NAMES, WHOLE))) > 20


def test_the_hook_and_the_canary_see_a_connect(canary: Canary) -> None:
    """Without the wall: the test itself would notice."""
    hole = policy(allowPrivateCIDRs=["127.0.0.0/8"])
    with Connects() as connects:
        assert ask(Dialer(hole), f"http://127.0.0.1:{canary.port}/") is not None
    assert ("127.0.0.1", canary.port) in connects.addresses
    assert forbidden(connects, policy()) == [("127.0.0.1", canary.port)]
    assert canary.visits == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_urls(canary: Canary, scheme: str) -> None:
    dialer = Dialer(policy(), resolver=names())
    with Connects() as connects:
        answers = {url: ask(dialer, url.replace("http://", f"{scheme}://")) for url in urls(canary.port)}
    # Parsers may agree that the host is the allowed one (what follows is its path): that is no way to the canary.
    assert set(answers.values()) <= {*_REFUSALS, None, Reason.SOURCE_UNREACHABLE}
    assert forbidden(connects, policy()) == []
    assert canary.visits == 0


def test_urls_of_posts(canary: Canary) -> None:
    dialer = Dialer(policy(), resolver=names())
    with Connects() as connects:
        for url in urls(canary.port):
            with suppress(EgressError):
                dialer.post(url, body=b"x", content_type="text/plain", user_headers={}, stop=threading.Event())
    assert forbidden(connects, policy()) == []
    assert canary.visits == 0


def test_redirects_of_posts(canary: Canary, door: Door) -> None:
    dialer = Dialer(policy(), resolver=names())
    stop = threading.Event()
    with Connects() as connects:
        for url in urls(canary.port):
            door.location = url.replace("\r", "").replace("\n", "").replace("\x00", "")
            with suppress(EgressError):
                dialer.post(
                    door.url, body=b"", content_type="text/plain", user_headers={}, stop=stop, follow_redirects=True
                )
    assert len(door.asked) >= 200
    assert forbidden(connects, policy()) == []
    assert canary.visits == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_gets_requests_for_names_and_for_no_forbidden_address(canary: Canary, scheme: str) -> None:
    """It resolves names. Addresses in any notation are checked before."""
    with ConnectProxy({}, status=502) as proxy, Connects() as connects:
        dialer = Dialer(policy(proxy=proxy.url, deniedHosts=[]))
        for url in urls(canary.port):
            ask(dialer, url.replace("http://", f"{scheme}://"))
        hosts = {_host_of(asked) for asked in proxy.asked}
    assert hosts, "nothing was asked for at all"
    for host in hosts:
        with suppress(OSError, UnicodeError):  # a name
            (found, *_) = socket.getaddrinfo(host, 80, flags=socket.AI_NUMERICHOST)
            assert policy().permits_address(ip_address(found[4][0])), host
    assert {address for address, _ in connects.addresses} == {"127.0.0.1"}
    assert {port for _, port in connects.addresses} == {proxy.port}
    assert canary.visits == 0


def _host_of(asked: str) -> str:
    target = asked.split(" ")[1]
    return urlsplit(target if "://" in target else f"//{target}").hostname or ""


def test_urls_under_the_default_policy() -> None:
    dialer = Dialer(SourcePolicy(), resolver=names())
    with Connects() as connects:
        for url in urls(443):
            assert ask(dialer, url.replace("http://", "https://")) in _REFUSALS, url
    assert connects.addresses == []


def test_redirects(canary: Canary, door: Door) -> None:
    dialer = Dialer(policy(), resolver=names())
    with Connects() as connects:
        for url in urls(canary.port):
            door.location = url.replace("\r", "").replace("\n", "").replace("\x00", "")
            ask(dialer, f"{door.url}/first")
    assert len(door.asked) >= 200
    assert forbidden(connects, policy()) == []
    assert canary.visits == 0


def test_a_chain_of_redirects_ends(door: Door) -> None:
    door.location = f"{door.url}/again"
    assert ask(Dialer(policy()), f"{door.url}/first") is Reason.SOURCE_REDIRECT_LIMIT
    assert len(door.asked) == 11


@pytest.mark.parametrize("forbidden_address", sorted(set(NAMES.values())))
def test_s14_a_forbidden_address_among_allowed_ones_is_skipped(forbidden_address: str, door: Door) -> None:
    for answers in ([ALLOWED, forbidden_address], [forbidden_address, ALLOWED]):
        with Connects() as connects:
            dialer = Dialer(policy(), resolver=Resolver({"both.example.com": answers}))
            assert ask(dialer, f"http://both.example.com:{door.port}/") is None
        assert connects.addresses == [(ALLOWED, door.port)]


def test_s14_a_name_with_only_forbidden_addresses_is_rejected() -> None:
    with Connects() as connects:
        dialer = Dialer(policy(), resolver=Resolver({"bad.example.com": sorted(set(NAMES.values()))}))
        assert ask(dialer, "http://bad.example.com:80/") is Reason.SOURCE_BLOCKED
    assert connects.addresses == []


def test_s14_if_the_allowed_address_does_not_respond_no_forbidden_one_is_tried() -> None:
    with Connects(within=IPv4Network("127.0.0.0/8")) as connects:
        dialer = Dialer(policy(), resolver=Resolver({"both.example.com": [ALLOWED, "::1", "127.0.0.1"]}))
        assert ask(dialer, "http://both.example.com:9/") is Reason.SOURCE_UNREACHABLE
    assert connects.addresses == [(ALLOWED, 9)]


def test_s14_a_nat64_address_is_checked_by_the_ipv4_address_inside() -> None:
    resolver = Resolver(
        {"public.example.com": ["64:ff9b::808:808"], "private.example.com": ["64:ff9b::a00:1", "64:ff9b:1::7f00:1"]}
    )
    with Connects(within=IPv4Network("127.0.0.0/8")) as connects:
        dialer = Dialer(policy(), resolver=resolver)
        assert ask(dialer, "http://private.example.com:80/") is Reason.SOURCE_BLOCKED
        assert connects.addresses == []
        # The test lets nothing leave the machine: the attempt is what shows that it was allowed.
        assert ask(dialer, "http://public.example.com:80/") is Reason.SOURCE_UNREACHABLE
    assert connects.addresses == [("64:ff9b::808:808", 80)]


def test_a_name_that_changes_its_mind_is_looked_up_once_and_pinned(canary: Canary, door: Door) -> None:
    resolver = Resolver({"rebind.example.com": ["rebind:", ALLOWED, "127.0.0.1"]})
    dialer = Dialer(policy(), resolver=resolver)
    url = f"http://rebind.example.com:{door.port}/"
    with Connects() as connects:
        assert ask(dialer, url) is None
        assert resolver.asked == ["rebind.example.com"]
        dialer.close()  # the next request needs a new connection, and looks again
        assert ask(dialer, url) is Reason.SOURCE_BLOCKED
    assert connects.addresses == [(ALLOWED, door.port)]
    assert canary.visits == 0


def test_a_redirect_to_a_rebinding_name_is_checked_again(canary: Canary, door: Door) -> None:
    resolver = Resolver({"rebind.example.com": ["rebind:", ALLOWED, "127.0.0.1"]})
    door.location = f"http://rebind.example.com:{canary.port}/"
    with Connects() as connects:
        dialer = Dialer(policy(), resolver=resolver)
        assert ask(dialer, f"http://rebind.example.com:{door.port}/") is Reason.SOURCE_BLOCKED
    assert forbidden(connects, policy()) == []
    assert canary.visits == 0


@pytest.mark.parametrize(
    "variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
)
def test_proxies_of_the_environment_are_not_used(
    canary: Canary, door: Door, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, f"http://127.0.0.1:{canary.port}")
    with Connects() as connects:
        assert ask(Dialer(policy()), f"{door.url}/direct") is None
        ask(Dialer(policy()), f"https://{ALLOWED}:{door.port}/direct")
    assert {address for address, _ in connects.addresses} == {ALLOWED}
    assert canary.visits == 0


def test_headers_do_not_follow_a_redirect_to_another_place(door: Door) -> None:
    other = Door()
    seen: list[Any] = []
    try:
        door.location = f"{other.url}/elsewhere"
        assert ask(Dialer(policy()), f"{door.url}/first", Authorization="canary") is None
        seen = other.asked
    finally:
        other.close()
    assert seen == ["/elsewhere"]
