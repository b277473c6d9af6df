"""Which IP addresses are public, and which no StorageLocation's endpoint may have.

Sources: IANA IPv4 and IPv6 special-purpose address registries; the cloud providers' pages on their metadata services.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
AnyNetwork = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[AnyNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


# 100.64/10 holds Alibaba's metadata service, 192.0.0/24 Oracle's, 169.254/16 those of AWS, Azure, GCP, ECS and EKS.
# 168.63.129.16 is Azure's wire server: public by its number, local in fact.
NOT_PUBLIC_IPV4: Final = _networks(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
)  # fmt: skip
# Everything outside is refused: loopback, link-local, unique-local, NAT64 and every cloud's fd..:: metadata service.
PUBLIC_IPV6: Final = ip_network("2000::/3")
# 2001::/23 holds Teredo and others, 2002::/16 is 6to4 (any IPv4 address inside), 2620:4f:8000::/48 is AS112.
NOT_PUBLIC_IPV6: Final = _networks("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
# An endpoint is written by an administrator, so private networks are fine; metadata services never are.
NEVER_AN_ENDPOINT: Final = _networks(
    "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "100.100.100.200/32",
    "192.0.0.192/32", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32",
)  # fmt: skip


def unmapped(address: Address) -> Address:
    """The IPv4 address within an IPv4-mapped IPv6 address (`::ffff:0:0/96`), else the address itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Whether the address is reachable over the public Internet by its registry, cloud metadata excluded."""
    plain = unmapped(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in NOT_PUBLIC_IPV4)
    return plain in PUBLIC_IPV6 and not any(plain in network for network in NOT_PUBLIC_IPV6)


def may_be_endpoint(address: Address) -> bool:
    """Whether a StorageLocation's endpoint may resolve to the address."""
    plain = unmapped(address)
    return not any(plain in network for network in NEVER_AN_ENDPOINT if network.version == plain.version)


def parse_address(text: str) -> Address | None:
    """The address that `text` writes in its one strict form (scope ids are cut off), or None."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
