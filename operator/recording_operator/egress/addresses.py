"""Which IP addresses are public, and which are forbidden for endpoints of StorageLocations.

Sources: IANA IPv4 and IPv6 special-purpose address registries; the cloud providers' pages on their metadata services.
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
AnyNetwork = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[AnyNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


# 100.64/10 holds Alibaba's metadata service, 192.0.0/24 Oracle's, 169.254/16 those of AWS, Azure, GCP, ECS and EKS.
# 168.63.129.16 is Azure's wire server: a public address that is used locally.
NOT_PUBLIC_IPV4: Final = _networks(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
)  # fmt: skip
# Everything outside is rejected: loopback, link-local, unique-local and every cloud's fd..:: metadata service.
PUBLIC_IPV6: Final = ip_network("2000::/3")
# 2001::/23 holds Teredo and others, 2002::/16 is 6to4 (any IPv4 address inside), 2620:4f:8000::/48 is AS112.
NOT_PUBLIC_IPV6: Final = _networks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
# RFC 6052 and RFC 8215: a gateway connects to the IPv4 address inside.
NAT64: Final = IPv6Network("64:ff9b::/96")
NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
NAT64_LENGTHS: Final = (32, 40, 48, 56, 64, 96)
"""The lengths that a NAT64 prefix may have."""
_LAST_32: Final = 96
_FORMS: Final = {48: 40, 56: 32, 64: 24, 96: 0}
"""Of prefixes within NAT64_LOCAL: how many bits follow the IPv4 address, all of them zero."""
# Administrators set endpoints, so private networks are allowed; metadata services are not.
NEVER_AN_ENDPOINT: Final = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "100.100.100.200/32",
    "192.0.0.192/32", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32",
)  # fmt: skip


def unmapped(address: Address) -> Address:
    """The IPv4 address within an IPv4-mapped IPv6 address (`::ffff:0:0/96`), else the address itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def effective_addresses(address: Address, nat64_prefixes: Iterable[IPv6Network] = ()) -> tuple[Address, ...]:
    """Where packets go: the IPv4 address that a NAT64 gateway would connect to, else the address itself.

    A network may use any part of the prefix 64:ff9b:1::/48, in any form of RFC 6052. All of them are checked, unless
    the prefix is configured.
    """
    plain = unmapped(address)
    if isinstance(plain, IPv4Address):
        return (plain,)
    for prefix in (*nat64_prefixes, NAT64):
        if plain in prefix:
            return (_ipv4_after(plain, prefix.prefixlen),)
    if plain in NAT64_LOCAL:
        return _readings(plain)
    return (plain,)


def is_public(address: Address, nat64_prefixes: Iterable[IPv6Network] = ()) -> bool:
    """Whether the address is reachable over the public Internet by its registry, cloud metadata excluded."""
    return all(_is_public(one) for one in effective_addresses(address, nat64_prefixes))


def _is_public(plain: Address) -> bool:
    if isinstance(plain, IPv4Address):
        return not within(plain, NOT_PUBLIC_IPV4)
    return plain in PUBLIC_IPV6 and not within(plain, NOT_PUBLIC_IPV6)


def may_be_endpoint(address: Address, nat64_prefixes: Iterable[IPv6Network] = ()) -> bool:
    """Whether a StorageLocation's endpoint may resolve to the address."""
    seen = effective_addresses(address, nat64_prefixes)
    return not any(within(one, NEVER_AN_ENDPOINT) for one in (*seen, *_tunnelled(address)))


def within(address: Address, networks: Iterable[AnyNetwork]) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in networks if network.version == address.version)


def _readings(address: IPv6Address) -> tuple[Address, ...]:
    """The IPv4 addresses according to all forms of RFC 6052. A form has zeros after the IPv4 address."""
    forms = [length for length, rest_bits in _FORMS.items() if not int(address) & ((1 << rest_bits) - 1)]
    read = [_ipv4_after(address, length) for length in forms if not address.packed[8] or length == _LAST_32]
    return tuple(one for one in read if int(one)) or (IPv4Address(0),)


def _ipv4_after(address: IPv6Address, prefix_length: int) -> IPv4Address:
    """RFC 6052, section 2.2: the 32 bits after the prefix, leaving out bits 64 to 71."""
    octets = address.packed if prefix_length == _LAST_32 else address.packed[:8] + address.packed[9:]
    first = prefix_length // 8
    return IPv4Address(octets[first : first + 4])


def _tunnelled(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that 6to4, Teredo and IPv4-compatible addresses lead to."""
    if isinstance(address, IPv6Address):
        if address.sixtofour is not None:
            yield address.sixtofour
        yield from address.teredo or ()
        if 1 < int(address) < 1 << 32:
            yield IPv4Address(int(address))


def parse_address(text: str) -> Address | None:
    """Parse an address in strict notation (without its scope id); None if it is not one."""
    plain = text.partition("%")[0]
    if ":" not in plain and not plain[-1:].isdigit():
        return None  # a name, without the cost of an exception
    try:
        return ip_address(plain)
    except ValueError:
        return None
