"""Normalised addresses of stores."""

import re
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"https": 443, "http": 80}
# Bucket names are unique in AWS, so all endpoints of AWS lead to the same bucket.
_AWS: Final = re.compile(r"s3[.-]([a-z0-9-]+\.)*amazonaws\.com")


def canonical_endpoint(url: str | None) -> str:
    """Scheme, host, port and path of an endpoint; empty for AWS, with or without an explicit endpoint."""
    parts = urlsplit(url or "")
    host, scheme = (parts.hostname or "").lower(), parts.scheme.lower()
    if not host or _AWS.fullmatch(host):
        return ""
    port = parts.port or _PORTS.get(scheme)
    return f"{scheme}://{host}:{port}{parts.path.rstrip('/')}"


def store_uri(bucket: str | None, prefix: str | None) -> str:
    """The address of a prefix: `s3://bucket/prefix`, or `file:///path/prefix` if the bucket is a directory."""
    scheme = "file" if bucket is not None and bucket.startswith("/") else "s3"
    return f"{scheme}://{bucket}/{prefix}"
