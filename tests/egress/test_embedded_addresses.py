"""IPv6 addresses that contain an IPv4 address are checked by that address."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from recording_operator.egress.addresses import is_public, may_be_endpoint
from recording_operator.egress.policy import SourcePolicy

DEFAULT = SourcePolicy()
IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
PREFIXES = ["2001:67c:2e8::/32", "2a00:1098:40::/48", "2a00:1098:2b::/56", "2a00:1098:2c:1::/64", "fd00:64::/96"]


def translated(prefix: str, inside: IPv4Address) -> IPv6Address:
    """RFC 6052, section 2.2: the address after the prefix, around the octet at bits 64 to 71, which is zero."""
    network = ip_network_of(prefix)
    octets = list(network.network_address.packed)
    places = [place for place in range(network.prefixlen // 8, 16) if place != 8][:4]
    for place, octet in zip(places, inside.packed, strict=True):
        octets[place] = octet
    return IPv6Address(bytes(octets))


def ip_network_of(prefix: str) -> IPv6Network:
    return IPv6Network(prefix, strict=False)


@pytest.mark.parametrize(
    "address", ["64:ff9b::808:808", "64:ff9b::1.1.1.1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:7::8.8.8.8"]
)
def test_s14_a_public_address_behind_nat64_is_permitted(address: str) -> None:
    assert DEFAULT.permits_address(ip_address(address))


@pytest.mark.parametrize(
    "inside",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.1.2.3",
        "224.0.0.1",
    ],
)
@pytest.mark.parametrize("prefix", ["64:ff9b::/96", "64:ff9b:1::/48", "64:ff9b:1:1::/64", "64:ff9b:1:2:3:4::/96"])
def test_s14_no_connection_to_what_is_not_public_behind_nat64(prefix: str, inside: str) -> None:
    assert not DEFAULT.permits_address(translated(prefix, IPv4Address(inside)))


@given(inside=IPV4)
def test_s14_nat64_is_judged_as_the_address_inside(inside: IPv4Address) -> None:
    assert DEFAULT.permits_address(translated("64:ff9b::/96", inside)) is DEFAULT.permits_address(inside)


@given(inside=IPV4)
def test_s14_every_form_of_the_local_nat64_prefix_is_at_most_as_public_as_what_is_inside(inside: IPv4Address) -> None:
    if not DEFAULT.permits_address(inside):
        for prefix in ("64:ff9b:1::/48", "64:ff9b:1::/56", "64:ff9b:1::/64", "64:ff9b:1::/96"):
            assert not DEFAULT.permits_address(translated(prefix, inside)), prefix


@pytest.mark.parametrize("prefix", PREFIXES)
@given(inside=IPV4)
def test_s14_a_configured_prefix_is_judged_as_the_address_inside(prefix: str, inside: IPv4Address) -> None:
    policy = SourcePolicy.model_validate({"nat64Prefixes": [str(ip_network_of(prefix))]})
    assert policy.permits_address(translated(prefix, inside)) is policy.permits_address(inside)


def test_a_configured_form_of_the_local_prefix_is_exact() -> None:
    """8.10.0.1 in the /48 form reads as 10.0.1.0 in the /56 form."""
    address = translated("64:ff9b:1::/48", IPv4Address("8.10.0.1"))
    assert not DEFAULT.permits_address(address)
    assert SourcePolicy.model_validate({"nat64Prefixes": ["64:ff9b:1::/48"]}).permits_address(address)


def test_holes_and_denials_are_judged_inside_too() -> None:
    policy = SourcePolicy.model_validate({"allowPrivateCIDRs": ["10.1.0.0/16"], "denyCIDRs": ["8.8.8.0/24"]})
    assert policy.permits_address(ip_address("64:ff9b::10.1.2.3"))
    assert not policy.permits_address(ip_address("64:ff9b::10.2.2.3"))
    assert not policy.permits_address(ip_address("64:ff9b::8.8.8.8"))
    assert not SourcePolicy.model_validate({"denyCIDRs": ["64:ff9b::/96"]}).permits_address(
        ip_address("64:ff9b::1.1.1.1")
    )
    assert not SourcePolicy.model_validate({"ipv6": "Disabled"}).permits_address(ip_address("64:ff9b::1.1.1.1"))


def test_a_hole_for_the_nat64_prefix_itself_opens_nothing_private_behind_it() -> None:
    policy = SourcePolicy.model_validate({"allowPrivateCIDRs": ["64:ff9b::/96"]})
    assert policy.permits_address(ip_address("64:ff9b::1.1.1.1"))
    assert not policy.permits_address(ip_address("64:ff9b::169.254.169.254"))


@pytest.mark.parametrize(
    "prefix", ["2a00:1098:2b::/95", "2a00:1098:2b::/112", "10.0.0.0/8", "2a00:1098:2b::1/96", "::/0"]
)
def test_an_invalid_nat64_prefix_is_rejected(prefix: str) -> None:
    with pytest.raises(ValidationError, match="write a NAT64 prefix such as"):
        SourcePolicy.model_validate({"nat64Prefixes": [prefix]})


@pytest.mark.parametrize(
    "address",
    [
        "2002:808:808::1",  # 6to4
        "2001:0:808:808::f7f7:f7f7",  # Teredo
        "::8.8.8.8",  # IPv4-compatible
        "64:ff9a::8.8.8.8",
        "64:ff9b:2::8.8.8.8",
        "64:ff9b:0:1::8.8.8.8",
    ],
)
def test_s14_tunnels_and_what_only_looks_like_nat64_stay_blocked(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "2001:0:102:304::5601:5601",  # Teredo's client: each bit of 169.254.169.254 turned over
        "::169.254.169.254",
        "64:ff9b::100.100.100.200",
        "2002:a83f:8110::1",
    ],
)
def test_no_form_of_a_metadata_address_is_an_endpoint(address: str) -> None:
    assert not may_be_endpoint(ip_address(address))


@pytest.mark.parametrize("address", ["64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "::1", "2002:a00:1::1", "fd12::1"])
def test_a_private_endpoint_may_be_behind_nat64(address: str) -> None:
    assert may_be_endpoint(ip_address(address))
