"""Moves many small recordings with faults and kills, then counts what is left behind.

Run: `python -m tests.endurance.uploads --uploads 10000`. A strict store and a source respond to a share of all requests
with faults. The processes that move the bytes are ended continuously, mostly by SIGKILL. Some Recordings are taken over
by a second process, some are deleted, with and without a finalizer. The operator's own sweep runs as well. At the end,
with faults still on: every Recording that should be stored has one version with the right bytes; nothing else is in the
bucket; no multipart upload is open 60 s later.
"""

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.clock import uptime
from recording_operator.controller.expiry.sweep import ExpirySweep
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.loop import utc_now
from recording_operator.controller.orphans import OrphanSweep
from recording_operator.controller.sweep import Sweeper, SweepIntervals
from recording_operator.kube.client import UNFINISHED, KubeApi
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.endurance.ledger import Ledger, uid_of
from tests.endurance.servers import ChaoticStore, content_of, is_refused, serve_source
from tests.endurance.worker import Config, keep_running, key_of
from tests.support.strict_bucket import Bucket

_NO_UPLOAD_WITHIN_S = 60.0
_TICK_S = 0.05
_DELETED_EVERY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was left, and how much it took. All of `faults`, `kills` and `deleted` above 0, or nothing was proved."""

    open_uploads: int
    orphans: int
    versions_too_many: int
    missing: int
    wrong_bytes: int
    complete: int
    failed: int
    deleted: int
    faults: int
    requests: int
    swept: int
    kills: int
    clean_after_s: float
    took_s: float

    @property
    def is_right(self) -> bool:
        """Whether nothing is left over and nothing is wrong."""
        return not (self.open_uploads or self.orphans or self.versions_too_many or self.missing or self.wrong_bytes)

    def __str__(self) -> str:
        return (
            f"{self.complete} complete, {self.failed} failed as they had to, {self.deleted} deleted; "
            f"{self.requests} requests to the store, {self.faults} of them met a fault; "
            f"{self.kills} processes killed; {self.swept} uploads aborted by the sweep\n"
            f"open uploads {self.open_uploads} (none any more {self.clean_after_s:.1f} s after the end), "
            f"orphans {self.orphans}, versions too many {self.versions_too_many}, missing {self.missing}, "
            f"wrong bytes {self.wrong_bytes}; {self.took_s:.0f} s"
        )


def run(
    *,
    uploads: int,
    seed: int,
    share: float = 0.05,
    processes: int = 2,
    life_s: float = 3.0,
    deleted_every: int = _DELETED_EVERY,
) -> Outcome:
    """Do it."""
    begun = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ChaoticStore(seed=seed, share=share) as strict:
        strict.bucket = Bucket(least_part_bytes=1)
        options = S3Options(
            bucket=strict.bucket_name,
            endpoint=strict.endpoint,
            path_style=True,
            credentials=StoreCredentials(access_key_id=strict.access_key, secret_access_key=strict.secret_key),
            response_timeout_s=1.0,
        )
        ledger = Ledger.create(Path(folder) / "ledger", recordings=uploads)
        with _source(context, seed, share) as source:
            workers = [
                context.Process(
                    target=keep_running,
                    args=(
                        Config(
                            store=options,
                            source=source,
                            ledger=Path(folder) / "ledger",
                            seed=seed + number,
                            threads=8,
                            life_s=life_s,
                        ),
                    ),
                )
                for number in range(processes)
            ]
            for worker in workers:
                worker.start()
            sweep = _Sweep(ledger, options)
            # Recordings rejected by their source shall fail, and not be deleted before.
            doomed = {number for number in range(deleted_every // 3, uploads, deleted_every) if not is_refused(number)}
            _delete_some(ledger, strict, sweep, doomed=doomed, seed=seed)
            for worker in workers:
                worker.join()
            clean_after_s = sweep.until_clean(strict)
        return _judge(strict, ledger, sweep, uploads=uploads, clean_after_s=clean_after_s, begun=begun)


@contextmanager
def _source(context: Any, seed: int, share: float) -> Iterator[str]:
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_source, args=(theirs, seed, share), daemon=True)
    process.start()
    theirs.close()
    yield f"http://127.0.0.1:{ours.recv()}"
    ours.close()
    process.join(10)


class _Sweep:
    """The operator's sweep, every half second instead of every ten minutes; young uploads count as left over."""

    def __init__(self, ledger: Ledger, options: S3Options) -> None:
        spec = {
            "s3": {"bucket": options.bucket, "endpoint": options.endpoint, "pathStyle": True},
            "keyTemplate": "{org}/{namespace}/{name}/{uid}/{artifact}{ext}",
        }
        location = StorageLocation.model_validate({"metadata": {"name": "chaos"}, "spec": spec})
        intervals = SweepIntervals(
            finished=timedelta(hours=1), uploads=timedelta(seconds=0.5), upload_min_age=timedelta(seconds=0.2)
        )
        self.store = _CountingStore(options)
        kube, locations = cast("KubeApi", _Lists(ledger)), cast("LocationKeeper", _Locations(location, self.store))
        self._sweeper = Sweeper(
            kube=kube,
            locations=locations,
            post=lambda _: None,
            intervals=intervals,
            default_ttl=timedelta(0),
            cluster_id="here",
            leads=lambda: True,
            expired=cast("ExpirySweep", _NothingExpires()),
            orphans=OrphanSweep(
                kube=kube, locations=locations, cluster_id="here", leads=lambda: True, now=utc_now, uptime=uptime
            ),
        )

    def run_due(self) -> None:
        """Sweep if it is time."""
        self._sweeper.run_due()

    def until_clean(self, strict: ChaoticStore) -> float:
        """Continue until no upload is open, at most 60 s. Returns the time that it took."""
        begun = time.monotonic()
        while strict.open_uploads() and time.monotonic() - begun < _NO_UPLOAD_WITHIN_S:
            self.run_due()
            time.sleep(_TICK_S)
        return time.monotonic() - begun


class _NothingExpires:
    def begin(self) -> None:
        """A sweep begins."""

    def consider(self, recording: object) -> None:
        """Its objects stay."""

    def turn(self) -> None:
        """Nothing is due."""


class _CountingStore(S3LocationStore):
    """Counts what the sweep aborts."""

    def __init__(self, options: S3Options) -> None:
        super().__init__(options)
        self.aborted = 0

    def abort(self, key: str, upload_id: str) -> bool:
        aborted = super().abort(key, upload_id)
        self.aborted += aborted
        return aborted

    def claim_prefix(self, owner_id: str) -> str:
        """There is one cluster."""
        return owner_id


class _Lists:
    """The sweep's view of the API server."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list_recordings(self, *, field_selector: str | None = None, **_: int) -> Iterator[dict[str, Any]]:
        """Unfinished Recordings; finished ones need nothing here."""
        return self._ledger.unfinished() if field_selector == UNFINISHED else iter([])


class _Locations:
    """The one location."""

    def __init__(self, location: StorageLocation, store: S3LocationStore) -> None:
        self._found = [(location, store)]

    def locations(self) -> list[tuple[StorageLocation, S3LocationStore]]:
        """It."""
        return self._found


def _delete_some(ledger: Ledger, strict: ChaoticStore, sweep: _Sweep, *, doomed: set[int], seed: int) -> None:
    draw = random.Random(seed)
    while ledger.count("Pending") + ledger.count("Deleting"):
        open_keys = _keys(strict)
        for number in [number for number in sorted(doomed) if key_of(number) in open_keys]:
            if ledger.delete(number, phase=draw.choice(("Deleting", "Gone"))):
                doomed.discard(number)
        sweep.run_due()
        time.sleep(_TICK_S)


def _keys(strict: ChaoticStore) -> set[str]:
    with strict.lock:
        return set(strict.open_uploads())


def _judge(
    strict: ChaoticStore, ledger: Ledger, sweep: _Sweep, *, uploads: int, clean_after_s: float, begun: float
) -> Outcome:
    phases = ledger.phases()
    complete, gone = phases.get("Complete", set()), phases.get("Gone", set())
    numbers = {key_of(number): number for number in range(uploads)}
    versions = dict(strict.bucket.versions)
    right = {key: content_of(numbers[key]) for key in versions if key in numbers}
    # If it is deleted without the finalizer, the object is complete (it had just been stored) or does not exist.
    allowed = complete | gone
    wanted = {key_of(number) for number in range(uploads) if uid_of(number) in complete}
    return Outcome(
        open_uploads=len(strict.open_uploads()),
        orphans=sum(key not in numbers or uid_of(numbers[key]) not in allowed for key in versions),
        versions_too_many=sum(len(found) - 1 for found in versions.values()),
        missing=len(wanted - versions.keys()) + sum(not is_refused(n) for n in _numbers(phases.get("Failed", set()))),
        wrong_bytes=sum(version.body != right.get(key) for key, found in versions.items() for version in found),
        complete=len(complete),
        failed=len(phases.get("Failed", set())),
        deleted=len(gone),
        faults=strict.faults,
        requests=len(strict.requests),
        swept=sweep.store.aborted,
        kills=ledger.kills(),
        clean_after_s=clean_after_s,
        took_s=time.monotonic() - begun,
    )


def _numbers(uids: set[str]) -> list[int]:
    return [int(uid.rpartition("-")[2]) for uid in uids]


def main(arguments: Sequence[str]) -> int:
    """Run it and print the counts; 1 where something is left over."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.uploads", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--faults", type=float, default=0.05, help="the share of requests that meet a fault")
    given = parser.parse_args(arguments)
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    outcome = run(uploads=given.uploads, seed=given.seed, share=given.faults)
    sys.stdout.write(f"{outcome}\n")
    return 0 if outcome.is_right else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
