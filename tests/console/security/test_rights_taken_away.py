"""A right that was taken away ends what is still being sent."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from recording_operator.catalog.database import open_database
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.api import exporting
from recording_operator.console.auth.access import REMEMBERED_S, AccessReviewer
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.kube.rest import RestClient
from tests.catalog.building import an_entry
from tests.console.running import Person, grant, may
from tests.support.waiting import eventually

_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def test_an_export_ends_with_the_right_to_list(
    admin: RestClient, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 1)
    engine, time_s, namespace = open_database(), [0.0], person.namespace
    CatalogWriter(engine).put(
        an_entry(number, namespace=namespace, created=datetime.now(UTC) + timedelta(hours=1)) for number in range(3)
    )
    access = AccessReviewer(admin, steady_s=lambda: time_s[0])
    parts = cast("ConsoleParts", SimpleNamespace(reader=CatalogReader(engine), access=access))
    grant(admin, person, "list", namespace=namespace, name="lists")
    eventually(lambda: may(admin, person, "list", namespace=namespace))

    rows = exporting.exported_entries(parts, Caller(username=person.username), EntryFilter())
    next(rows)
    admin.request("DELETE", f"{_RBAC}/namespaces/{namespace}/rolebindings/lists")
    eventually(lambda: not may(admin, person, "list", namespace=namespace))
    time_s[0] += REMEMBERED_S
    assert list(rows) == []
    access.close()
