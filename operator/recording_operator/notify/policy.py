"""The operator's policy on EventSinks: where events may be sent. The settings have it as `sinkPolicy:`."""

from ipaddress import IPv4Network, IPv6Network
from typing import Final

from pydantic import Field, field_validator

from recording_operator.egress.policy import SourcePolicy, SourceTimeouts

# Addresses of clusters. Link-local ones, with the metadata services of clouds, are not among them, nor is loopback.
_OF_CLUSTERS: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)


class SinkPolicy(SourcePolicy):
    """Where events may be sent, and how long that may take. The same keys as sourcePolicy, and services."""

    services: tuple[str, ...] = Field(default=(), max_length=256)
    """Services of the cluster that are allowed too, with http, any port and private addresses, such as *.team-a.svc."""
    timeouts: SourceTimeouts = SourceTimeouts(connect=5.0, headers=15.0)

    @field_validator("services", mode="after")
    @classmethod
    def _service_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if any(pattern in ("*", "*.svc") for pattern in patterns):
            raise ValueError("write the names of services or namespaces, such as *.team-a.svc")
        return cls._host_patterns(patterns)

    def for_services(self) -> SourcePolicy | None:
        """The policy for these services; None if there are none. `denyCIDRs` applies to them as well."""
        if not self.services:
            return None
        return SourcePolicy(
            schemes=frozenset({"https", "http"}),
            ports=frozenset(),
            allowed_hosts=self.services,
            denied_hosts=(),
            deny_cidrs=self.deny_cidrs,
            allow_private_cidrs=(*_OF_CLUSTERS, *self.allow_private_cidrs),
            ipv6=self.ipv6,
            nat64_prefixes=self.nat64_prefixes,
            user_agent=self.user_agent,
            tls=self.tls,
            timeouts=self.timeouts,
        )
