"""The operator's policy on sources: which URLs may be requested, at which addresses, and with which timeouts.

Written by the platform team in the settings file (`sourcePolicy:`, camelCase). The default: https on
port 443 to public addresses only. Every violation has the same message `SourceBlocked`, because otherwise tenants
could use the operator as a port scanner.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from recording_operator.api.units import parse_seconds, parse_size
from recording_operator.egress.addresses import (
    NAT64_LENGTHS,
    Address,
    effective_addresses,
    is_public,
    may_be_endpoint,
    parse_address,
    unmapped,
    within,
)
from recording_operator.egress.proxy import parse_proxy
from recording_operator.egress.url import HttpUrl


def _parse_network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value), strict=True)
    except ValueError:
        raise ValueError("write a network such as 10.0.0.0/8 or fd00::/8, with no bits set after the prefix") from None


def _parse_nat64_prefix(value: object) -> IPv6Network:
    try:
        network = value if isinstance(value, IPv6Network) else IPv6Network(str(value), strict=True)
    except ValueError:
        network = None
    if network is None or network.prefixlen not in NAT64_LENGTHS:
        lengths = ", ".join(map(str, NAT64_LENGTHS))
        raise ValueError(f"write a NAT64 prefix such as 2001:db8:64::/96, with a length of {lengths}")
    return network


Seconds = Annotated[float, BeforeValidator(parse_seconds), Field(gt=0)]
SizeBytes = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_parse_network)]


Nat64Prefix = Annotated[IPv6Network, BeforeValidator(_parse_nat64_prefix)]


class _Strict(BaseModel):
    """Unknown keys are errors, so that a misspelt restriction is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class RateFloor(_Strict):
    """At least `size_bytes` in each `window_s` seconds of waiting for the source; written `64KiB/120s`."""

    size_bytes: int = Field(gt=0)
    window_s: float = Field(gt=0)

    @classmethod
    def parse(cls, value: object) -> "RateFloor":
        """Read `SIZE/DURATION`. Raises ValueError."""
        if isinstance(value, RateFloor):
            return value
        size, slash, window = str(value).partition("/")
        if not slash:
            raise ValueError("write a rate such as 64KiB/120s")
        return cls(size_bytes=parse_size(size), window_s=parse_seconds(window))


Rate = Annotated[RateFloor, BeforeValidator(RateFloor.parse)]


class TlsPolicy(_Strict):
    """TLS to sources. Certificates are always verified."""

    min_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest version of TLS that is accepted."""
    ca_file: str | None = None
    """Path of a PEM file with certificate authorities to trust besides the system's."""


class SourceTimeouts(_Strict):
    """How long each step of a download may take."""

    dns: Seconds = 5.0
    """The time to resolve a host name."""
    connect: Seconds = 10.0
    """The time to open a connection, TLS included."""
    headers: Seconds = 30.0
    """The time until all headers of a response have arrived."""
    read: Seconds = 15.0
    """The longest pause between two reads."""
    min_throughput: Rate = RateFloor(size_bytes=64 * 2**10, window_s=120.0)
    """The slowest download that is tolerated, as size/duration; a slower one is interrupted and resumed."""


class SourceLimits(_Strict):
    """Limits for every Recording."""

    artifact_bytes: SizeBytes = 2**40
    """The largest artifact that is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointPolicy:
    """The policy for endpoints that administrators set: private addresses are allowed, metadata services are not."""

    nat64_prefixes: tuple[IPv6Network, ...] = ()

    def permits_address(self, address: Address) -> bool:
        """Whether a connection to this address may be made."""
        return may_be_endpoint(address, self.nat64_prefixes)


class SourcePolicy(_Strict):
    """Which URLs may be fetched, at which addresses, and how long that may take."""

    schemes: frozenset[Literal["https", "http"]] = frozenset({"https"})
    """The URL schemes that are allowed."""
    ports: frozenset[Annotated[int, Field(ge=1, le=65535)]] = frozenset({443})
    """The ports that are allowed; an empty list allows every port."""
    allowed_hosts: tuple[str, ...] = ()
    """The hosts that are allowed, such as *.zoom.us; an empty list allows every public host."""
    denied_hosts: tuple[str, ...] = ("*.svc", "*.cluster.local", "*.internal", "localhost", "kubernetes.default*")
    """The hosts that are denied, even if they are allowed above."""
    deny_cidrs: tuple[Network, ...] = Field(default=(), alias="denyCIDRs")
    """Networks that are denied besides private, link-local and metadata addresses."""
    allow_private_cidrs: tuple[Network, ...] = Field(default=(), alias="allowPrivateCIDRs")
    """Private networks that are allowed nevertheless."""
    ipv6: Literal["PublicOnly", "Disabled"] = "PublicOnly"
    """Whether public IPv6 addresses are used."""
    nat64_prefixes: tuple[Nat64Prefix, ...] = ()
    """Prefixes of your own NAT64 gateway: the IPv4 address inside is checked, as it always is within 64:ff9b::/96."""
    max_redirects: int = Field(default=10, ge=0, le=20)
    """How many redirects are followed; the whole policy applies to each."""
    user_agent: str | None = Field(default=None, pattern=r"^[!-~]([ -~]{0,254}[!-~])?$")
    """The User-Agent header of every request; by default it names this project and its version."""
    proxy: str | None = Field(default=None, pattern=r"^http://[^/@]+:[0-9]{1,5}$")
    """An HTTP proxy for all requests, such as http://proxy.example:3128. The proxy then resolves host names."""
    tls: TlsPolicy = TlsPolicy()
    timeouts: SourceTimeouts = SourceTimeouts()
    limits: SourceLimits = SourceLimits()

    @field_validator("schemes", mode="after")
    @classmethod
    def _some_scheme(cls, schemes: frozenset[str]) -> frozenset[str]:
        if not schemes:
            raise ValueError("write at least one of https, http")
        return schemes

    @field_validator("proxy", mode="after")
    @classmethod
    def _proxy_url(cls, proxy: str | None) -> str | None:
        if proxy is not None:
            parse_proxy(proxy)
        return proxy

    @property
    def proxy_url(self) -> HttpUrl | None:
        """Host and port of the proxy; None for direct connections."""
        return None if self.proxy is None else parse_proxy(self.proxy)

    @field_validator("allowed_hosts", "denied_hosts", mode="after")
    @classmethod
    def _host_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not re.fullmatch(r"[A-Za-z0-9_.:*-]+", pattern) or "*" in pattern[1:-1]:
                raise ValueError("write host names, with * only as the first or last character, such as *.zoom.us")
        return tuple(pattern.lower() for pattern in patterns)

    def permits_url(self, url: HttpUrl) -> bool:
        """Whether the URL is allowed. The addresses of its host are checked later."""
        address = parse_address(url.host)
        if address is not None and not self.permits_address(address):
            return False
        return url.scheme in self.schemes and self.permits_port(url.port) and self.permits_host(url.host)

    def permits_host(self, host: str) -> bool:
        """Whether the name (lower case, no final dot) is allowed."""
        if any(_host_matches(host, pattern) for pattern in self.denied_hosts):
            return False
        return not self.allowed_hosts or any(_host_matches(host, pattern) for pattern in self.allowed_hosts)

    def permits_port(self, port: int) -> bool:
        """Whether the port is allowed."""
        return not self.ports or port in self.ports

    def permits_address(self, address: Address) -> bool:
        """Whether a connection to this address may be made. `denyCIDRs` wins over `allowPrivateCIDRs`."""
        plain = unmapped(address)
        if plain.version == 6 and self.ipv6 == "Disabled":  # noqa: PLR2004 - the version of IP
            return False
        seen = effective_addresses(plain, self.nat64_prefixes)
        if any(within(one, self.deny_cidrs) for one in (plain, *seen)):
            return False
        return all(within(one, self.allow_private_cidrs) or is_public(one) for one in seen)


def _host_matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    if pattern.endswith("*"):
        return host.startswith(pattern[:-1])
    return host == pattern
