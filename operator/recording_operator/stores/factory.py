"""The table of kinds: which package opens the store of a StorageLocation, or of a copy by hand.

Nothing else outside a kind's own package names the kind; import-linter checks that. docs/decisions/stores.md lists what
a new kind takes.
"""

from recording_operator.api.storagelocation import S3, StorageLocation
from recording_operator.stores.copy_target import CopyTarget
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3 import bucket_names, by_hand
from recording_operator.stores.s3.location import open_location


def open_store(location: StorageLocation, credentials: StoreCredentials | None) -> LocationStore:
    """The location's store; without credentials with the process's own identity. Raises LocationError."""
    match location.store:
        case S3() as spec:
            return open_location(spec, credentials)


def open_copy_target(target: CopyTarget) -> LocationStore:
    """The store that a copy by hand goes to.

    Raises ValueError for what cannot be used as it was typed or configured, LocationError and StoreError.
    """
    return by_hand.open_by_hand(target)


def name_may_be_rejected(bucket: str) -> bool:
    """Whether the store of a copy may reject requests because of its bucket's name alone."""
    return bucket_names.may_be_rejected(bucket)
