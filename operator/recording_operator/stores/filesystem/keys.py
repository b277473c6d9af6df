"""Keys as paths: which keys a filesystem can hold. Pure."""

from typing import Final

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError

UPLOADS: Final = (RESERVED_FOLDER, "uploads")
"""The folder of open uploads and of files that are being written."""
METADATA: Final = (RESERVED_FOLDER, "metadata")
"""The folder of the files with the metadata of objects."""
INTERNAL: Final = frozenset({"/".join(UPLOADS) + "/", "/".join(METADATA) + "/"})
"""What no listing contains, and no key may begin with."""
MOST_NAME_BYTES: Final = 255
MOST_KEY_BYTES: Final = 1024


def path_of(key: str) -> tuple[str, ...]:
    """The names of the folders and the file of a key. Raises StoreError, which no later attempt can change."""
    names = tuple(key.split("/"))
    if any(key.startswith(folder) for folder in INTERNAL):
        raise _invalid("begins with a folder of the operator")
    if len(key.encode("utf-8", "surrogateescape")) > MOST_KEY_BYTES:
        raise _invalid(f"is longer than {MOST_KEY_BYTES} bytes")
    for name in names:
        if name in {"", ".", ".."}:
            raise _invalid("has an empty folder, '.' or '..'")
        if not name.isprintable():
            raise _invalid("has a character that cannot be printed")
        if len(name.encode()) > MOST_NAME_BYTES:
            raise _invalid(
                f"has a name of more than {MOST_NAME_BYTES} bytes between two slashes. Shorten the owner or the name, "
                "or use a location whose keyTemplate puts fewer of them between two slashes"
            )
    return names


def _invalid(why: str) -> StoreError:
    error = StoreError(Reason.STORE_UNSUPPORTED, f"The key cannot be a path of the filesystem: it {why}.")
    error.is_final = True
    return error
