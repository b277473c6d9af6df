"""Rows that nothing proves any more are removed; those of a Recording that was moved or rebuilt follow it."""

from dataclasses import replace

import pytest

from recording_operator.api.storagelocation import ManifestSpec
from recording_operator.catalog.entries import CatalogEntry, entry_of
from recording_operator.catalog.manifests import ManifestRead
from tests.console.feeding.test_manifests import Bucket, bucket
from tests.support.strict_fixtures import strict, strict_server

__all__ = ["bucket", "strict", "strict_server"]


def gone(bucket: Bucket, number: int, **fields: object) -> CatalogEntry:
    """A Recording that is gone from Kubernetes, and that the bucket has no manifest and no files of."""
    recording = bucket.lost.lose(number)
    bucket.lost.forget(recording)
    for one in recording.status.artifacts:
        bucket.lost.store.delete_document(str(one.key))
    return replace(entry_of(recording), **{"in_cluster": False, **fields})  # type: ignore[arg-type]


def test_what_has_no_manifest_and_is_gone_is_removed(bucket: Bucket) -> None:
    """It was made and deleted between two checks, or never ended. A catalog that is filled anew has none of them."""
    there = gone(bucket, 1, in_cluster=True)
    elsewhere = gone(bucket, 2, location="elsewhere")
    bucket.writer.put(
        [
            there,
            elsewhere,
            gone(bucket, 3),
            gone(bucket, 4, phase="Uploading"),
            gone(bucket, 5, phase="Pending", location=""),
        ]
    )
    kept = entry_of(bucket.lost.lose(6))
    bucket.writer.put([replace(kept, in_cluster=False)])

    assert bucket.rebuild().tally.removed == 3

    assert {entry.uid for entry in bucket.entries()} == {there.uid, elsewhere.uid, kept.uid}


def test_a_row_whose_files_are_stored_stays(bucket: Bucket) -> None:
    """Its manifest was never written: the location did not write any, or the store rejected it."""
    recording = bucket.lost.lose(1)
    bucket.lost.forget(recording)
    kept = replace(entry_of(recording), in_cluster=False)
    other = replace(kept, uid="other", stored_uid="other", name="other")  # the object at its key is not its own
    bucket.writer.put([kept, other, gone(bucket, 2)])

    assert bucket.rebuild().tally.removed == 2

    assert [entry.uid for entry in bucket.entries()] == [kept.uid]


@pytest.mark.parametrize("fields", [{}, {"phase": "Pending", "location": ""}])
def test_a_location_without_manifests_says_nothing(bucket: Bucket, fields: dict[str, str]) -> None:
    spec = bucket.location.spec.model_copy(update={"manifest": ManifestSpec(enabled=False)})
    bucket.location = bucket.location.model_copy(update={"spec": spec})
    bucket.writer.put([gone(bucket, 1, **fields)])

    assert bucket.rebuild().tally.removed == 0

    assert len(bucket.entries()) == 1


def test_what_is_gone_since_the_listing_began_stays(bucket: Bucket) -> None:
    """Its manifest may have been written behind the place where the listing is."""
    entry = gone(bucket, 1)
    name = bucket.location.metadata.name
    bucket.writer.put([entry])
    unproven = bucket.rows.without_manifest(name)
    bucket.writer.put([gone(bucket, 2)])
    bucket.rows.put(name, [ManifestRead(key="k", etag="e", uid=entry.uid, entry=None)], run=1)

    assert bucket.rows.forget_without_manifest(name, unproven, stored=lambda _: set()) == 0

    assert len(bucket.entries()) == 2


def test_an_artifact_at_the_key_of_a_manifest_is_deleted(bucket: Bucket) -> None:
    """The manifest is in the operator's own folder then, and is still there."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    name = bucket.location.metadata.name
    bucket.rows.put(name, [ManifestRead(key="another", etag="e", uid=recording.metadata.uid, entry=None)], run=1)

    bucket.rebuild()

    assert [entry.uid for entry in bucket.entries()] == [recording.metadata.uid]


def test_a_recording_that_was_moved_while_no_console_ran(bucket: Bucket) -> None:
    """Its new location was read first, when the manifest at the former one still counted."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    entry = entry_of(recording)
    moved = ManifestRead(
        key="new", etag="e", uid=entry.uid, entry=replace(entry, location="new", in_cluster=False, version=0)
    )
    bucket.rows.put("new", [moved], run=1)
    assert [one.location for one in bucket.entries()] == [bucket.location.metadata.name]
    bucket.lost.forget(recording)
    meta = bucket.location.metadata.model_copy(update={"name": "new", "uid": "new"})
    new = bucket.location.model_copy(update={"metadata": meta})

    reports = list(bucket.check.run((bucket.location,), every=(new, bucket.location)))

    assert [one.location for one in reports] == [bucket.location, new], "it is read again at once"
    assert bucket.rows.unread("new", {"new": "e"}, run=2) == {"new"}
    bucket.rows.put("new", [moved], run=2)
    assert [one.location for one in bucket.entries()] == ["new"]


def test_a_rebuilt_recording_that_is_deleted_before_its_end(bucket: Bucket) -> None:
    """It has hidden the one that is stored, which the manifest still describes."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    rebuilt = replace(entry_of(recording), uid="another", version=9, phase="Pending", artifacts=())
    bucket.writer.put([rebuilt])
    bucket.rebuild()
    assert bucket.entries() == [rebuilt]
    bucket.writer.gone(["another"])

    bucket.rebuild()

    assert [entry.uid for entry in bucket.entries()] == [recording.metadata.uid]


def test_a_rebuilt_recording_is_shown_once_at_once(bucket: Bucket) -> None:
    """Not only after the next check of the manifests."""
    recording = bucket.lost.lose()
    bucket.rebuild()
    rebuilt = replace(entry_of(recording), uid="another", version=9)

    bucket.writer.put([rebuilt])

    assert bucket.entries() == [rebuilt]


def test_a_cluster_that_was_lost_and_rebuilt_shows_each_recording_once(bucket: Bucket) -> None:
    """The catalog has not seen that the former one is gone before the list is complete."""
    former = replace(entry_of(bucket.lost.lose()), in_cluster=True, version=5)
    rebuilt = replace(former, uid="another", version=9)
    bucket.writer.put([former, rebuilt])

    assert bucket.reconciler.after_list({"another": 9}, version=9) == []

    assert bucket.entries() == [rebuilt]
