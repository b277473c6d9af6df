"""What fills the catalog, against the real API server and both databases."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from recording_operator.api.names import API_VERSION
from recording_operator.catalog.database import open_database
from recording_operator.catalog.downloads import DownloadTable
from recording_operator.catalog.entries import CatalogEntry
from recording_operator.catalog.manifests import ManifestRows
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.feeding import RECORDINGS_FEED
from recording_operator.console.files.stores import ConsoleStores
from recording_operator.console.filling import Filling, FillTarget
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import connection
from recording_operator.kube.resources import RECORDINGS, Resources
from recording_operator.kube.rest import RestClient
from tests.support.waiting import eventually


@dataclass(kw_only=True)
class Filled:
    """A catalog that is filled in this process."""

    filling: Filling
    reader: CatalogReader
    engine: Any

    def entry(self, stored: dict[str, Any]) -> CatalogEntry | None:
        """The row of an object."""
        return self.reader.by_uid(stored["metadata"]["uid"])

    @property
    def known_at(self) -> datetime | None:
        """When the catalog last knew everything; None if it never did."""
        return self.reader.complete_at(RECORDINGS_FEED)

    def wait_listed(self) -> None:
        """Wait until everything that existed at its start is in the catalog."""
        eventually(lambda: self.filling.unready() is None)


@dataclass(kw_only=True)
class Fillers:
    """Starts what fills, and stops it after the test."""

    made: list[Filled] = field(default_factory=list)

    def start(self, kubeconfig: Path, database_url: str, *, watch_s: int = 2) -> Filled:
        """Begin to fill a database."""
        engine = open_database(database_url)
        rest, writer = RestClient(connection(kubeconfig=kubeconfig)), CatalogWriter(engine)
        stores = ConsoleStores(KubeApi(rest), operator_namespace=OPERATOR_NAMESPACE, roots=())
        filling = Filling(
            rest,
            FillTarget(
                writer=writer,
                reader=CatalogReader(engine),
                reconciler=Reconciler(engine),
                downloads=DownloadTable(engine),
                manifests=ManifestRows(engine, writer),
                open_store=stores.opened,
            ),
            now=lambda: datetime.now(UTC),
            hour=3,
            watch_s=watch_s,
        )
        filled = Filled(filling=filling, reader=CatalogReader(engine), engine=engine)
        self.made.append(filled)
        filling.start()
        return filled

    def stop(self, filled: Filled) -> None:
        """End, in order."""
        filled.filling.stop()
        filled.engine.dispose()
        self.made.remove(filled)


@pytest.fixture
def fillers() -> Iterator[Fillers]:
    """Starts what fills."""
    made = Fillers()
    yield made
    for one in list(made.made):
        made.stop(one)


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Recordings in the API server that no operator handles."""

    resources: Resources
    namespace: str

    def create(self, name: str, **spec: Any) -> dict[str, Any]:
        """Create one."""
        body = {
            "apiVersion": API_VERSION,
            "kind": "Recording",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "storageLocation": "somewhere",
                "owner": {"org": "acme"},
                "artifacts": [{"name": "video", "kind": "Video", "source": {"url": "https://media.test/v?sig=secret"}}],
                **spec,
            },
        }
        return self.resources.create(RECORDINGS, body, namespace=self.namespace)

    def retitle(self, name: str, title: str) -> dict[str, Any]:
        """Change one."""
        return self.resources.patch(RECORDINGS, name, {"spec": {"title": title}}, namespace=self.namespace)

    def delete(self, name: str) -> None:
        """Delete one."""
        stored = self.resources.get(RECORDINGS, name, namespace=self.namespace)
        self.resources.delete(RECORDINGS, name, uid=stored["metadata"]["uid"], namespace=self.namespace)


@pytest.fixture
def objects(admin: RestClient, namespace: str) -> Objects:
    """Recordings in the namespace of the test."""
    return Objects(resources=Resources(admin), namespace=namespace)
