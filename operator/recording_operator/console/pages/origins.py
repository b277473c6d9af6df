"""Where a browser may load media from, and send files to: the stores of the StorageLocations."""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.permissions import admits

_SAFE_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?")


def usable_in(namespaces: Iterable[str], locations: Iterable[StorageLocation]) -> list[StorageLocation]:
    """The locations that may admit one of these namespaces: the console knows no labels."""
    names = list(namespaces)
    return [
        one
        for one in locations
        if any(admits(one.spec.allowed_namespaces, namespace=name, labels=None) is not False for name in names)
    ]


def store_origins(location: StorageLocation) -> list[str]:
    """The origins of presigned URLs of the location. Nothing else in it gets into the policy of a page."""
    s3 = location.spec.s3
    cdn = [] if s3 is None or s3.cdn is None else _origin("https", s3.cdn.domain)
    return sorted({*cdn, *_origins(location)})


def part_origins(location: StorageLocation) -> list[str]:
    """The origins of URLs for the parts of an upload. A CDN only reads."""
    return sorted(set(_origins(location)))


def _origins(location: StorageLocation) -> Iterator[str]:
    s3 = location.spec.s3
    if s3 is None:
        return
    if s3.endpoint:
        parts = urlsplit(s3.endpoint)
        hosts = (parts.netloc, f"{s3.bucket}.{parts.netloc}")
        for host in hosts[: 1 if s3.path_style else 2]:
            yield from _origin(parts.scheme, host)
        return
    regional = f"s3.{s3.region or 'us-east-1'}.amazonaws.com"
    for host in (regional, f"{s3.bucket}.{regional}", f"{s3.bucket}.s3.amazonaws.com"):
        yield from _origin("https", host)


def _origin(scheme: str, host: str) -> Iterator[str]:
    if scheme in {"http", "https"} and _SAFE_HOST.fullmatch(host):
        yield f"{scheme}://{host}"
