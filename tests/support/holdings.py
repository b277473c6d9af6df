"""Where the objects of a test are: its bucket and directories. The invariants read them without the operator's code."""

import base64
import hashlib
import json
import os
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from localcluster import S3Server
from recording_operator.api.names import RESERVED_FOLDER

JsonObject = dict[str, Any]
_WINDOW_BYTES: Final = 2**20
_DAYS_S: Final = 2 * 24 * 3600.0


class Holding(Protocol):
    """A bucket or a directory. Keys are those of its objects; `address` and a slash before one make its URI."""

    @property
    def address(self) -> str:
        """Such as `s3://bucket`."""

    def versions(self) -> dict[str, list[str]]:
        """The ids of all versions, by key."""

    def markers(self) -> list[str]:
        """The keys of delete markers."""

    def current(self) -> set[str]:
        """The keys that a listing shows."""

    def uploads(self) -> list[tuple[str, str]]:
        """Key and id of every open upload."""

    def head(self, key: str, version: str | None) -> JsonObject | None:
        """What a status says of an object (`bytesTotal`, `etag` …) and its `metadata`; None if it is not there."""

    def body(self, key: str, version: str | None = None) -> Iterator[bytes]:
        """The bytes of an object."""

    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything but bodies in which a secret could be, and where it is."""

    def left_over(self) -> list[str]:
        """Files of writers that were killed."""


@dataclass(frozen=True, slots=True)
class BucketHolding:
    """A bucket of the S3 server."""

    s3: S3Server
    bucket: str
    has_sums: bool = True
    """Whether the server keeps checksums; another one may reject a request that mentions them."""

    @property
    def address(self) -> str:
        """Its URI."""
        return f"s3://{self.bucket}"

    def versions(self) -> dict[str, list[str]]:
        """See Holding."""
        # As a set: versitygw repeats the last version of a page as the first one of the next.
        found = {(one["Key"], one["VersionId"]) for one in self._listed("list_object_versions", "Versions")}
        versions: dict[str, list[str]] = {}
        for key, version in sorted(found):
            versions.setdefault(key, []).append(version)
        return versions

    def markers(self) -> list[str]:
        """See Holding."""
        return [marker["Key"] for marker in self._listed("list_object_versions", "DeleteMarkers")]

    def current(self) -> set[str]:
        """See Holding."""
        return {found["Key"] for found in self._listed("list_objects_v2", "Contents")}

    def uploads(self) -> list[tuple[str, str]]:
        """See Holding."""
        found = self._listed("list_multipart_uploads", "Uploads")
        return [(str(upload["Key"]), str(upload["UploadId"])) for upload in found]

    def head(self, key: str, version: str | None) -> JsonObject | None:
        """See Holding."""
        mode = {"ChecksumMode": "ENABLED"} if self.has_sums else {}
        try:
            head = self.s3.client().head_object(Bucket=self.bucket, Key=key, **mode, **_version_of(version))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NOT_FOUND:
                raise
            return None
        summed = head.get("ChecksumCRC64NVME")
        return {
            "bytesTotal": head["ContentLength"],
            "versionId": head.get("VersionId"),
            "etag": head["ETag"].strip('"'),
            "contentType": head["ContentType"],
            "metadata": head["Metadata"],
            **({"checksum": f"crc64nvme:{base64.b64decode(summed).hex()}"} if summed else {}),
        }

    def body(self, key: str, version: str | None = None) -> Iterator[bytes]:
        """See Holding."""
        found = self.s3.client().get_object(Bucket=self.bucket, Key=key, **_version_of(version))
        yield from found["Body"].iter_chunks(_WINDOW_BYTES)

    def texts(self) -> Iterator[tuple[str, str]]:
        """See Holding."""
        for key in self.versions():
            if f"/{RESERVED_FOLDER}/" not in f"/{key}":
                head = self.s3.client().head_object(Bucket=self.bucket, Key=key)
                head.pop("ResponseMetadata")
                yield f"the metadata of {key}", f"{key} {json.dumps(head, default=str)}"

    def left_over(self) -> list[str]:
        """A bucket shows nothing half."""
        return []

    def _listed(self, operation: Any, of: str) -> Iterator[JsonObject]:
        """All entries. A page has 1,000 at most."""
        for page in self.s3.client().get_paginator(operation).paginate(Bucket=self.bucket):
            yield from page.get(of, [])


@dataclass(frozen=True, slots=True)
class DirectoryHolding:
    """The directory of a filesystem location. docs/decisions/filesystem.md has its layout."""

    path: Path

    @property
    def address(self) -> str:
        """Its URI."""
        return f"file://{self.path}"

    def versions(self) -> dict[str, list[str]]:
        """See Holding. A link, a pipe or a device counts, so that nobody expects it."""
        found = _files_below(self.path, without=(self._uploads, self._metadata))
        return {str(path.relative_to(self.path)): ["the only one"] for path in found}

    def markers(self) -> list[str]:
        """See Holding."""
        return []

    def current(self) -> set[str]:
        """See Holding."""
        return set(self.versions())

    def uploads(self) -> list[tuple[str, str]]:
        """See Holding."""
        found = self._uploads.glob("[0-9a-f]*/upload.json")
        return [(str(json.loads(text)["key"]), path.parent.name) for path in found if (text := _text(path))]

    def head(self, key: str, version: str | None) -> JsonObject | None:
        """See Holding."""
        path = self.path / key
        with suppress(FileNotFoundError):
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or version is not None:
                return None
            kept = json.loads(self._metadata_of(key, status).read_bytes())
            return {
                "bytesTotal": status.st_size,
                "versionId": None,
                "etag": f"{status.st_mtime_ns:x}.{status.st_size:x}",
                "contentType": kept["content_type"],
                "metadata": kept["metadata"],
                "checksum": f"crc64nvme:{kept['crc64nvme']}",
                "integrity": "FullObjectCRC64NVME",
            }
        return None

    def body(self, key: str, version: str | None = None) -> Iterator[bytes]:  # noqa: ARG002 - there are no others
        """See Holding."""
        with (self.path / key).open("rb") as file:
            while window := file.read(_WINDOW_BYTES):
                yield window

    def texts(self) -> Iterator[tuple[str, str]]:
        """See Holding."""
        for folder in (self._uploads, self._metadata):
            for path in _files_below(folder):
                yield f"the name {path}", str(path)
                if path.name != "data":
                    yield f"the file {path}", _text(path)
        for key in self.versions():
            yield "the name of a file", key

    def left_over(self) -> list[str]:
        """What belongs neither to an open upload nor to a file."""
        uploads = {upload for _, upload in self.uploads()}
        halves = [path for path in _in(self._uploads) if path.name not in uploads]
        kept = {path for folder in _in(self._metadata) for path in _in(folder)}
        for key in self.versions():
            with suppress(FileNotFoundError):
                kept.discard(self._metadata_of(key, (self.path / key).lstat()))
        return sorted(str(path) for path in (*halves, *kept))

    def age(self) -> None:
        """Make what is left over two days older."""
        then = time.time() - _DAYS_S
        for path in map(Path, self.left_over()):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_nlink > 1:  # it is also at its key, whose time must stay
                    path.unlink()
                    path.touch()
                os.utime(path, (then, then))

    def grow_old(self, key: str, *, age_s: float) -> None:
        """Make a file so much older. Its metadata stays its own."""
        path = self.path / key
        status = path.lstat()
        then_ns = status.st_mtime_ns - int(age_s * 1e9)
        os.utime(path, ns=(then_ns, then_ns))
        self._metadata_of(key, status).rename(self._metadata_of(key, path.lstat()))

    @property
    def _uploads(self) -> Path:
        return self.path / RESERVED_FOLDER / "uploads"

    @property
    def _metadata(self) -> Path:
        return self.path / RESERVED_FOLDER / "metadata"

    def _metadata_of(self, key: str, status: os.stat_result) -> Path:
        digits = hashlib.sha256(key.encode()).hexdigest()[:40]
        return self._metadata / digits[:2] / f"{digits}.{status.st_mtime_ns:x}.json"


@dataclass(frozen=True, slots=True)
class Holdings:
    """The bucket and the directories of a test. Objects are named by URI."""

    places: tuple[Holding, ...]

    def __iter__(self) -> Iterator[Holding]:
        return iter(self.places)

    def at(self, uri: str) -> tuple[Holding, str]:
        """Where an object is, and its key there."""
        for place in self.places:
            if uri.startswith(f"{place.address}/"):
                return place, uri.removeprefix(f"{place.address}/")
        raise AssertionError(f"{uri} is neither in the bucket nor in a directory of the test")

    def uris(self, key: str) -> set[str]:
        """The key in each of them."""
        return {f"{place.address}/{key}" for place in self.places}

    def versions(self) -> dict[str, list[str]]:
        """The ids of all versions."""
        return {f"{place.address}/{key}": ids for place in self.places for key, ids in place.versions().items()}

    def markers(self) -> list[str]:
        """The delete markers."""
        return [f"{place.address}/{key}" for place in self.places for key in place.markers()]

    def current(self) -> set[str]:
        """What listings show."""
        return {f"{place.address}/{key}" for place in self.places for key in place.current()}

    def body(self, uri: str) -> bytes:
        """The bytes of an object."""
        place, key = self.at(uri)
        return b"".join(place.body(key))


def _version_of(version: str | None) -> dict[str, str]:
    return {"VersionId": version} if version else {}


def _files_below(folder: Path, *, without: Collection[Path] = ()) -> Iterator[Path]:
    """All that is no folder; folders may go meanwhile."""
    for base, folders, names in os.walk(folder):
        links = [name for name in folders if Path(base, name).is_symlink()]
        folders[:] = [name for name in folders if Path(base, name) not in without]
        yield from (Path(base, name) for name in (*names, *links))


def _in(folder: Path) -> list[Path]:
    """What is in a folder, which may not be there."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _text(path: Path) -> str:
    """A text file that may go meanwhile."""
    try:
        return path.read_text(errors="replace") if path.is_file() else ""
    except FileNotFoundError:
        return ""
