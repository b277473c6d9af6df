"""The state of a strict S3 bucket: objects, their versions and open uploads. No network here.

Source: API reference, PutObject, DeleteObject, GetObject; user guide, "How S3 Versioning works" and "Adding objects to
versioning-suspended buckets".
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.support.strict_checksums import Checksum, Kind, checksum_of
from tests.support.strict_dialect import AWS, Dialect
from tests.support.strict_errors import S3Error, invalid_argument, not_implemented

STORAGE_CLASSES = frozenset({
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR",
    "DEEP_ARCHIVE",
})  # fmt: skip
# Objects of these cannot be read before they are restored.
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_VERSION_ID = re.compile(r"[0-9a-f]{32}|null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The retention of a version: until then no client can remove it, or only one that may bypass GOVERNANCE.

    `stated`: the request stated it; otherwise it is the bucket's default. A legal hold has no end.
    """

    until: datetime
    mode: str = "COMPLIANCE"
    legal_hold: bool = False
    stated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """The attributes in a Create or Put request. `kept` are the headers that GET and HEAD return."""

    content_type: str
    metadata: dict[str, str]
    headers: dict[str, str]
    storage_class: str = "STANDARD"
    encryption: Mapping[str, str] = field(default_factory=lambda: {"x-amz-server-side-encryption": "AES256"})
    tags: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    retention: Retention | None = None
    acl: str = "private"

    @property
    def etag_is_md5(self) -> bool:
        """API reference, Object: the ETag of an object that is encrypted with KMS is not its MD5."""
        return self.encryption.get("x-amz-server-side-encryption") == "AES256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A restored copy of an archived version: it can be read until then. None: it is still being made."""

    days: int
    tier: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object, or a delete marker. `part_sizes`: only of an object that was joined from parts."""

    version_id: str
    body: bytes
    etag: str
    attributes: Attributes
    modified: datetime
    checksum: Checksum | None = None
    part_sizes: tuple[int, ...] = ()
    delete_marker: bool = False
    restoration: Restoration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an open upload."""

    body: bytes
    etag: str
    checksum: Checksum | None = None
    modified: datetime = field(default_factory=lambda: datetime.now(tz=UTC))


@dataclass(slots=True, kw_only=True)
class Upload:
    """An open multipart upload. `algorithm` and `kind` are None if it was created without a checksum."""

    upload_id: str
    key: str
    attributes: Attributes
    initiated: datetime
    algorithm: str | None = None
    kind: Kind | None = None
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteIf:
    """The conditions of a write: no object at the key, or an object with this ETag."""

    absent: bool = False
    etag: str | None = None


def etag_of(body: bytes) -> str:
    """MD5 in quotes."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Objects, versions and uploads. `after_complete` is the response to a second Complete of the same upload.

    `object_lock_days` is the default retention of a bucket with Object Lock; 0 means a lock without one.
    `lifecycle_extensions` are elements of lifecycle rules that only a newer S3 than that of the API reference has.
    `acls`: whether Object Ownership permits ACLs.
    """

    versioned: bool = True
    suspended: bool = False
    object_lock_days: int | None = None
    acls: bool = False
    least_part_bytes: int = 5 * 2**20
    storage_classes: frozenset[str] = STORAGE_CLASSES
    shows_checksums: bool = True
    shows_part_checksums: bool = True
    honours_conditions: bool = True
    dialect: Dialect = AWS
    after_complete: str = "NoSuchUpload"
    lifecycle: bytes | None = None
    lifecycle_least_size: str = "all_storage_classes_128K"
    lifecycle_extensions: frozenset[str] = frozenset()
    versions: dict[str, list[Version]] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    completed: dict[str, Version] = field(default_factory=dict)

    @property
    def object_lock(self) -> bool:
        """Whether objects can be locked."""
        return self.object_lock_days is not None

    def default_retention(self) -> Retention | None:
        """The default storage class."""
        if not self.object_lock_days:
            return None
        return Retention(until=datetime.now(tz=UTC) + timedelta(days=self.object_lock_days))

    def current(self, key: str) -> Version | None:
        """The newest version; None if that is a delete marker."""
        found = self.versions.get(key)
        return found[-1] if found and not found[-1].delete_marker else None

    def find(self, key: str, version_id: str | None) -> Version:
        """The requested version. Raises S3Error."""
        if version_id is None:
            found = self.versions.get(key)
            if not found:
                raise S3Error("NoSuchKey", "The specified key does not exist.", Key=key)
            if found[-1].delete_marker:
                headers = {"x-amz-delete-marker": "true", "x-amz-version-id": found[-1].version_id}
                raise S3Error("NoSuchKey", "The specified key does not exist.", Key=key, headers=headers)
            return found[-1]
        check_version_id(version_id)
        for version in self.versions.get(key, []):
            if version.version_id == version_id and version.delete_marker:
                headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id, "Allow": "DELETE"}
                raise S3Error("MethodNotAllowed", ResourceType="DeleteMarker", headers=headers)
            if version.version_id == version_id:
                return version
        raise S3Error("NoSuchVersion", "The specified version does not exist.", Key=key, VersionId=version_id)

    def put(
        self,
        key: str,
        body: bytes,
        attributes: Attributes,
        *,
        if_absent: bool = False,
        said: Checksum | None = None,
    ) -> Version:
        """Store an object. `said` is the checksum that the request states."""
        self.check_write(key, WriteIf(absent=if_absent))
        return self.keep(key, body, attributes, etag=self.etag(body, attributes), checksum=self.checksum(body, said))

    def keep(
        self,
        key: str,
        body: bytes,
        attributes: Attributes,
        *,
        etag: str,
        checksum: Checksum | None,
        part_sizes: tuple[int, ...] = (),
    ) -> Version:
        """Store an object after all checks."""
        version = Version(
            version_id=self._new_version_id(),
            body=body,
            etag=etag,
            attributes=attributes,
            checksum=checksum,
            modified=datetime.now(tz=UTC),
            part_sizes=part_sizes,
        )
        self._add(key, version)
        return version

    def delete(self, key: str, version_id: str | None, *, bypass: bool = False) -> Version | None:
        """Remove exactly one version, or add a delete marker. Returns what was removed, or the marker. Raises S3Error.

        An unversioned bucket removes its one version; one with suspended versions removes the one called `null`.
        """
        if version_id is not None:
            check_version_id(version_id)
            return self._remove(key, version_id, bypass=bypass)
        if not self.versioned:
            self._remove(key, "null")
            return None
        self._check_unlocked_null(key)
        nothing = Attributes(content_type="", metadata={}, headers={})
        now = datetime.now(tz=UTC)
        marker = Version(
            version_id=self._new_version_id(), body=b"", etag="", attributes=nothing, modified=now, delete_marker=True
        )
        self._add(key, marker)
        return marker

    def tag(self, key: str, version_id: str | None, tags: Mapping[str, str]) -> Version:
        """Replace the tags of a version. Raises S3Error."""
        found = self.find(key, version_id)
        tagged = replace(found, attributes=replace(found.attributes, tags=dict(tags)))
        self.versions[key] = [tagged if version is found else version for version in self.versions[key]]
        return tagged

    def check_write(self, key: str, condition: WriteIf) -> None:
        """API reference, PutObject, `If-None-Match` and `If-Match`. Raises S3Error."""
        if condition == WriteIf():
            return
        if self.dialect.conditions == "refused":
            raise not_implemented("If-None-Match")
        if not self.honours_conditions or self.dialect.conditions != "kept":
            return
        current = self.current(key)
        if condition.absent and current is not None:
            raise precondition_failed("If-None-Match")
        if condition.etag is not None:
            if current is None:
                raise S3Error("NoSuchKey", "The specified key does not exist.", Key=key)
            if condition.etag.strip('"') != current.etag.strip('"'):
                raise precondition_failed("If-Match")

    def etag(self, body: bytes, attributes: Attributes) -> str:
        """The MD5, except in a store with other ETags and for objects that are encrypted with KMS."""
        if self.dialect.etags == "md5" and attributes.etag_is_md5:
            return etag_of(body)
        return f'"{secrets.token_hex(16 if self.dialect.etags == "md5" else 12)}"'

    def checksum(self, body: bytes, said: Checksum | None, *, algorithm: str | None = None) -> Checksum | None:
        """The checksum that the store keeps: of the client's algorithm, otherwise CRC64NVME."""
        if self.dialect.sums == "kept":
            return checksum_of(body, algorithm or (said.algorithm if said else "CRC64NVME"))
        return said if self.dialect.sums == "echoed" else None

    def _new_version_id(self) -> str:
        return secrets.token_hex(16) if self.versioned and not self.suspended else "null"

    def _add(self, key: str, version: Version) -> None:
        kept = self.versions.setdefault(key, [])
        if version.version_id == "null":
            self._check_unlocked_null(key)
            kept[:] = [other for other in kept if other.version_id != "null"]
        kept.append(version)

    def _check_unlocked_null(self, key: str) -> None:
        if not self.versioned or self.suspended:
            for version in self.versions.get(key, []):
                if version.version_id == "null":
                    _check_unlocked(version)

    def _remove(self, key: str, version_id: str, *, bypass: bool = False) -> Version | None:
        kept = self.versions.get(key, [])
        for version in kept:
            if version.version_id == version_id:
                _check_unlocked(version, bypass=bypass)
                kept.remove(version)
                if not kept:
                    del self.versions[key]
                return version
        return None


def check_version_id(version_id: str) -> None:
    """Raises S3Error for an invalid version id."""
    if version_id == "":
        raise invalid_argument("versionId", "", "Version id cannot be the empty string")
    if not _VERSION_ID.fullmatch(version_id):
        raise invalid_argument("versionId", version_id, "Invalid version id specified")


def precondition_failed(condition: str) -> S3Error:
    """412 with the name of the header."""
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error("PreconditionFailed", message, Condition=condition)


def _check_unlocked(version: Version, *, bypass: bool = False) -> None:
    retention = version.attributes.retention
    if bypass and retention is not None and retention.mode == "GOVERNANCE" and not retention.legal_hold:
        return
    if retention is not None and retention.until > datetime.now(tz=UTC):
        raise S3Error("AccessDenied", "Access Denied because object protected by object lock.")
