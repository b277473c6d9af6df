"""Deletes objects that have expired, and says of each whether it is gone."""

from datetime import datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_lifecycle import EnforcedBy
from recording_operator.errors import TransferError
from recording_operator.stores.store import Store

_MOST_VERSIONS: Final = 1000


def is_gone(store: Store, key: str, *, version_id: str | None, uid: str, by: EnforcedBy) -> bool:
    """Whether the object of this Recording is gone. The operator deletes it first, if it has to.

    An object of another owner is never deleted. One that is under retention stays. Raises TransferError.
    """
    if by is not EnforcedBy.OPERATOR:
        return store.head(key) is None
    try:
        store.delete(key, version_id=version_id, recording_uid=uid)
        delete_all(store, key, uid=uid)
    except TransferError as error:
        if error.reason is Reason.RETENTION_IN_FORCE:
            return False
        raise
    return True


def delete_all(store: Store, key: str, *, uid: str) -> None:
    """Delete every version that belongs to the Recording: without the last one, the store shows the one before."""
    for _ in range(_MOST_VERSIONS):
        if not store.delete(key, version_id=None, recording_uid=uid):
            return


def message_about(by: EnforcedBy, now: datetime) -> str:
    """What the status of an artifact says."""
    if by is EnforcedBy.OPERATOR:
        return f"The operator deleted it on {now:%Y-%m-%d}, as spec.lifecycle of the StorageLocation says."
    return f"The bucket deleted it before {now:%Y-%m-%d %H:%M} UTC, as spec.lifecycle of the StorageLocation says."
