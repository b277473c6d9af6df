"""The target of `recording-operator copy`, as on the command line."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTarget:
    """A bucket and its endpoint. Values that are None come from the environment of the process."""

    bucket: str
    region: str | None = None
    endpoint: str | None = None
    ca_bundle_pem: str | None = None
