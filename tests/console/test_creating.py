"""New Recordings over HTTP, on a real API server."""

import base64
import json
from typing import Any

import pytest

from recording_operator.kube.rest import RestClient
from tests.console.conftest import Visitors
from tests.console.running import Person, RunningConsole, grant
from tests.support.recordings import path_of

pytestmark = pytest.mark.cluster

SECRET = "c4n4ry"
URL = f"https://media.example.com/v.mp4?X-Amz-Signature={SECRET}"


def a_body(namespace: str, *, spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    artifacts = [{"name": "video", "kind": "Video", "source": {"url": URL}}]
    usual = {"storageLocation": "archive", "owner": {"org": "acme"}, "title": "Weekly sync", "artifacts": artifacts}
    return {"namespace": namespace, "name": "weekly", "spec": {**usual, **(spec or {})}, **fields}


def an_artifact(kind: str, url: Any) -> dict[str, Any]:
    return {"artifacts": [{"name": "video", "kind": kind, "source": {"url": url}}]}


def test_a_new_recording(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    reply = visitors.tenant.post("/recordings", a_body(namespace, labels={"team": "sales"}))
    assert reply.status == 201, reply.body
    found = reply.document
    assert (found["name"], found["title"], found["phase"], found["labels"]) == (
        "weekly",
        "Weekly sync",
        "Pending",
        {"team": "sales"},
    )
    assert reply.headers["location"] == f"/api/v1/recordings/{namespace}/weekly"
    stored = admin.request("GET", f"{path_of(namespace)}/weekly")
    assert stored["metadata"]["uid"] == found["uid"]
    assert SECRET.encode() not in reply.body

    again = visitors.tenant.post("/recordings", a_body(namespace))
    assert (again.status, again.detail) == (409, f"Recording {namespace}/weekly exists already.")


def test_urls_go_into_a_secret_that_belongs_to_the_recording(
    visitors: Visitors, admin: RestClient, namespace: str
) -> None:
    taken = {"metadata": {"name": "weekly"}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=taken)
    assert visitors.tenant.post("/recordings", a_body(namespace)).status == 201
    stored = admin.request("GET", f"{path_of(namespace)}/weekly")
    assert SECRET not in json.dumps(stored)
    assert not stored["spec"].get("suspend")
    named = stored["spec"]["artifacts"][0]["source"]["urlSecretRef"]
    secret = admin.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{named['name']}")
    assert base64.b64decode(secret["data"][named["key"]]).decode() == URL
    assert [one["uid"] for one in secret["metadata"]["ownerReferences"]] == [stored["metadata"]["uid"]]

    kept = a_body(namespace, name="open")
    assert visitors.tenant.post("/recordings?urlsInSpec=true", kept).status == 201
    assert admin.request("GET", f"{path_of(namespace)}/open")["spec"]["artifacts"][0]["source"]["url"] == URL


@pytest.mark.parametrize(
    "artifacts",
    [
        pytest.param(
            [
                {"name": "video", "kind": "Video", "source": {"url": URL}},
                {"name": "notes", "kind": "Other", "source": {"url": None, "upload": {"maxSize": "1Mi"}}},
            ],
            id="no url beside one",
        ),
        pytest.param(
            [{"name": "video", "kind": "Video", "source": {"url": URL, "urlSecretRef": None}}], id="no reference"
        ),
    ],
)
def test_a_null_leaves_no_url_in_the_spec(
    visitors: Visitors, admin: RestClient, namespace: str, artifacts: list[dict[str, Any]]
) -> None:
    reply = visitors.tenant.post("/recordings", a_body(namespace, spec={"artifacts": artifacts}))
    assert reply.status == 201, reply.body
    stored = admin.request("GET", f"{path_of(namespace)}/weekly")
    assert SECRET not in json.dumps(stored)
    assert stored["spec"]["artifacts"][0]["source"]["urlSecretRef"]["key"] == "video"


def test_without_the_right_to_create_secrets_nothing_is_created(
    running: RunningConsole, person: Person, admin: RestClient, namespace: str
) -> None:
    grant(admin, person, "create", "patch", "delete", namespace=namespace)
    refused = running.call("POST", "/api/v1/recordings", who=person, json=a_body(namespace))
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        f"You may not create secrets in namespace {namespace}.",
    )
    assert admin.request("GET", path_of(namespace))["items"] == []


def test_a_generated_name_and_a_dry_run(visitors: Visitors, admin: RestClient, namespace: str) -> None:
    body = a_body(namespace, generateName="weekly-")
    del body["name"]
    dry = visitors.tenant.post("/recordings?dryRun=true", body)
    assert (dry.status, "location" in dry.headers) == (201, False)
    assert admin.request("GET", path_of(namespace))["items"] == []
    name = visitors.tenant.post("/recordings", body).document["name"]
    assert name.startswith("weekly-")
    assert [one["metadata"]["name"] for one in admin.request("GET", path_of(namespace))["items"]] == [name]


def test_who_may_not(visitors: Visitors, namespace: str) -> None:
    refused = visitors.viewer.post("/recordings", a_body(namespace))
    assert (refused.status, refused.detail) == (403, f"You may not create recordings in namespace {namespace}.")
    assert visitors.tenant.post("/recordings", a_body("default")).status == 403
    assert visitors.nobody.post("/recordings", a_body(namespace)).status == 401
    missing = visitors.admin.post("/recordings", a_body("no-such-namespace"))
    assert missing.status == 404


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"priority": 5000}, "spec.priority"),
        ({"owner": {}}, "spec.owner.org"),
        (an_artifact("Film", URL), "spec.artifacts[0].kind"),
        (
            {"artifacts": [{"name": "video", "kind": "Video", "source": {"url": f"ftp://{SECRET}"}}]},
            "spec.artifacts[0]",
        ),
        ({"artifacts": [{"name": "video", "kind": "Video", "source": {"url": 7}}]}, "spec.artifacts[0].source.url"),
        ({"storageLocatoin": "x"}, "spec.storageLocatoin: unknown field"),
        ({"owner": {"org": "acme", "team": SECRET}}, "spec.owner.team: unknown field"),
    ],
)
def test_what_the_api_server_rejects(visitors: Visitors, namespace: str, spec: dict[str, Any], said: str) -> None:
    reply = visitors.tenant.post("/recordings", a_body(namespace, spec=spec))
    assert reply.status == 422
    assert said in " ".join(one["problem"] for one in reply.document["errors"])
    assert SECRET.encode() not in reply.body


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"generateName": "x"},
        {"name": "A_b"},
        {"namespace": "../kube-system"},
        {"spec": [SECRET]},
        {"kind": SECRET},
        {"labels": {"a": {"b": SECRET}}},
    ],
)
def test_bodies_that_are_none(visitors: Visitors, namespace: str, change: dict[str, Any]) -> None:
    reply = visitors.tenant.post("/recordings", {**a_body(namespace), **change})
    assert (reply.status, reply.detail) == (422, "The request is not valid.")
    assert SECRET.encode() not in reply.body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"spec": ' + b"[" * 5000])
def test_bodies_that_are_no_documents(visitors: Visitors, body: bytes) -> None:
    assert visitors.tenant.post("/recordings", body).status in (400, 422)
