"""Translate errors of the operating system into StoreError. No other module knows numbers of errors.

A full or read-only filesystem, and one that does not respond, are conditions of the location: no attempt is spent.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.stores.errors import StoreError

_FULL: Final = "The filesystem is full"
_DENIED: Final = (
    "The permissions of the filesystem do not allow it. Check the owner of the directory and the pod's fsGroup"
)
_AWAY: Final = "The filesystem failed or does not respond"
_LACKS: Final = "The filesystem does not support it"
_KNOWN: Final[dict[int, tuple[Reason, str]]] = {
    errno.ENOSPC: (Reason.STORE_QUOTA, _FULL),
    errno.EDQUOT: (Reason.STORE_QUOTA, "The quota of the filesystem is used up"),
    errno.EROFS: (Reason.ACCESS_DENIED, "The filesystem is mounted read-only"),
    errno.EACCES: (Reason.ACCESS_DENIED, _DENIED),
    errno.EPERM: (Reason.ACCESS_DENIED, _DENIED),
    errno.ESTALE: (
        Reason.STORE_UNAVAILABLE,
        "The server of the filesystem no longer knows the directory (stale handle)",
    ),
    errno.EAGAIN: (Reason.STORE_UNAVAILABLE, "Another process is writing this upload"),
    errno.EFBIG: (
        Reason.STORE_UNSUPPORTED,
        "The file is larger than the filesystem, or a limit of the process, allows",
    ),
    errno.EXDEV: (Reason.STORE_UNSUPPORTED, "A folder of the location is another filesystem. Mount one filesystem"),
    errno.EMLINK: (Reason.STORE_UNSUPPORTED, _LACKS),
    errno.ENAMETOOLONG: (Reason.STORE_UNSUPPORTED, "A name is longer than the filesystem allows"),
    errno.ENOSYS: (Reason.STORE_UNSUPPORTED, _LACKS),
    errno.EOPNOTSUPP: (Reason.STORE_UNSUPPORTED, _LACKS),
    errno.ENOLCK: (Reason.STORE_UNSUPPORTED, "The filesystem does not support locks"),
    errno.EINVAL: (Reason.STORE_UNSUPPORTED, _LACKS),
}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn an OSError into StoreError. `doing` is the step that failed, such as `write a part`."""
    try:
        yield
    except OSError as error:
        raise _from_os(error, doing) from None


def _from_os(error: OSError, doing: str) -> StoreError:
    number = error.errno or 0
    reason, seen = _KNOWN.get(number, (Reason.STORE_UNAVAILABLE, _AWAY))
    code = errno.errorcode.get(number, type(error).__name__)
    return StoreError(reason, f"{seen} ({doing}: {code}).", code=code)


def not_found() -> StoreError:
    """The permitted root is not there."""
    return StoreError(
        Reason.PATH_NOT_FOUND,
        "The directory of the location does not exist in the operator's pod. Mount its volume, or correct "
        "spec.filesystem.path.",
        code="ENOENT",
    )


def upload_lost() -> StoreError:
    """The upload was completed or aborted."""
    return StoreError(Reason.STORE_UPLOAD_LOST, "The upload no longer exists in the store.")


def key_taken() -> StoreError:
    """Something is at the key."""
    return StoreError(Reason.STORE_KEY_CONFLICT, "A file is already at the key.", code="EEXIST")


def folder_is_file() -> StoreError:
    """A folder of the key is a file."""
    return StoreError(Reason.STORE_KEY_CONFLICT, "A file is where the key has a folder. Remove it by hand.")


def is_link() -> StoreError:
    """A folder is a symbolic link, which may lead anywhere."""
    return StoreError(
        Reason.ACCESS_DENIED,
        "A folder of the location is a symbolic link. The operator follows none: replace it by a folder.",
        code="ELOOP",
    )


def other_bytes(message: str = "The bytes in the store differ from those sent.") -> StoreError:
    """Bytes, sizes or checksums are not those that were sent."""
    return StoreError(Reason.STORE_INTEGRITY, message)
