"""Open uploads at an artifact's key, and their end."""

from recording_operator.stores.store import Store


def abort_uploads(obj_key: str, *, store: Store, upload_id: str | None) -> int:
    """Abort the given upload and every other open one at exactly this key; how many there were.

    Raises TransferError if the store denies it.
    """
    aborted = 0
    if upload_id is not None:
        aborted += store.abort(obj_key, upload_id)
    for upload in store.uploads(obj_key):
        if upload.key == obj_key and upload.upload_id != upload_id:
            aborted += store.abort(obj_key, upload.upload_id)
    return aborted
