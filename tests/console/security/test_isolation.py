"""What belongs to others: by uid, by name, and in a namespace that others had before."""

from contextlib import suppress
from types import SimpleNamespace
from typing import cast

import pytest

from localcluster import ControlPlane
from recording_operator.api.recording import Recording
from recording_operator.catalog.database import open_database
from recording_operator.catalog.entries import entry_of
from recording_operator.catalog.reading import CatalogReader
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.console.api.recordings import visible_entry
from recording_operator.console.auth.access import AccessReviewer
from recording_operator.console.auth.callers import Caller
from recording_operator.console.parts import ConsoleParts
from recording_operator.console.problems import Problem
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import RestClient
from tests.console.auth.test_tokens import Counting
from tests.console.running import Person, RunningConsole, grant, make_person, may
from tests.kube.objects import a_recording
from tests.support.recordings import path_of
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"


def seen(running: RunningConsole, who: Person, namespace: str, uid: str) -> tuple[int, int, int]:
    """The statuses by uid and by name, and how many Recordings are listed."""
    by_uid = running.get(f"{LIST}/by-uid/{uid}", who=who).status_code
    by_name = running.get(f"{LIST}/{namespace}/weekly", who=who).status_code
    return by_uid, by_name, len(running.get(f"{LIST}?namespace={namespace}", who=who).json()["items"])


def test_a_recording_of_others_is_like_one_that_does_not_exist(
    running: RunningConsole, admin: RestClient, namespace: str, person: Person, admin_token: str
) -> None:
    uid = a_recording(admin, namespace, "weekly")["metadata"]["uid"]
    bearer = {"Authorization": f"Bearer {admin_token}"}
    eventually(lambda: running.get(f"{LIST}/by-uid/{uid}", headers=bearer).status_code == 200)
    assert seen(running, person, namespace, uid) == (404, 404, 0)
    hidden, missing = (running.get(f"{LIST}/by-uid/{one}", who=person) for one in (uid, uid[::-1]))
    assert hidden.content == missing.content
    hidden, missing = (running.get(f"{LIST}/{namespace}/{one}", who=person) for one in ("weekly", "absent"))
    assert hidden.text == missing.text.replace("absent", "weekly")
    for query in (f"namespace={namespace}", "org=acme", "q=weekly", "limit=100"):
        assert running.get(f"{LIST}?{query}", who=person).json()["items"] == []
    # A right in one namespace is none in others.
    other = make_person(admin, namespace, "other")
    grant(admin, other, "get", "list", namespace="default")
    eventually(lambda: running.get(f"{LIST}?namespace={namespace}", who=other).status_code == 200)
    assert seen(running, other, namespace, uid) == (404, 404, 0)


def test_a_hidden_name_takes_the_same_requests_as_a_missing_one(
    cluster: ControlPlane, admin: RestClient, namespace: str, person: Person
) -> None:
    """Otherwise the time of the response would tell which names exist."""
    engine = open_database()
    CatalogWriter(engine).put([entry_of(Recording.model_validate(a_recording(admin, namespace, "weekly")))])
    counts = []
    for name in ("weekly", "absent"):
        counting = Counting()
        access = AccessReviewer(RestClient(connection(kubeconfig=cluster.kubeconfig), observer=counting))
        parts = cast("ConsoleParts", SimpleNamespace(reader=CatalogReader(engine), access=access))
        with pytest.raises(Problem):
            visible_entry(parts, Caller(username=person.username), namespace, name)
        access.close()
        counts.append(counting.requests)
    assert counts[0] == counts[1] > 0


def test_a_namespace_that_others_had_before_shows_nothing_of_theirs(
    running: RunningConsole, admin: RestClient, person: Person, admin_token: str
) -> None:
    """The first users have just looked at it, so the console still knows when it was created then."""
    name = f"{person.namespace}-again"
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    uid = a_recording(admin, name, "weekly")["metadata"]["uid"]
    grant(admin, person, "get", "list", namespace=name)
    eventually(lambda: seen(running, person, name, uid) == (200, 200, 1), within_s=60)

    admin.request("DELETE", f"{path_of(name)}/weekly")
    admin.request("DELETE", f"/api/v1/namespaces/{name}")
    eventually(lambda: is_gone(admin, name), within_s=60)
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    newcomer = make_person(admin, person.namespace, "newcomer")
    grant(admin, newcomer, "get", "list", namespace=name)
    own = a_recording(admin, name, "daily")["metadata"]["uid"]
    eventually(lambda: may(admin, newcomer, "list", namespace=name))
    eventually(lambda: running.get(f"{LIST}/by-uid/{own}", who=newcomer).status_code == 200)
    assert seen(running, newcomer, name, uid) == (404, 404, 1)
    bearer = {"Authorization": f"Bearer {admin_token}"}
    assert running.get(f"{LIST}/by-uid/{uid}", headers=bearer).status_code == 200
    admin.request("DELETE", f"/api/v1/namespaces/{name}")


def is_gone(admin: RestClient, name: str) -> bool:
    """Whether the namespace is deleted."""
    with suppress(NotFound):
        admin.request("GET", f"/api/v1/namespaces/{name}")
        return False
    return True
