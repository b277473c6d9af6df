"""retry, cancel, suspend, resume and deletion over HTTP, on a real API server."""

from typing import Any

import pytest

from recording_operator.console.api.controls import document_of_stored
from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import RestClient
from tests.console.conftest import Visitors
from tests.kube.objects import a_recording, set_status
from tests.support.recordings import path_of

pytestmark = pytest.mark.cluster

COMPLETE: dict[str, Any] = {"phase": "Complete", "reason": "Stored", "storageLocation": "archive", "artifacts": []}


def spec_of(admin: RestClient, namespace: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = admin.request("GET", f"{path_of(namespace)}/{name}")["spec"]
    return spec


def test_each_control_once_and_again(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    uid = a_recording(admin, namespace, "weekly")["metadata"]["uid"]
    at = f"/recordings/{namespace}/weekly"

    def conflict(control: str) -> str:
        reply = visitors.tenant.post(f"{at}/{control}")
        assert reply.status == 409
        return reply.detail

    done = visitors.tenant.post(f"{at}/suspend").document
    assert (done["uid"], done["suspended"], done["inCluster"]) == (uid, True, True)
    assert conflict("suspend") == "It is suspended already."
    assert visitors.tenant.post(f"{at}/resume").document["suspended"] is False
    assert conflict("resume") == "It is not suspended."
    assert visitors.tenant.post(f"{at}/cancel").document["cancelled"] is True
    assert conflict("cancel") == "It is cancelled already."
    assert conflict("resume") == "It is not suspended. It was cancelled; retry starts it again."

    assert visitors.tenant.post(f"{at}/retry").document["cancelled"] is False
    assert spec_of(admin, namespace, "weekly")["retryToken"].startswith("console-")


def test_nothing_is_left_to_do_with_a_stored_recording(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    set_status(admin, a_recording(admin, namespace, "stored"), COMPLETE)
    said = {
        "retry": "It is Complete, so there is nothing to retry.",
        "cancel": "It is Complete, so there is no upload to cancel.",
        "suspend": "It is Complete, so there is no upload to pause.",
    }
    for control, sentence in said.items():
        reply = visitors.tenant.post(f"/recordings/{namespace}/stored/{control}")
        assert (reply.status, reply.detail) == (409, sentence)


def test_a_dry_run_and_a_namesake_change_nothing(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "weekly")
    at = f"/recordings/{namespace}/weekly"
    assert visitors.tenant.post(f"{at}/suspend?dryRun=true").document["suspended"] is True
    other = visitors.tenant.post(f"{at}/suspend?uid=another")
    assert (other.status, other.detail) == (
        409,
        f"Recording {namespace}/weekly has another uid: it was created again.",
    )
    assert visitors.tenant.call("DELETE", f"{at}?uid=another").status == 409
    assert admin.request("GET", f"{path_of(namespace)}/weekly") == stored


def test_deletion(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    uid = a_recording(admin, namespace, "weekly")["metadata"]["uid"]
    done = visitors.tenant.call("DELETE", f"/recordings/{namespace}/weekly?uid={uid}")
    assert (done.status, done.document["uid"]) == (202, uid)
    with pytest.raises(NotFound):
        admin.request("GET", f"{path_of(namespace)}/weekly")
    again = visitors.tenant.call("DELETE", f"/recordings/{namespace}/weekly")
    assert (again.status, again.detail) == (404, f"Recording {namespace}/weekly does not exist.")


@pytest.mark.parametrize(
    ("method", "action", "right"),
    [
        ("POST", "/retry", "patch"),
        ("POST", "/cancel", "patch"),
        ("POST", "/suspend", "patch"),
        ("DELETE", "", "delete"),
    ],
)
def test_who_may_not(
    visitors: Visitors, admin: RestClient, namespace: str, method: str, action: str, right: str
) -> None:
    stored = a_recording(admin, namespace, "weekly")
    at = f"/recordings/{namespace}/weekly{action}"
    refused = visitors.viewer.call(method, at)
    assert refused.status == 403
    assert refused.detail == f"You may not {right} recordings weekly in namespace {namespace}."
    nobody = visitors.nobody.call(method, at)
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, "Bearer")
    elsewhere = visitors.tenant.call(method, f"/recordings/default/weekly{action}")
    assert elsewhere.status == 403
    assert "get recordings weekly in namespace default" in elsewhere.detail
    assert admin.request("GET", f"{path_of(namespace)}/weekly") == stored


@pytest.mark.parametrize(
    "path", ["/recordings/A_B/weekly/retry", "/recordings/team/%00/retry", "/recordings/t/-/cancel"]
)
def test_names_that_nothing_has(visitors: Visitors, path: str) -> None:
    reply = visitors.tenant.post(path)
    assert (reply.status, reply.detail) == (422, "The request is not valid.")


def test_no_get_changes_anything(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "weekly")
    for action in ("retry", "cancel", "suspend", "resume"):
        assert visitors.tenant.get(f"/recordings/{namespace}/weekly/{action}").status == 405
    assert admin.request("GET", f"{path_of(namespace)}/weekly") == stored


def test_a_change_of_a_recording_that_cannot_be_read_has_its_name() -> None:
    """Its CRD has another version than the console. The change was made all the same."""
    metadata = {"namespace": "team-a", "name": "weekly", "uid": "the-uid", "creationTimestamp": "2026-11-30T12:00:00Z"}
    document = document_of_stored({"metadata": metadata, "spec": {"owner": 7}, "status": {"phase": "New"}})
    assert (document.namespace, document.name, document.uid) == ("team-a", "weekly", "the-uid")
