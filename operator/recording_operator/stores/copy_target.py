"""Where a copy by hand goes, as it was typed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTarget:
    """A bucket and how to reach it. What is None comes from the environment of whoever runs the copy."""

    bucket: str
    region: str | None = None
    endpoint: str | None = None
    ca_bundle_pem: str | None = None
