"""The owner of an object, from its metadata, if neither its key nor a Recording shows it.

For a limited number of objects.
"""

from typing import Final

from recording_operator.api.keytemplate import escape_id, is_owner_id, unescape_id
from recording_operator.controller.usage.errors import NOT_PERMITTED
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import Inventory

MAX_LOOKUPS: Final = 1000


class OwnerLookup:
    """Reads metadata of objects of one location, up to the limit. A note of the report mentions the others."""

    def __init__(self, store: Inventory, *, most: int = MAX_LOOKUPS) -> None:
        self._store = store
        self._left = most

    def org(self, key: str, uid: str) -> str | None:
        """The organisation in the metadata of the object, if it belongs to the Recording. Raises TransferError."""
        if self._left <= 0:
            return None
        self._left -= 1
        try:
            seen = self._store.head(key)
        except StoreError as error:
            if error.location_reason not in NOT_PERMITTED:
                raise
            self._left = 0
            return None
        if seen is None or seen.recording_uid != uid or seen.org is None:
            return None
        # Anyone with write access to the bucket can set this value.
        org = unescape_id(seen.org)
        return org if is_owner_id(org) and escape_id(org) == seen.org else None
