"""Usage samples in a ConfigMap of the operator's namespace, for locations whose store takes no documents."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.controller.usage.entries import MOST_BYTES, Entries, MapEntries
from recording_operator.kube.client import KubeApi
from recording_operator.usage.codec import (
    Period,
    UsageFile,
    UsageFormatError,
    decode,
    encode,
    folder_name,
    sample_name,
    usage_file,
    without_carry,
)
from recording_operator.usage.sample import UsageSample

KEEP_DAYS: Final = 90
_MOST_NAME: Final = 253
_DIGEST: Final = 12
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_logger = logging.getLogger(__name__)


def config_map_name(location: str) -> str:
    """The name of a location's ConfigMap."""
    name = f"recording-operator-usage-{location}"
    if len(name) <= _MOST_NAME:
        return name
    digest = hashlib.sha256(location.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _MOST_NAME - _DIGEST - 1].rstrip('-.')}-{digest}"


class ConfigMapSamples:
    """The sample files of locations, the newest of the last 90 days. Every method may raise KubeError."""

    def __init__(self, *, kube: KubeApi, namespace: str) -> None:
        self._entries = MapEntries(kube=kube, namespace=namespace)
        self._absent: set[str] = set()  # only the leader writes here, so what is not there stays absent

    def files(self, location: str) -> dict[UsageFile, bytes]:
        """The files of a location, by what they contain."""
        if location in self._absent:
            return {}
        found = self._entries.read(config_map_name(location))
        if not found:
            self._absent.add(location)
        files = {usage_file(location, _name_of(location, key)): data for key, data in found.items()}
        return {file: data for file, data in files.items() if file is not None and file.period is Period.SAMPLE}

    def keep(self, sample: UsageSample) -> None:
        """Add a sample, and remove those that are too old or for which there is no room."""
        key = _key(sample_name(sample.location, sample.at))

        def changed(found: Entries) -> Entries:
            return found if key in found else _with_room(sample.location, found, sample)

        self._entries.change(config_map_name(sample.location), changed)
        self._absent.discard(sample.location)

    def clear(self, location: str) -> None:
        """Remove all samples of a location: they are in its store now."""
        self._entries.change(config_map_name(location), lambda _: {})


def _with_room(location: str, data: Mapping[str, bytes], sample: UsageSample) -> dict[str, bytes]:
    """The entries with a sample more: the newest for which there is room. Only the newest keeps its carry."""
    oldest = sample.at - timedelta(days=KEEP_DAYS)
    key = _key(sample_name(location, sample.at))
    kept = {key: encode(sample)}
    if len(kept[key]) > MOST_BYTES:
        raise UsageFormatError(f"It has {len(kept[key])} bytes; a ConfigMap has room for {MOST_BYTES}.")
    room = MOST_BYTES - len(kept[key])
    for at, old in sorted(((_at(location, key), key) for key in data), reverse=True):
        small = _trimmed(data[old]) if at >= oldest else None
        if small is None:
            continue
        room -= len(small)
        if room < 0:
            extra = {"location": location}
            _logger.warning("The ConfigMap has no room for the samples of %d days", KEEP_DAYS, extra=extra)
            break
        kept[old] = small
    return kept


def _at(location: str, key: str) -> datetime:
    file = usage_file(location, _name_of(location, key))
    return _NEVER if file is None else file.begin


def _trimmed(data: bytes) -> bytes | None:
    """The file without its carry; None if it cannot be read."""
    try:
        return encode(without_carry(decode(data)))
    except UsageFormatError:
        return None


def _key(name: str) -> str:
    """The end of a file's name as a key of a ConfigMap: `2026-11-28T000007Z.json.gz`."""
    return "-".join(name.rsplit("/", 3)[1:])


def _name_of(location: str, key: str) -> str:
    """The name of the file under a key."""
    return folder_name(location) + key.replace("-", "/", 2)
