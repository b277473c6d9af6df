"""The S3 store of a StorageLocation."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import S3
from recording_operator.errors import LocationError
from recording_operator.lifecycle.rule import BucketRule
from recording_operator.stores.archive import ArchiveState, RestoreOutcome, RestoreTier
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.documents import DocumentOwner, OwnedDocument
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.lifecycle import LifecycleWrite
from recording_operator.stores.presigning import CdnKey, PresignedPart, PresignedUrl
from recording_operator.stores.s3 import archive, documents, lifecycle
from recording_operator.stores.s3.assumed_role import AssumedRole
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.object_lock import Retention
from recording_operator.stores.s3.presigning import presigned, presigned_part
from recording_operator.stores.s3.probe import ownership, prober
from recording_operator.stores.s3.probe.failure import location_error


class S3LocationStore(S3Store):
    """A bucket that can also be probed, keeps documents, presigns URLs and restores archived objects."""

    def probe(self, *, name: str, joins: Joins | None = None) -> Capabilities:
        """As `Prober` says."""
        return prober.probe(self, name=name, joins=joins)

    def claim_prefix(self, owner_id: str) -> str:
        """As `Prober` says."""
        return ownership.claim_prefix(self, owner_id=owner_id)

    def read_document(self, key: str, most_bytes: int) -> bytes | None:
        """As `Documents` says."""
        found = self.read_owned_document(key, most_bytes)
        return None if found is None else found.data

    def read_owned_document(self, key: str, most_bytes: int) -> OwnedDocument | None:
        """As `Documents` says."""
        return documents.read(self._client, bucket=self.options.bucket, key=key, most_bytes=most_bytes)

    def create_document(self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None) -> bool:
        """As `Documents` says."""
        return documents.create(self, key, data, content_type=content_type, owner=owner)

    def replace_document(
        self, key: str, data: bytes, content_type: str, owner: DocumentOwner | None = None, *, if_match: str
    ) -> bool:
        """As `Documents` says."""
        return documents.replace(self, key, data, content_type=content_type, owner=owner, if_match=if_match)

    def list_documents(self, prefix: str) -> Iterator[ListedObject]:
        """As `Documents` says."""
        return self.objects(prefix)

    def delete_document(self, key: str) -> None:
        """As `Documents` says."""
        head = self.head(key)
        if head is not None:
            documents.delete(self._client, bucket=self.options.bucket, key=key, version_id=head.stored.version_id)

    def presign(
        self,
        key: str,
        *,
        version_id: str | None,
        recording_uid: str,
        expires: timedelta,
        etag: str | None = None,
        attachment: str | None = None,
        cdn: CdnKey | None = None,
    ) -> PresignedUrl:
        """As `Presigner` says."""
        return presigned(
            self._client,
            self.options,
            key,
            version_id=version_id,
            recording_uid=recording_uid,
            etag=etag,
            expires=expires,
            attachment=attachment,
            cdn=cdn,
        )

    def presign_part(
        self,
        key: str,
        upload_id: str,
        *,
        part_number: int,
        size_bytes: int,
        expires: timedelta,
        md5: bytes | None = None,
    ) -> PresignedPart:
        """As `Presigner` says."""
        return presigned_part(
            self._client,
            self.options,
            key,
            upload_id,
            part_number=part_number,
            size_bytes=size_bytes,
            expires=expires,
            md5=md5,
        )

    def archive_state(self, key: str, *, version_id: str | None) -> ArchiveState | None:
        """As `Archive` says."""
        return archive.archive_state(self._client, bucket=self.options.bucket, key=key, version_id=version_id)

    def restore(self, key: str, *, version_id: str | None, days: int, tier: RestoreTier) -> RestoreOutcome:
        """As `Archive` says."""
        bucket = self.options.bucket
        return archive.restore(self._client, bucket=bucket, key=key, version_id=version_id, days=days, tier=tier)

    def apply_lifecycle(self, rules: Sequence[BucketRule], *, own: str) -> LifecycleWrite:
        """As `LifecycleRules` says."""
        return lifecycle.apply(self._client, bucket=self.options.bucket, rules=rules, own=own)


def open_location(spec: S3, credentials: StoreCredentials | None) -> S3LocationStore:
    """A client for the location; without credentials with the ambient identity. Raises LocationError."""
    try:
        return S3LocationStore(_options(spec, credentials))
    except StoreError as error:
        raise location_error(error) from None
    except ValueError:
        message = (
            "s3.endpoint, s3.caBundle, or AWS_CA_BUNDLE or a proxy variable of the operator cannot be used. Write an "
            "http or https URL, certificates in PEM, and a proxy as http://HOST:PORT."
        )
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, message) from None


def _options(spec: S3, credentials: StoreCredentials | None) -> S3Options:
    encryption, lock = spec.encryption, spec.object_lock
    return S3Options(
        bucket=spec.bucket,
        region=spec.region,
        endpoint=spec.endpoint,
        path_style=spec.path_style,
        prefix=spec.prefix,
        storage_class=spec.storage_class,
        encryption_type=encryption.type if encryption else None,
        kms_key_id=encryption.kms_key_id if encryption else None,
        bucket_key_enabled=encryption.bucket_key_enabled if encryption else None,
        acl=spec.acl,
        lock=Retention(mode=lock.mode, days=lock.retain_days) if lock else None,
        tags=tuple(sorted(spec.tags.items())),
        checksums=spec.checksums,
        ca_bundle_pem=spec.ca_bundle,
        credentials=credentials,
        role=_role(spec),
    )


def _role(spec: S3) -> AssumedRole | None:
    role = spec.credentials.assume_role if spec.credentials is not None else None
    if role is None:
        return None
    return AssumedRole(
        arn=role.role_arn, external_id=role.external_id, session_name=role.session_name, endpoint=role.endpoint
    )
