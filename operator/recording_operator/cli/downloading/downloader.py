"""Downloads one artifact to a file: resumed, verified, and with its final name only when it is complete."""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from recording_operator.api.units import format_bytes
from recording_operator.checksums import crc64nvme
from recording_operator.cli.downloading.fetching import RangeFetcher
from recording_operator.cli.downloading.journal import DownloadedObject, DownloadInUseError, RangeJournal
from recording_operator.cli.downloading.part_file import PartFile, finish, journal_of, part_of, sync_folder, windows_of
from recording_operator.cli.downloading.progress import progress_of
from recording_operator.cli.downloading.ranges import checksum_of, missing
from recording_operator.cli.downloading.verification import Expectation
from recording_operator.cli.verb import Failure, note
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store

_RUNS: Final = 2
"""Bytes may be damaged on their way, so an object counts as wrong only after two downloads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What is downloaded, and where to."""

    stored: StoredObject
    expected: Expectation
    path: Path
    threads: int
    force: bool
    range_bytes: int

    @property
    def obj(self) -> DownloadedObject:
        """The object, as a journal names it."""
        stored = self.stored
        return DownloadedObject(
            uri=stored.uri, version_id=stored.version_id, etag=stored.etag, size_bytes=stored.size_bytes
        )


def run_download_of(download: Download, store: Store) -> None:
    """Download it. Raises Failure, StoreError, ObjectChangedError, KeyboardInterrupt.

    After a failure or an interruption, the unfinished file and its journal stay, and another run continues.
    """
    path = download.path
    if not download.force and os.path.lexists(path):
        _check_same(download)
        note(f"{path.name} is there already, with the right checksum.")
        return
    try:
        with ExitStack() as stack:
            journal = RangeJournal.open(journal_of(path), download.obj)
            stack.callback(journal.close)
            part = PartFile(part_of(path))
            stack.callback(part.close)
            done = _download_into(part, journal, download, store)
            part.sync()
            _name_it(download)
            sync_folder(path.parent)
            with suppress(OSError):
                journal_of(path).unlink()
            note(done)
    except DownloadInUseError:
        raise Failure(f"Another process is downloading {path.name} to the same directory. Wait for it.") from None
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}. What was downloaded is kept.") from None


def _check_same(download: Download) -> None:
    """Raises Failure if the file that is there has other bytes, or cannot be compared."""
    path, crc, size = download.path, 0, 0
    with suppress(OSError):
        if path.is_file() and path.stat().st_size == download.stored.size_bytes:
            for window in windows_of(path):
                crc, size = crc64nvme(window, crc), size + len(window)
            right = download.expected.is_known and download.expected.matches(crc, partial(windows_of, path))
            if right and size == download.stored.size_bytes:
                return
    raise Failure(f"{path} is there already, and is another file. Choose another --output-dir, or replace it: --force.")


def _download_into(part: PartFile, journal: RangeJournal, download: Download, store: Store) -> str:
    """Returns what was done, in words."""
    size_bytes, started_s, received = download.stored.size_bytes, time.monotonic(), 0
    kept = part.intact(journal.finished)
    if kept != journal.finished:
        journal.replace(kept, download.obj)
    done_bytes = sum(one.end - one.start for one in kept)
    if done_bytes:
        note(f"{download.path.name}: {format_bytes(done_bytes)} were downloaded before. Continuing.")
    else:
        part.set_size(0)  # frees the room of another object
    _check_room(download, size_bytes - done_bytes)
    part.set_size(size_bytes)
    for run in range(_RUNS):
        received += _fetch_missing(part, journal, download, store)
        crc = checksum_of(journal.finished, size_bytes=size_bytes)
        if crc is not None and download.expected.matches(crc, partial(windows_of, part.path)):
            return _summary(download, received, time.monotonic() - started_s)
        journal.replace([], download.obj)
        if run == 0:
            note(f"{download.path.name}: The bytes do not have the expected checksum. Downloading them again.")
    part.path.unlink(missing_ok=True)
    journal.path.unlink(missing_ok=True)
    raise Failure(
        f"The bytes of {download.path.name} do not have the expected checksum ({download.expected.by}), in two "
        "downloads. The object in the store is damaged or was replaced. No file was written."
    )


def _fetch_missing(part: PartFile, journal: RangeJournal, download: Download, store: Store) -> int:
    size_bytes = download.stored.size_bytes
    finished = journal.finished
    before = sum(one.end - one.start for one in finished)
    shown = progress_of(download.path.name, total_bytes=size_bytes, done_bytes=before)
    fetcher = RangeFetcher(
        store=store,
        stored=download.stored,
        part=part,
        journal=journal,
        threads=download.threads,
        on_progress=_from(before, shown.show),
    )
    try:
        fetcher.run(missing(finished, size_bytes=size_bytes, most_bytes=download.range_bytes))
    finally:
        shown.close()
    return fetcher.received_bytes


def _from(before: int, show: Callable[[int], None]) -> Callable[[int], None]:
    return lambda received: show(before + received)


def _check_room(download: Download, needed: int) -> None:
    folder = download.path.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Failure(
            f"{folder} has {format_bytes(free)} of free space, and {download.path.name} needs {format_bytes(needed)}."
        )


def _name_it(download: Download) -> None:
    if download.force and os.path.lexists(download.path):
        note(f"{download.path} is there already and is replaced.")
    try:
        finish(part_of(download.path), download.path, force=download.force)
    except FileExistsError:
        raise Failure(
            f"Another file became {download.path} meanwhile. The downloaded one is {part_of(download.path)}."
        ) from None


def _summary(download: Download, received: int, seconds: float) -> str:
    expected, rate = download.expected, format_bytes(int(received / max(seconds, 0.001)))
    verified = f"{expected.by} verified" if expected.is_known else "no checksum is known, so only the size was compared"
    size = format_bytes(download.stored.size_bytes)
    return f"{download.path.name}: {size} in {seconds:.1f} s, {rate}/s, {verified}."
