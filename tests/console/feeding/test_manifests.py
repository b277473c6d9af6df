"""The catalog is filled from the manifests in a store, which is the authority for what is gone from Kubernetes."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.entries import CatalogEntry, entry_of, milliseconds
from recording_operator.catalog.manifests import ManifestRead, ManifestRows
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.wanted import EntryFilter, VisibleNamespaces
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.nightly import ManifestCheck, NightlyCheck, RebuildReport, is_due
from recording_operator.engine.manifest import manifest_key, manifest_of
from tests.cli.counted_world import a_location
from tests.support.lost_recordings import LostCluster
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_fixtures import strict, strict_server
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

__all__ = ["strict", "strict_server"]


@dataclass(kw_only=True)
class Bucket:
    """A bucket with manifests, and a catalog that is filled from them."""

    strict: StrictStore
    location: StorageLocation
    lost: LostCluster
    reader: CatalogReader
    writer: CatalogWriter
    rows: ManifestRows
    reconciler: Reconciler
    hour: int = 0

    def now(self) -> datetime:
        """Each time later."""
        self.hour += 1
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=self.hour)

    @property
    def check(self) -> ManifestCheck:
        """What reads the manifests."""
        return ManifestCheck(
            rows=self.rows,
            open_store=lambda _: store_of(self.strict, region="eu-west-2"),
            now=self.now,
            stop=threading.Event(),
        )

    def rebuild(self) -> RebuildReport:
        """Fill the catalog."""
        (report,) = self.check.run((self.location,))
        return report

    def entries(self) -> list[CatalogEntry]:
        """All rows."""
        everything = VisibleNamespaces(everything=True, since={})
        return list(self.reader.page(EntryFilter(), visible=everything, limit=100).entries)


@pytest.fixture
def bucket(strict: StrictStore, database_url: str) -> Iterator[Bucket]:
    """An empty one."""
    location = StorageLocation.model_validate(a_location(strict))
    engine = open_database(database_url)
    writer = CatalogWriter(engine)
    store = store_of(strict, region="eu-west-2")
    yield Bucket(
        strict=strict,
        location=location,
        lost=LostCluster(store=store, location=location),
        reader=CatalogReader(engine),
        writer=writer,
        rows=ManifestRows(engine, writer),
        reconciler=Reconciler(engine),
    )
    store.close()
    engine.dispose()


def test_a_recording_that_is_gone_from_kubernetes(bucket: Bucket) -> None:
    """It is what its manifest says. A second run only lists."""
    recording = bucket.lost.lose()

    report = bucket.rebuild()

    assert (report.problem, report.tally.manifests, report.tally.read) == (None, 1, 1)
    (entry,) = bucket.entries()
    expected = entry_of(recording)
    kept = ("uid", "namespace", "name", "org", "user", "project", "title", "created", "phase", "location", "stored_uid")
    assert {name: getattr(entry, name) for name in kept} == {name: getattr(expected, name) for name in kept}
    assert not entry.in_cluster
    assert [(one.key, one.etag, one.stored) for one in entry.artifacts] == [
        (one.key, one.etag, one.stored) for one in expected.artifacts
    ]
    before = len(bucket.strict.requests)
    assert bucket.rebuild().tally.read == 0
    assert {one.operation for one in bucket.strict.requests[before:]} == {"ListObjectsV2"}
    assert bucket.entries() == [entry]


def test_what_was_deleted_in_the_bucket_is_removed(bucket: Bucket) -> None:
    """The bucket is the authority, for searches too."""
    kept, deleted = bucket.lost.lose(1), bucket.lost.lose(2)
    bucket.rebuild()
    bucket.lost.forget(deleted)

    report = bucket.rebuild()

    assert report.tally.removed == 1
    assert [entry.uid for entry in bucket.entries()] == [kept.metadata.uid]


def test_a_listing_that_fails_removes_nothing(bucket: Bucket) -> None:
    """Only a complete listing says what is not there."""
    bucket.lost.lose(1)
    bucket.rebuild()
    bucket.strict.fault(Fault(operation="any", action=ErrorResponse(status=403, code="AccessDenied"), times=99))

    report = bucket.rebuild()

    assert report.problem is not None
    bucket.strict.heal()
    assert len(bucket.entries()) == 1


def test_a_recording_in_kubernetes_is_left_alone(bucket: Bucket) -> None:
    """Its own state is newer than what the bucket says, and nothing in the bucket removes it."""
    recording = bucket.lost.lose()
    there = replace(entry_of(recording), title="In Kubernetes", version=7)
    bucket.writer.put([there])

    bucket.rebuild()
    assert bucket.entries() == [there]

    bucket.lost.forget(recording)
    bucket.rebuild()
    assert bucket.entries() == [there]


def test_a_row_that_missed_the_end_gets_it_from_the_manifest(bucket: Bucket) -> None:
    """The console was not running when the Recording was stored and deleted."""
    recording = bucket.lost.lose()
    missed = replace(entry_of(recording), phase="Uploading", artifacts=(), in_cluster=False, version=7)
    bucket.writer.put([missed])

    bucket.rebuild()

    (entry,) = bucket.entries()
    assert (entry.phase, len(entry.artifacts), entry.in_cluster) == ("Complete", len(recording.spec.artifacts), False)
    bucket.writer.put([replace(missed, in_cluster=True)])
    assert bucket.entries() == [entry]


@pytest.mark.parametrize("in_cluster", [True, False])
def test_a_rebuilt_recording_is_shown_once(bucket: Bucket, *, in_cluster: bool) -> None:
    """It has another uid in Kubernetes; its manifest has the former one."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    rebuilt = replace(entry_of(recording), uid="another", in_cluster=in_cluster, version=9)
    bucket.writer.put([rebuilt])
    bucket.lost.describe(recording, manifest_of(recording).model_copy(update={"title": "Changed"}))

    bucket.rebuild()

    assert bucket.entries() == [rebuilt]


def test_a_recording_that_was_rebuilt_later(bucket: Bucket) -> None:
    """Its manifest was read before, and is still the same."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    rebuilt = replace(entry_of(recording), uid="another", version=9)
    bucket.writer.put([rebuilt])

    bucket.rebuild()

    assert bucket.entries() == [rebuilt]


@pytest.mark.parametrize("change", [{"namespace": "others"}, {"org": "others"}, {"name": "others"}])
def test_another_tenant_cannot_hide_a_row_with_its_identity(bucket: Bucket, change: dict[str, Any]) -> None:
    """Anyone may write any `spec.identity`."""
    recording = bucket.lost.lose()
    forged = replace(entry_of(recording), uid="forged", version=9, **change)
    bucket.writer.put([forged])

    bucket.rebuild()

    assert {entry.uid for entry in bucket.entries()} == {"forged", recording.metadata.uid}


def test_a_row_that_is_older_than_its_namespace_is_hidden(bucket: Bucket) -> None:
    """The namespace was deleted and made by another tenant since: the manifest says when the Recording was created."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    namespace, created = recording.metadata.namespace, recording.metadata.creation_timestamp
    assert created is not None

    def seen(since: datetime) -> int:
        visible = VisibleNamespaces(since={namespace: since})
        return len(bucket.reader.page(EntryFilter(), visible=visible, limit=9).entries)

    assert (seen(created), seen(created + timedelta(seconds=1))) == (1, 0)


def test_two_locations_of_one_bucket_show_a_recording_once(bucket: Bucket) -> None:
    """Its manifest says which of them has it."""
    bucket.lost.lose()
    meta = bucket.location.metadata.model_copy(update={"name": "another", "uid": "another"})
    twin = bucket.location.model_copy(update={"metadata": meta})

    list(bucket.check.run((twin, bucket.location)))

    assert [entry.location for entry in bucket.entries()] == [bucket.location.metadata.name]


def nightly_of(bucket: Bucket, *, now: list[datetime], known: list[StorageLocation]) -> NightlyCheck:
    """A check at 3:00 of the locations in `known`."""
    return NightlyCheck(
        check=bucket.check,
        reader=bucket.reader,
        writer=bucket.writer,
        locations=lambda: tuple(known),
        now=lambda: now[0],
        hour=3,
    )


def test_the_check_runs_at_once_and_then_every_night(bucket: Bucket) -> None:
    """Other consoles with the same database do not repeat it."""
    bucket.lost.lose()
    now = [datetime(2030, 1, 1, 12, tzinfo=UTC)]
    nightly = nightly_of(bucket, now=now, known=[bucket.location])
    turns = []
    for hours in (0, 1, 14, 15, 1, 23, 24):
        now[0] += timedelta(hours=hours)
        turns.append(nightly.turn(threading.Event()))

    assert turns == [True, False, True, False, False, True, True]


def test_a_store_that_is_away_is_read_again_soon(bucket: Bucket) -> None:
    bucket.lost.lose()
    now = [datetime(2030, 1, 1, 12, tzinfo=UTC)]
    nightly = nightly_of(bucket, now=now, known=[bucket.location])
    bucket.strict.fault(Fault(operation="any", action=ErrorResponse(status=403, code="AccessDenied"), times=99))
    assert nightly.turn(threading.Event())
    assert bucket.entries() == []
    bucket.strict.heal()

    turns = []
    for minutes in (4, 1, 5):
        now[0] += timedelta(minutes=minutes)
        turns.append((nightly.turn(threading.Event()), len(bucket.entries())))

    assert turns == [(False, 0), (True, 1), (False, 1)]


def test_a_manifest_that_cannot_be_read_keeps_no_other_out(bucket: Bucket) -> None:
    """A lifecycle rule has archived it, or its key denies it. It is read again later, and what is known of it stays."""
    for number in (1, 2, 3):
        bucket.lost.lose(number)
    now = [datetime(2030, 1, 1, 12, tzinfo=UTC)]
    nightly = nightly_of(bucket, now=now, known=[bucket.location])
    bucket.strict.fault(
        Fault(operation="GetObject", action=ErrorResponse(status=403, code="InvalidObjectState"), first=2)
    )

    found = []
    for hours in (0, 5, 1, 1):
        now[0] += timedelta(hours=hours)
        found.append((nightly.turn(threading.Event()), len(bucket.entries()), nightly.incomplete))

    assert found == [(True, 2, 1), (False, 2, 1), (True, 3, 0), (False, 3, 0)]


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState"])
def test_the_row_of_a_manifest_that_cannot_be_read_any_more_stays(bucket: Bucket, code: str) -> None:
    recording = bucket.lost.lose()
    bucket.rebuild()
    bucket.lost.describe(recording, manifest_of(recording).model_copy(update={"title": "Changed"}))
    bucket.strict.fault(Fault(operation="GetObject", action=ErrorResponse(status=403, code=code), times=99))

    assert str(bucket.rebuild().problem).startswith("1 of 1 manifests cannot be read: ")

    assert len(bucket.entries()) == 1


def test_a_manifest_that_is_not_understood_is_read_again(bucket: Bucket) -> None:
    """A newer operator wrote it, and the console is updated after that."""
    recording = bucket.lost.lose()
    newer = {"schema_version": "recordings.dev/manifest/v9"}
    bucket.lost.describe(recording, manifest_of(recording).model_copy(update=newer))

    tallies = [bucket.rebuild().tally for _ in range(2)]

    assert [(one.read, one.unusable) for one in tallies] == [(1, 1), (1, 1)]


def test_a_location_that_comes_later_is_read_at_once(bucket: Bucket) -> None:
    bucket.lost.lose()
    known: list[StorageLocation] = []
    nightly = nightly_of(bucket, now=[datetime(2030, 1, 1, 12, tzinfo=UTC)], known=known)
    assert not nightly.turn(threading.Event())

    known.append(bucket.location)

    assert nightly.turn(threading.Event())
    assert len(bucket.entries()) == 1


def test_two_checks_at_once_remove_nothing(bucket: Bucket) -> None:
    """Both have read a manifest, the earlier one notes it last, and the later one ends its listing."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    name, later = bucket.location.metadata.name, milliseconds(bucket.now()) or 0
    read = [
        ManifestRead(key=manifest_key(recording, bucket.location), etag="e", uid=recording.metadata.uid, entry=None)
    ]

    bucket.rows.put(name, read, run=later)
    bucket.rows.put(name, read, run=later - 1)

    assert bucket.rows.forget_unseen(name, run=later).removed == 0
    assert len(bucket.entries()) == 1


def test_a_time_in_the_future_does_not_stop_the_check() -> None:
    """The clock was wrong."""
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert is_due(now, now + timedelta(days=365), hour=3)
    assert not is_due(now, now + timedelta(minutes=1), hour=3)
