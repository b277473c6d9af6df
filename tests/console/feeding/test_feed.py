"""The feed after a restore of the API server's data, and objects that this version of the program cannot read."""

import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.entries import CatalogEntry, entry_of
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.books import ObjectBook
from recording_operator.console.feeding import RecordingFeed
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.resources import ChangeType, ObjectChange, ResourceKind, Resources
from recording_operator.kube.rest import RestClient
from tests.console.feeding.conftest import Fillers, Objects
from tests.support.waiting import eventually

_RESTORED = 10**12
"""A version that the API server has not reached."""


class _Counted(Resources):
    """Counts how often it asks for one object."""

    gets = 0
    failures = 0
    """So many requests get no response first."""

    def get(self, kind: ResourceKind, name: str, *, namespace: str | None = None) -> dict[str, Any]:
        """See `Resources.get`."""
        self.gets += 1
        if self.gets <= self.failures:
            raise ApiUnavailable("The API server has just started.")
        return super().get(kind, name, namespace=namespace)


@dataclass(kw_only=True)
class Feed:
    """A feed that writes, without a tracker."""

    feed: RecordingFeed
    writer: CatalogWriter
    reader: CatalogReader
    resources: _Counted
    listed_again: threading.Event

    def state(self, uid: str) -> bool | None:
        """Whether the row is in Kubernetes; None without one."""
        entry = self.reader.by_uid(uid)
        return None if entry is None else entry.in_cluster


@pytest.fixture
def fed(cluster: ControlPlane, database_url: str) -> Iterator[Feed]:
    """One for the API server of the tests."""
    engine = open_database(database_url)
    resources, stop = _Counted(RestClient(connection(kubeconfig=cluster.kubeconfig))), threading.Event()
    again = threading.Event()
    writer = CatalogWriter(engine)
    feed = RecordingFeed(
        writer=writer, reconciler=Reconciler(engine), resources=resources, stop=stop, list_again=again.set
    )
    thread = threading.Thread(target=feed.run)
    thread.start()
    yield Feed(feed=feed, writer=writer, reader=CatalogReader(engine), resources=resources, listed_again=again)
    stop.set()
    thread.join()
    engine.dispose()


def an_entry(objects: Objects, name: str, **fields: Any) -> CatalogEntry:
    """The entry of a Recording that is in Kubernetes."""
    return replace(entry_of(Recording.model_validate(objects.create(name))), **fields)


def test_what_was_deleted_by_mistake_and_restored(fed: Feed, objects: Objects) -> None:
    """The catalog saw the deletion, which never happened in the data that was restored."""
    entry = an_entry(objects, "there")
    fed.writer.put([replace(entry, version=_RESTORED, in_cluster=False)])

    fed.feed.listed({entry.uid: entry.version}, version=entry.version)

    assert fed.listed_again.wait(30)
    fed.writer.put([entry])
    assert fed.state(entry.uid)


def test_a_lost_cluster_is_not_asked_for_each_row(fed: Feed, objects: Objects) -> None:
    """With 100,000 rows, the console would not be ready for a quarter of an hour."""
    entry = an_entry(objects, "there")
    lost = [replace(entry, uid=f"lost-{number}", name=f"lost-{number}", version=_RESTORED) for number in range(20)]
    fed.writer.put(lost)

    fed.feed.listed({entry.uid: entry.version}, version=entry.version)
    assert fed.listed_again.wait(30)
    fed.feed.listed({entry.uid: entry.version}, version=entry.version)

    eventually(lambda: not any(fed.state(one.uid) for one in lost))
    assert fed.resources.gets == 0


def test_rows_of_another_console_are_looked_at_one_by_one(fed: Feed, objects: Objects) -> None:
    """They are newer than the list, and not newer than the API server."""
    before, later = an_entry(objects, "before"), an_entry(objects, "later")
    gone = an_entry(objects, "gone")
    objects.delete("gone")
    an_entry(objects, "newest")
    fed.writer.put([before, later, gone])

    fed.feed.listed({before.uid: before.version}, version=before.version)

    eventually(fed.feed.complete.is_set)
    assert [fed.state(one.uid) for one in (before, later, gone)] == [True, True, False]
    assert fed.resources.gets == 2
    assert not fed.listed_again.is_set()


def test_after_a_request_that_failed_everything_is_listed_again(fed: Feed, objects: Objects) -> None:
    """Whether the server was restored is not known yet, and otherwise no list may come for weeks."""
    entry = an_entry(objects, "there")
    an_entry(objects, "newest")
    fed.writer.put([entry])
    fed.resources.failures = 1

    fed.feed.listed({}, version=entry.version - 1)

    assert fed.listed_again.wait(30)


def test_a_recording_that_cannot_be_read(fed: Feed, objects: Objects) -> None:
    """It is counted until it can be read or is deleted; its deletion is noted."""
    raw = objects.create("standup")
    entry = entry_of(Recording.model_validate(raw))
    fed.feed.page([raw])
    newer = deepcopy(raw)
    newer["status"] = {"phase": "Dreaming"}
    newer["metadata"]["resourceVersion"] = str(entry.version + 1)
    for one in (raw, newer):
        fed.feed.changed(ObjectChange(type=ChangeType.MODIFIED, object=one))
    assert fed.feed.unreadable == 1
    eventually(lambda: fed.state(entry.uid))

    newer["metadata"]["resourceVersion"] = str(entry.version + 2)
    fed.feed.changed(ObjectChange(type=ChangeType.DELETED, object=newer))

    assert fed.feed.unreadable == 0
    eventually(lambda: fed.state(entry.uid) is False)
    fed.feed.page([newer])
    fed.feed.listed({}, version=1)
    assert fed.feed.unreadable == 0


def test_pages_say_that_objects_are_left_out(cluster: ControlPlane, fillers: Fillers, tmp_path: Path) -> None:
    filled = fillers.start(cluster.kubeconfig, f"sqlite:///{tmp_path}/catalog.db")
    filled.wait_listed()
    eventually(lambda: filled.filling.outdated() is None)
    newer = {"metadata": {"name": "later", "uid": "later", "resourceVersion": "1"}, "spec": {"s3": 5}}

    filled.filling.locations.changed(ObjectChange(type=ChangeType.ADDED, object=newer))

    assert str(filled.filling.outdated()).startswith("1 object in Kubernetes cannot be read by this version of the")
    filled.filling.locations.changed(ObjectChange(type=ChangeType.DELETED, object=newer))
    assert filled.filling.outdated() is None


def test_a_book_counts_what_it_cannot_read() -> None:
    book = ObjectBook(StorageLocation)
    newer = {"metadata": {"name": "later", "uid": "later", "resourceVersion": "1"}, "spec": {"s3": 5}}
    book.page([newer])
    book.listed({"later": 1}, version=1)
    book.current(datetime.now(UTC))
    assert (book.unreadable, book.all()) == (1, ())
    book.listed({}, version=2)
    assert book.unreadable == 0
