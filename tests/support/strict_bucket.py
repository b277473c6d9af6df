"""The state of a strict S3 bucket and the checks that AWS makes on it. No network here.

Checks and codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ (CompleteMultipartUpload, UploadPart, PutObject).
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from awscrt import checksums as crt

from tests.support.garble import JoinFault, misjoined
from tests.support.strict_dialect import AWS, Dialect

MOST_PARTS = 10_000
STORAGE_CLASSES = {
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
}


class S3Error(Exception):
    """An answer with an error document."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What Create or Put says about the object."""

    content_type: str
    metadata: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object."""

    version_id: str
    body: bytes
    etag: str
    attributes: Attributes
    crc64nvme: str
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an open upload."""

    body: bytes
    etag: str
    crc64nvme: str


@dataclass(slots=True, kw_only=True)
class Upload:
    """An open multipart upload."""

    upload_id: str
    key: str
    attributes: Attributes
    full_object_crc: bool
    initiated: datetime
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """A part as Complete names it."""

    part_number: int
    etag: str
    crc64nvme: str | None


def crc64nvme_of(body: bytes) -> str:
    """As `x-amz-checksum-crc64nvme` writes it."""
    return base64.b64encode(int(crt.crc64nvme(body)).to_bytes(8, "big")).decode()


def etag_of(body: bytes) -> str:
    """MD5 in quotes."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def etag_of_parts(parts: list[Part]) -> str:
    """The MD5 of the parts' MD5s, and how many there are."""
    joined = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    return f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Objects, versions and uploads. `after_complete` is what a second Complete of the same upload gets."""

    versioned: bool = True
    least_part_bytes: int = 5 * 2**20
    shows_checksums: bool = True
    shows_part_checksums: bool = True
    honours_conditions: bool = True
    dialect: Dialect = AWS
    after_complete: str = "NoSuchUpload"
    versions: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    completed: dict[str, Version] = field(default_factory=dict)

    def current(self, key: str) -> Version | None:
        """The newest version."""
        found = self.versions.get(key)
        return found[-1] if found else None

    def find(self, key: str, version_id: str | None) -> Version:
        """The version asked for. Raises S3Error."""
        if version_id is None:
            version = self.current(key)
            if version is None:
                raise S3Error(404, "NoSuchKey")
            return version
        for version in self.versions.get(key, []):
            if version.version_id == version_id:
                return version
        raise S3Error(404, "NoSuchVersion")

    def put(
        self,
        key: str,
        body: bytes,
        attributes: Attributes,
        *,
        if_absent: bool,
        etag: str | None = None,
        said: str | None = None,
    ) -> Version:
        """Store an object. `etag` of one that was joined; `said` is the sum that the client gave."""
        self._check_absent(key, if_absent)
        version = Version(
            version_id=secrets.token_hex(8) if self.versioned else "null",
            body=body,
            etag=etag or self._etag(body),
            attributes=attributes,
            crc64nvme=self._sum(body, said),
            modified=datetime.now(tz=UTC),
        )
        self._add(key, version)
        return version

    def delete(self, key: str, version_id: str | None) -> None:
        """Remove one version; an unversioned bucket has one."""
        kept = [version for version in self.versions.get(key, []) if version_id not in (None, version.version_id)]
        self.versions[key] = kept
        if not kept:
            del self.versions[key]

    def create_upload(self, key: str, attributes: Attributes, *, full_object_crc: bool) -> Upload:
        """Open an upload."""
        upload = Upload(
            upload_id=secrets.token_urlsafe(24),
            key=key,
            attributes=attributes,
            full_object_crc=full_object_crc,
            initiated=datetime.now(tz=UTC),
        )
        self.uploads[upload.upload_id] = upload
        return upload

    def upload(self, key: str, upload_id: str) -> Upload:
        """An open upload of this key. Raises S3Error."""
        upload = self.uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise S3Error(404, "NoSuchUpload")
        return upload

    def put_part(self, key: str, upload_id: str, part_number: int, body: bytes, *, said: str | None = None) -> Part:
        """Store a part in place of an earlier one of the same number."""
        upload = self.upload(key, upload_id)
        if not 1 <= part_number <= MOST_PARTS:
            raise S3Error(400, "InvalidArgument")
        part = Part(body=body, etag=self._etag(body), crc64nvme=self._sum(body, said))
        upload.parts[part_number] = part
        return part

    def complete(
        self,
        key: str,
        upload_id: str,
        listed: list[ListedPart],
        *,
        crc64nvme: str | None,
        size_bytes: int | None,
        if_absent: bool,
        fault: JoinFault | None = None,
    ) -> Version:
        """Join the parts after every check that AWS makes; with `fault` what is kept is another join."""
        again = self.completed.get(upload_id)
        if again is not None:
            return self._completed_again(again)
        upload = self.upload(key, upload_id)
        self._check_absent(key, if_absent)
        chosen = self._chosen(upload, listed)
        bodies = [part.body for part in chosen]
        body = b"".join(bodies)
        checked = self.dialect.sums == "kept" and self.dialect.completes == "checked"
        if checked and size_bytes is not None and size_bytes != len(body):
            raise S3Error(400, "InvalidRequest")
        if checked and upload.full_object_crc and crc64nvme not in (None, crc64nvme_of(body)):
            raise S3Error(400, "BadDigest")
        etag = etag_of_parts(chosen) if self.dialect.etags == "md5" else None
        if fault is not None and len(bodies) > 1:
            body = misjoined(bodies, fault)
            etag = None
        version = self.put(key, body, upload.attributes, if_absent=False, etag=etag, said=crc64nvme)
        self.completed[upload_id] = version
        del self.uploads[upload_id]
        return version

    def _completed_again(self, version: Version) -> Version:
        if self.after_complete == "OK":
            return version
        raise S3Error(412 if self.after_complete == "PreconditionFailed" else 404, self.after_complete)

    def _chosen(self, upload: Upload, listed: list[ListedPart]) -> list[Part]:
        numbers = [part.part_number for part in listed]
        if not listed:
            raise S3Error(400, "MalformedXML")
        if numbers != sorted(set(numbers)):
            raise S3Error(400, "InvalidPartOrder")
        chosen = []
        for named in listed:
            part = upload.parts.get(named.part_number)
            if part is None or part.etag.strip('"') != named.etag.strip('"'):
                raise S3Error(400, "InvalidPart")
            if self.dialect.sums == "kept" and named.crc64nvme not in (None, part.crc64nvme):
                raise S3Error(400, "InvalidPart")
            chosen.append(part)
        if any(len(part.body) < self.least_part_bytes for part in chosen[:-1]):
            raise S3Error(400, "EntityTooSmall")
        return chosen

    def _check_absent(self, key: str, if_absent: bool) -> None:
        if if_absent and self.dialect.conditions == "refused":
            raise S3Error(501, "NotImplemented")
        honoured = self.honours_conditions and self.dialect.conditions == "kept"
        if if_absent and honoured and self.current(key) is not None:
            raise S3Error(412, "PreconditionFailed")

    def _etag(self, body: bytes) -> str:
        return etag_of(body) if self.dialect.etags == "md5" else f'"{secrets.token_hex(12)}"'

    def _sum(self, body: bytes, said: str | None) -> str:
        if self.dialect.sums == "kept":
            return crc64nvme_of(body)
        return said or "" if self.dialect.sums == "echoed" else ""

    def _add(self, key: str, version: Version) -> None:
        if self.versioned:
            self.versions.setdefault(key, []).append(version)
        else:
            self.versions[key] = [version]
