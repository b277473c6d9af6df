"""The catalog has what the API server has: changes, deletions, what happened meanwhile, and outages of either side."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.catalog.database import open_database
from recording_operator.catalog.entries import entry_of
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console import feeding
from recording_operator.console.books import ObjectBook
from recording_operator.console.metrics import ConsoleMetrics
from recording_operator.kube.connection import connection
from recording_operator.kube.resources import LOCATIONS, ObjectSnapshot, ResourceKind, Resources
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.kube.tracking import Tracker
from tests.conftest import LocationFactory
from tests.console.feeding.conftest import Fillers, Objects
from tests.support.postgres import Postgres
from tests.support.waiting import eventually


def test_changes_and_deletions_arrive(
    cluster: ControlPlane, fillers: Fillers, database_url: str, objects: Objects
) -> None:
    """Also those of a Recording that is made again with the same name."""
    before = objects.create("standup")
    filled = fillers.start(cluster.kubeconfig, database_url)
    filled.wait_listed()
    objects.retitle("standup", "Monday")
    eventually(lambda: filled.reader.entry(objects.namespace, "standup").title == "Monday")  # type: ignore[union-attr]

    objects.delete("standup")
    again = objects.create("standup", title="Tuesday")

    eventually(lambda: filled.entry(again) is not None)
    first, second = filled.entry(before), filled.entry(again)
    assert first is not None
    assert second is not None
    assert (first.in_cluster, first.title) == (False, "Monday")
    assert (second.in_cluster, second.title) == (True, "Tuesday")
    assert filled.reader.entry(objects.namespace, "standup") == second


def test_what_happened_while_no_console_ran(
    cluster: ControlPlane, fillers: Fillers, database_url: str, objects: Objects
) -> None:
    """A database of an earlier process is brought up to date."""
    gone, kept = objects.create("gone"), objects.create("kept")
    filled = fillers.start(cluster.kubeconfig, database_url)
    filled.wait_listed()
    fillers.stop(filled)
    objects.delete("gone")
    objects.retitle("kept", "New")
    new = objects.create("new")

    filled = fillers.start(cluster.kubeconfig, database_url)

    filled.wait_listed()
    rows = {name: filled.entry(stored) for name, stored in (("gone", gone), ("kept", kept), ("new", new))}
    assert {name: (row.in_cluster, row.title) for name, row in rows.items() if row is not None} == {
        "gone": (False, ""),
        "kept": (True, "New"),
        "new": (True, ""),
    }


def test_it_says_of_how_many_locations_manifests_are_not_read(
    cluster: ControlPlane, location: LocationFactory, fillers: Fillers, tmp_path: Path
) -> None:
    """Others in this cluster may be unread, too."""
    location(spec={"s3": {"bucket": "no-such-bucket"}})
    filling = fillers.start(cluster.kubeconfig, f"sqlite:///{tmp_path}/catalog.db").filling
    metrics = ConsoleMetrics(version="1")
    metrics.incomplete_from(filling.incomplete_locations)
    eventually(lambda: filling.incomplete_locations() > 0)
    said = "Recordings that are no longer in Kubernetes may be missing: the manifests of "
    assert (filling.notice() or "").startswith(said)
    assert re.search(rb"^recording_operator_console_unread_locations [1-9]", metrics.render(), re.MULTILINE)


def test_time_moves_while_no_recording_changes(
    cluster: ControlPlane, admin: RestClient, namespace: str, fillers: Fillers, tmp_path: Path
) -> None:
    """The server says so in bookmarks, because something else changes; the catalog says when."""
    filled = fillers.start(cluster.kubeconfig, f"sqlite:///{tmp_path}/catalog.db", watch_s=16)
    filled.wait_listed()
    listed = datetime.now(UTC)

    def is_later() -> bool:
        label = {"metadata": {"annotations": {"changed": datetime.now(UTC).isoformat()}}}
        admin.request("PATCH", f"/api/v1/namespaces/{namespace}", body=label, content_type=MERGE_PATCH)
        at = filled.known_at
        return at is not None and at > listed

    eventually(is_later, within_s=90, poll_s=0.5)


def test_two_consoles_share_a_database(
    cluster: ControlPlane, fillers: Fillers, postgres_url: str, objects: Objects
) -> None:
    """They write the same, whoever is faster."""
    first, second = (fillers.start(cluster.kubeconfig, postgres_url) for _ in range(2))
    made = [objects.create(f"n-{number}") for number in range(20)]
    for number in range(0, 20, 2):
        objects.delete(f"n-{number}")
    third = fillers.start(cluster.kubeconfig, postgres_url)
    for filled in (first, second, third):
        filled.wait_listed()

    def states() -> list[bool | None]:
        found = [third.entry(stored) for stored in made]
        return [None if entry is None else entry.in_cluster for entry in found]

    eventually(lambda: all(states()[1::2]) and not any(states()[::2]))


def test_a_row_that_another_console_wrote_later_stays(database_url: str, objects: Objects) -> None:
    """It is newer than the list, so the list cannot say that it is gone."""
    engine = open_database(database_url)
    older, newer = (entry_of(Recording.model_validate(objects.create(name))) for name in ("older", "newer"))
    CatalogWriter(engine).put([older, newer])

    doubtful = Reconciler(engine).after_list({}, version=older.version)

    assert [row.uid for row in doubtful] == [newer.uid]
    assert Reconciler(engine).after_list({}, version=newer.version) == []
    engine.dispose()


def test_a_late_write_does_not_bring_a_deleted_one_back(
    cluster: ControlPlane, fillers: Fillers, database_url: str, objects: Objects
) -> None:
    """A slow console writes the state before the deletion after the other one has written the deletion."""
    filled = fillers.start(cluster.kubeconfig, database_url)
    stored = objects.create("standup")
    eventually(lambda: filled.entry(stored) is not None)
    objects.delete("standup")
    eventually(lambda: not filled.entry(stored).in_cluster)  # type: ignore[union-attr]

    CatalogWriter(filled.engine).put([entry_of(Recording.model_validate(stored))])

    entry = filled.entry(stored)
    assert entry is not None
    assert not entry.in_cluster


def test_a_cluster_that_was_restored_from_a_backup(
    cluster: ControlPlane, fillers: Fillers, database_url: str, objects: Objects
) -> None:
    """The versions of Kubernetes are lower than those in the catalog: Kubernetes is right."""
    there, lost = objects.create("there", title="Restored"), objects.create("lost")
    objects.delete("lost")
    engine = open_database(database_url)
    entries = [entry_of(Recording.model_validate(stored)) for stored in (there, lost)]
    CatalogWriter(engine).put([replace(entry, version=10**12, title="Later") for entry in entries])
    engine.dispose()

    filled = fillers.start(cluster.kubeconfig, database_url)

    eventually(lambda: filled.entry(there).title == "Restored")  # type: ignore[union-attr]
    eventually(lambda: not filled.entry(lost).in_cluster)  # type: ignore[union-attr]


@pytest.mark.usefixtures("short_pauses")
def test_a_database_that_is_away(
    cluster: ControlPlane,
    fillers: Fillers,
    postgres: Postgres,
    postgres_url: str,
    objects: Objects,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only so many changes are kept in memory, and none is lost. The console says why nothing is new."""
    monkeypatch.setattr(feeding, "MOST_WAITING", 5)
    filled = fillers.start(cluster.kubeconfig, postgres_url)
    filled.wait_listed()
    eventually(lambda: filled.filling.unready() is None)
    postgres.stop()
    try:
        made = [objects.create(f"n-{number}") for number in range(12)]
        problem = eventually(filled.filling.unready)
        assert filled.filling.outdated() == problem
        assert filled.filling.died() is None
    finally:
        postgres.start()

    eventually(lambda: filled.filling.unready() is None)
    eventually(lambda: all(filled.entry(stored) is not None for stored in made))


@pytest.mark.usefixtures("short_pauses")
def test_an_api_server_that_is_away(rough_cluster: ControlPlane, fillers: Fillers, tmp_path: Path) -> None:
    """What is known stays, and the console says that it may be old."""
    objects = Objects(
        resources=Resources(RestClient(connection(kubeconfig=rough_cluster.kubeconfig))), namespace="default"
    )
    stored = objects.create("standup")
    filled = fillers.start(rough_cluster.kubeconfig, f"sqlite:///{tmp_path}/catalog.db", watch_s=1)
    filled.wait_listed()
    eventually(lambda: filled.filling.outdated() is None)
    rough_cluster.kill_component("kube-apiserver")
    try:
        eventually(filled.filling.outdated)
        assert filled.filling.unready() is None
        assert filled.entry(stored) is not None
    finally:
        rough_cluster.start_component("kube-apiserver")

    eventually(lambda: filled.filling.outdated() is None)
    objects.delete("standup")
    eventually(lambda: not filled.entry(stored).in_cluster)  # type: ignore[union-attr]


class _OldLists(Resources):
    """Reads lists of which the server does not know the version any more."""

    def __init__(self, rest: RestClient) -> None:
        super().__init__(rest)
        self.lists = 0

    def pages(self, kind: ResourceKind, **options: Any) -> Iterator[ObjectSnapshot]:
        """See `Resources.pages`."""
        self.lists += 1
        for page in super().pages(kind, **options):
            yield replace(page, version="1") if self.lists == 1 else page


def test_a_version_that_the_server_has_forgotten(cluster: ControlPlane) -> None:
    """410: everything is listed again."""
    resources = _OldLists(RestClient(connection(kubeconfig=cluster.kubeconfig)))
    tracker = Tracker(resources, LOCATIONS, ObjectBook(StorageLocation), now=lambda: datetime.now(UTC), watch_s=1)
    stop = threading.Event()
    thread = threading.Thread(target=tracker.run, args=(stop,))
    thread.start()

    eventually(lambda: resources.lists == 2)

    stop.set()
    thread.join()
