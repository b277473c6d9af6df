"""`cat`: the bytes of an artifact on standard output, verified at the end."""

import codecs
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.backoff import exponential_s, jittered_s
from recording_operator.checksums import Digest, crc64nvme
from recording_operator.cli.artifacts.failures import store_failures
from recording_operator.cli.artifacts.options import StoreAccess
from recording_operator.cli.artifacts.resolving import (
    check_is_bucket,
    chosen_artifact,
    get_recording,
    readable_object,
    resolved,
    stored_artifact,
)
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.downloading.verification import expectation
from recording_operator.cli.verb import Failure, note
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store

_MOST_FAILURES: Final = 6
"""After each other, without a byte between them."""
FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 20.0
_LAYOUT: Final = "\t\n\r\f"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatRequest:
    """The command line."""

    cluster: ClusterOptions
    access: StoreAccess
    name: str
    artifact: str | None
    force: bool


def run_cat(request: CatRequest) -> None:
    """Write the bytes. Raises Failure, also if they have another checksum than the status says."""
    with open_cluster(request.cluster) as cluster, store_failures():
        recording = get_recording(cluster, request.name)
        artifact = stored_artifact(recording, chosen_artifact(recording, request.artifact))
        found = resolved(cluster, recording, request.access)
        check_is_bucket(found, [artifact])
        with found.opened() as store:
            stored = readable_object(store, recording, artifact)
            expected = expectation(store, artifact, stored)
            digest = expected.digest()
            crc = _write(windows_of_object(store, stored), _sink(sys.stdout, force=request.force), digest)
    if not expected.confirms(crc, digest):
        raise Failure(
            f"The bytes of artifact {artifact.name} do not have the expected checksum ({expected.by}). Do not use what "
            "was printed."
        )
    if not expected.is_known:
        note(f"No checksum of artifact {artifact.name} is known, so only the size was compared.")


def windows_of_object(
    store: Store, stored: StoredObject, *, wait: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """The bytes of exactly this version. After a broken connection, the rest is requested. Raises StoreError."""
    position, failures = 0, 0
    while position < stored.size_bytes:
        try:
            for data in store.read(stored, span=(position, stored.size_bytes)):
                if position + len(data) > stored.size_bytes:
                    raise StoreError(Reason.STORE_UNSUPPORTED, "The store sends more than the requested range.")
                position += len(data)
                failures = 0
                yield data
            if position < stored.size_bytes:
                raise StoreError(Reason.STORE_UNAVAILABLE, "The store ended its response early (GetObject).")
        except StoreError as error:
            failures += 1
            if Trait.TRANSIENT not in error.reason.traits or failures > _MOST_FAILURES:
                raise
            wait_s = jittered_s(
                exponential_s(failures, first_s=FIRST_WAIT_S, longest_s=_LONGEST_WAIT_S), least_share=0.5
            )
            wait(max(wait_s, error.retry_after_s or 0.0))


def _write(windows: Iterator[bytes], sink: Callable[[bytes], object], digest: Digest | None) -> int:
    """Write everything. Returns the CRC64NVME."""
    crc = 0
    for data in windows:
        sink(data)
        crc = crc64nvme(data, crc)
        if digest is not None:
            digest.update(data)
    sys.stdout.flush()
    return crc


def _sink(output: IO[str], *, force: bool) -> Callable[[bytes], object]:
    """Where the bytes go. A terminal gets text only, without control characters."""
    if force or not output.isatty():
        return sys.stdout.buffer.write
    return _TextSink(output).write


class _TextSink:
    """Writes text to a terminal. Raises Failure for anything else."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def write(self, data: bytes) -> None:
        """Write bytes in UTF-8."""
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise Failure(
                "The artifact is not text. Redirect the output to a file, or write it to the terminal: --force."
            )
        self._output.write("".join(char for char in text if char in _LAYOUT or _is_shown(char)))


def _is_shown(char: str) -> bool:
    return char.isprintable() or not unicodedata.category(char).startswith("C")
