"""What has become of a write whose response did not arrive: after Ctrl-C, a timeout or a cut connection."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from recording_operator.kube.errors import ApiUnavailable, KubeError, NotFound, UnexpectedAnswer
from recording_operator.kube.resources import RECORDINGS, Resources

_PAUSES_S: Final = (0.1, 0.3, 0.6)
"""The API server may still be at work with a request whose connection is closed."""


def is_rejected(error: BaseException) -> bool:
    """Whether the write has certainly not happened."""
    return isinstance(error, KubeError) and not isinstance(error, ApiUnavailable | UnexpectedAnswer)


def look_again(
    resources: Resources,
    recording: Mapping[str, Any],
    is_written: Callable[[Mapping[str, Any]], bool],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any] | None:
    """The Recording, if it is as it should be after the write. None: it is not, it cannot be read, or Ctrl-C again."""
    metadata = recording["metadata"]
    try:
        for pause_s in (*_PAUSES_S, 0.0):
            try:
                found = resources.get(RECORDINGS, metadata["name"], namespace=metadata["namespace"])
            except NotFound:
                found = {}
            if found and is_written(found):
                return found
            sleep(pause_s)
    except (KubeError, KeyboardInterrupt):
        return None
    return None


def contains(stored: object, wanted: object) -> bool:
    """Whether all that is `wanted` is stored. The API server may have added defaults."""
    if isinstance(wanted, Mapping):
        return isinstance(stored, Mapping) and all(contains(stored.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(stored, list) and len(stored) == len(wanted) and all(map(contains, stored, wanted))
    return stored == wanted
