"""Remove exactly the object that a Recording stored, never another's."""

from dataclasses import replace

from recording_operator.transfer.stores.store import Store


def remove_object(key: str, *, version_id: str | None, recording_uid: str, store: Store) -> bool:
    """Remove the Recording's version at `key`; whether there was one to remove. Raises TransferError.

    Without `version_id` (nobody wrote it down before the end) it is the one that is there now. The store looks at the
    object's own metadata first: a status that somebody forged removes nothing of others.
    """
    seen = store.head(key)
    if seen is None and version_id is None:
        return False
    if seen is None or (version_id is not None and seen.stored.version_id != version_id):
        return store.delete_version(key, version_id=version_id, recording_uid=recording_uid)
    return store.delete(seen.stored, recording_uid=recording_uid)


__all__ = ["remove_object", "replace"]
