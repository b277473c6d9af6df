"""Where LiveKit's egress has stored a file: the bucket and key in the location that it reports.

Egress writes `https://{bucket}.{host}/{key}`, or `https://{host}/{bucket}/{key}` for stores without virtual hosts, and
also reports the key as the name of the file. So the key tells the two forms apart, whatever the store is called.
"""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from recording_operator.providers.provider import ProviderObject

_BUCKET_SCHEMES: Final = frozenset({"s3", "gs"})
_AZURE: Final = re.compile(r"\.blob\.(?:core|storage)\.")
_SERVICES: Final = (
    r"(?:s3[.-](?:[a-z0-9.-]+\.)?amazonaws\.com(?:\.cn)?|storage\.googleapis\.com"
    r"|oss-[a-z0-9-]+\.aliyuncs\.com|[a-z0-9-]+\.digitaloceanspaces\.com)"
)
_BUCKET_HOST: Final = re.compile(rf"(?P<bucket>.+?)\.{_SERVICES}")
_SERVICE_HOST: Final = re.compile(_SERVICES)
_MOST_KEY_BYTES: Final = 1024


class UnsupportedLocation(Exception):  # noqa: N818 - it is a state of the file
    """The file is where the operator cannot read it. The message says where."""


def stored_object(location: str, filename: str) -> ProviderObject:
    """The object with the file. Raises UnsupportedLocation."""
    name = filename.lstrip("/")
    try:
        parts = urlsplit(location)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise UnsupportedLocation("LiveKit reports a location that is not a URL.") from None
    if _AZURE.search(host):
        raise UnsupportedLocation("LiveKit stored the file in Azure Blob Storage, which no StorageLocation can read.")
    raw_path = (_unencoded_path(location, name) or parts.path).lstrip("/")
    if parts.scheme in {"https", "http"} and host:
        found = _of_web_location(host, raw_path, name)
    elif parts.scheme in {"s3", "gs"} and host:
        found = ProviderObject(bucket=host, key=raw_path)
    else:
        # A local path, or none: the key is the path below the directory of egress.
        found = ProviderObject(bucket=None, key=name or unquote(parts.path).lstrip("/"))
    if not found.key or len(found.key.encode("utf-8", "replace")) > _MOST_KEY_BYTES or not found.key.isprintable():
        raise UnsupportedLocation("LiveKit reports a file whose name no store accepts.")
    return found


def _unencoded_path(location: str, name: str) -> str:
    """The path of a location that ends with the key as it is; empty if the key has no character that ends a path.

    Older versions of egress write a '?' and a '#' of the key without encoding them.
    """
    if not {"?", "#"} & set(name) or not location.endswith(f"/{name}"):
        return ""
    return location.partition("://")[2].partition("/")[2]


def _of_web_location(host: str, raw_path: str, name: str) -> ProviderObject:
    path = unquote(raw_path)
    # Older versions of egress do not percent-encode the key, so it may contain a '%' of its own.
    if name in {path, raw_path}:
        return ProviderObject(bucket=_bucket_in_host(host), key=name)
    if (known := _BUCKET_HOST.fullmatch(host)) is not None:
        return ProviderObject(bucket=known["bucket"], key=path)
    bucket, _, key = path.partition("/")
    if _SERVICE_HOST.fullmatch(host) or name in {key, raw_path.partition("/")[2]}:
        return ProviderObject(bucket=bucket, key=name if name == raw_path.partition("/")[2] else key)
    return ProviderObject(bucket=_bucket_in_host(host), key=path)


def _bucket_in_host(host: str) -> str | None:
    """The bucket in the name of a host. Its name can contain dots only where the store is known."""
    if (known := _BUCKET_HOST.fullmatch(host)) is not None:
        return known["bucket"]
    label, dot, _ = host.partition(".")
    return label if dot and not host.replace(".", "").isdigit() else None
