"""The descriptions of services that botocore reads from its own files, read once for the clients of all locations.

Each botocore session reads them for itself otherwise: 12 MB for each location and each look at CloudWatch, most of it
documentation, operations that are never asked for and the addresses of services that are never called. And in each
answer it looks, several times, for all that it could tell.
"""

import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from botocore.loaders import Loader

from recording_operator.stores.s3.once import once

# S3 itself, whoever turns an ambient identity into keys, and CloudWatch.
_SERVICES: Final = frozenset({"s3", "sts", "sso", "oidc", "portal.sso", "signin", "monitoring"})
_ENDPOINTS: Final = "endpoints"
_SERVICES_OF_PARTITION: Final = re.compile(r'"services"\s*:\s*\{')
_BEFORE_NAME: Final = re.compile(r'[\s,]*(?=")')
_COLON: Final = re.compile(r"\s*:\s*")
_SERVICE: Final = "service-2"
# What stores are asked for, and what botocore asks by itself: where a bucket is (HeadBucket), keys for directory
# buckets (CreateSession).
_OPERATIONS: Final = {
    "s3": (
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CreateMultipartUpload",
        "CreateSession",
        "DeleteObject",
        "GetObject",
        "HeadBucket",
        "HeadObject",
        "ListMultipartUploads",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "UploadPart",
    ),
    "cloudwatch": ("GetMetricData",),
}
# Of the answers that each artifact takes, what is read; HEAD alone could tell of 47 things.
_READ: Final = {
    "HeadObjectOutput": ("ChecksumCRC64NVME", "ContentLength", "ContentType", "ETag", "Metadata", "VersionId"),
    "PutObjectOutput": ("ETag", "VersionId"),
}


@once
def service_models() -> Loader:
    """The one loader of this process. Only what is packaged with botocore: no file of whoever runs the process."""
    return _OneReader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], file_loader=_LeanFiles(), include_default_search_paths=False
    )


class _OneReader(Loader):  # type: ignore[misc]
    """A loader that reads one description at a time: at start the clients of many locations are made at once.

    What was read is kept by the library's loader, so whoever waits finds it there.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._reading = threading.RLock()

    @property
    def search_paths(self) -> list[str]:
        """Where descriptions are: a copy, for each boto3 session appends its own folder, which is not needed here."""
        return list(super().search_paths)

    def load_service_model(self, *which: Any, **more: Any) -> Any:
        """See the library."""
        with self._reading:
            return super().load_service_model(*which, **more)

    def load_data_with_path(self, name: str) -> Any:
        """See the library."""
        with self._reading:
            return super().load_data_with_path(name)


class _LeanFiles:
    """Reads a description, as botocore's own reader does, without documentation."""

    def exists(self, file_path: str) -> bool:
        """Whether there is such a file; its ending is not part of the path."""
        return any(path.is_file() for path in _candidates(file_path))

    def load_file(self, file_path: str) -> Any:
        """What is in the file; None without one."""
        for path in _candidates(file_path):
            if path.is_file():
                return _lean(path, _text_of(path))
        return None


def _candidates(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")


def _text_of(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")


def _lean(path: Path, text: str) -> Any:
    name = path.name.removesuffix(".gz").removesuffix(".json")
    if name == _ENDPOINTS:
        text = _of_our_services(text)
    described = json.loads(text, object_pairs_hook=_without_waste)
    service = path.parent.parent.name
    if name != _SERVICE or service not in _OPERATIONS:
        return described
    if service == "s3":
        described = _of_our_answers(described)
    return _of_our_operations(described, _OPERATIONS[service])


def _without_waste(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without its documentation, and with each word kept once: the same few are there thousands of times.

    The library asks for the key. A member of a shape may be called so too; its description is an object.
    """
    return {key: _word(key, value) if isinstance(value, str) else value for key, value in pairs}


def _word(key: str, value: str) -> str:
    return "" if key == "documentation" else sys.intern(value)


def _of_our_services(endpoints: str) -> str:
    """The text without the services that are not ours: parsed, they would be 4 MB for a moment, and leave holes."""
    kept, position = [], 0
    while (found := _SERVICES_OF_PARTITION.search(endpoints, position)) is not None:
        ours, end = _our_members(endpoints, found.end())
        kept += [endpoints[position : found.end()], json.dumps(ours)[1:-1]]
        position = end
    return "".join([*kept, endpoints[position:]])


def _our_members(text: str, position: int) -> tuple[dict[str, Any], int]:
    """Our services among the members of the object whose inside begins at `position`, and where its inside ends."""
    decoder = json.JSONDecoder()
    ours = {}
    while (before := _BEFORE_NAME.match(text, position)) is not None:
        name, end = decoder.raw_decode(text, before.end())
        described, position = decoder.raw_decode(text, _after_colon(text, end))
        if name in _SERVICES:
            ours[name] = described
    return ours, position


def _after_colon(text: str, position: int) -> int:
    found = _COLON.match(text, position)
    return position if found is None else found.end()  # without one it is no JSON, and the decoder says so


def _of_our_answers(service: dict[str, Any]) -> dict[str, Any]:
    for name, read in _READ.items():
        members = service["shapes"][name]["members"]
        service["shapes"][name]["members"] = {member: members[member] for member in read}
    return service


def _of_our_operations(service: dict[str, Any], ours: Sequence[str]) -> dict[str, Any]:
    """Our operations, the shapes that they lead to, and all errors: any of them may be an answer."""
    service["operations"] = {name: service["operations"][name] for name in ours}
    shapes = service["shapes"]
    found: set[str] = set()
    to_follow = [name for name in shapes if shapes[name].get("exception")]
    to_follow += _shapes_in(service["operations"])
    while to_follow:
        name = to_follow.pop()
        if name not in found:
            found.add(name)
            to_follow += _shapes_in(shapes[name])
    service["shapes"] = {name: shapes[name] for name in shapes if name in found}
    return service


def _shapes_in(described: Any) -> Iterator[str]:
    """The names of the shapes that a description refers to."""
    if isinstance(described, list):
        for part in described:
            yield from _shapes_in(part)
    elif isinstance(described, dict):
        name = described.get("shape")
        if isinstance(name, str):
            yield name
        for part in described.values():
            yield from _shapes_in(part)
