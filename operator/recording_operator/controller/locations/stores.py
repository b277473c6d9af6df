"""Clients of StorageLocations, made from their spec and tried out."""

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.errors import LocationError
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.probe.prober import owner_marker, probe


class S3Stores:
    """Opens and probes S3 locations. `cluster_id` marks whose a prefix is; `connections` bounds one client's pool."""

    def __init__(self, *, cluster_id: str, connections: int) -> None:
        self._cluster_id = cluster_id
        self._connections = connections

    def open(self, location: StorageLocation, credentials: StoreCredentials | None) -> S3Store:
        """A client for the location; without credentials with the ambient identity. Raises LocationError."""
        try:
            return S3Store(_options(location, credentials, self._connections))
        except ValueError:
            message = (
                "s3.endpoint, s3.caBundle or the operator's AWS_CA_BUNDLE cannot be used: write an http(s) URL, and "
                "certificates in PEM"
            )
            raise LocationError(Reason.ENDPOINT_UNREACHABLE, message) from None

    def probe(self, location: StorageLocation, store: S3Store) -> Capabilities:
        """Write, multipart and abort for real; what the store can do. Raises LocationError."""
        return probe(store, name=f"probe-{self._cluster_id}-{location.metadata.uid}", joins=_joins_tried(location))

    def owns_prefix(self, store: S3Store) -> bool:
        """Whether this cluster was the first to mark the prefix as its own. Raises LocationError."""
        return owner_marker(store, owner_id=self._cluster_id) == self._cluster_id


def _joins_tried(location: StorageLocation) -> Joins | None:
    """What an earlier process found of the store's joins, if the location was ready with this spec."""
    ready = next((condition for condition in location.status.conditions if condition.type == "Ready"), None)
    if ready is None or ready.status is not ConditionStatus.TRUE:
        return None
    if ready.observed_generation != location.metadata.generation:
        return None
    return Joins.of_status(location.status.capabilities)


def _options(location: StorageLocation, credentials: StoreCredentials | None, connections: int) -> S3Options:
    s3 = location.spec.s3
    encryption = s3.encryption
    return S3Options(
        bucket=s3.bucket,
        region=s3.region,
        endpoint=s3.endpoint,
        path_style=s3.path_style,
        prefix=s3.prefix,
        storage_class=s3.storage_class,
        encryption_type=encryption.type if encryption else None,
        kms_key_id=encryption.kms_key_id if encryption else None,
        tags=tuple(sorted(s3.tags.items())),
        checksums=s3.checksums,
        ca_bundle_pem=s3.ca_bundle,
        connections=connections,
        credentials=StoreCredentials(
            access_key_id=credentials.access_key_id,
            secret_access_key=credentials.secret_access_key,
            session_token=credentials.session_token,
        )
        if credentials
        else None,
    )
