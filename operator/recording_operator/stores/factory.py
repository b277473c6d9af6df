"""The table of kinds: which package opens the store of a StorageLocation or of `recording-operator copy`.

No other module outside a kind's own package imports that package; import-linter checks this. docs/decisions/stores.md
lists the changes that a new kind requires.
"""

from collections.abc import Sequence

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_store import S3, Filesystem
from recording_operator.stores.copy_target import CopyTarget
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.filesystem import location as filesystem
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3 import bucket_names, copy_target
from recording_operator.stores.s3 import location as s3


def open_store(
    location: StorageLocation, credentials: StoreCredentials | None, *, roots: Sequence[str] = ()
) -> LocationStore:
    """Open the location's store. Without credentials, the identity of the process is used. Raises LocationError.

    `roots`: the directories below which the directories of locations may be.
    """
    match location.store:
        case S3() as spec:
            return s3.open_location(spec, credentials)
        case Filesystem() as directory:
            return filesystem.open_location(directory, roots=roots)


def open_copy_target(target: CopyTarget) -> LocationStore:
    """Open the store of `recording-operator copy`.

    Raises ValueError for an invalid argument or configuration, LocationError and StoreError.
    """
    return copy_target.open_copy_target(target)


def name_may_be_rejected(bucket: str) -> bool:
    """Whether the store of a copy may reject requests only because of the bucket's name."""
    return bucket_names.may_be_rejected(bucket)
