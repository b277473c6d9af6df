"""`kubectl recordings sink list|test` and `source list`, on a real API server, with a real application."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import People, Person
from tests.kube.objects import a_secret
from tests.support.sinks import KEY, Reply, SinkServer
from tests.support.sinks import a_sink as an_application

pytestmark = pytest.mark.cluster

API = "/apis/recordings.dev/v1alpha1"


@pytest.fixture
def application() -> Iterator[SinkServer]:
    """Receives events."""
    with an_application() as server:
        yield server


@pytest.fixture
def settings(admin: RestClient, namespace: str) -> tuple[str, str]:
    """Settings of an operator in the test's namespace that allow the application. Returns the option that names it."""
    policy = {"sinkPolicy": {"schemes": ["http"], "ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"]}}
    metadata = {"name": "op-settings", "labels": {"app.kubernetes.io/part-of": "recording-operator"}}
    body = {"metadata": metadata, "data": {"settings.yaml": yaml.safe_dump(policy)}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body=body)
    return "--operator-namespace", namespace


def a_sink(admin: RestClient, namespace: str, uri: str, *, key: str = KEY) -> dict[str, Any]:
    a_secret(admin, namespace, "app", {"key": key})
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "EventSink",
        "metadata": {"name": "app", "namespace": namespace},
        "spec": {"uri": uri, "secretRef": {"name": "app"}, "events": ["Completed"]},
    }
    return admin.request("POST", f"{API}/namespaces/{namespace}/eventsinks", body=body)


def failure(person: Person, *arguments: str) -> str:
    done = person.run("sink", "test", "app", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()[-1].removeprefix("kubectl recordings: ")


def test_a_test_event_arrives_with_its_signature(
    people: People, admin: RestClient, namespace: str, application: SinkServer, settings: tuple[str, str]
) -> None:
    sink = a_sink(admin, namespace, application.url)
    done = people.tenant.run("sink", "test", "app", *settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("127.0.0.1 accepted the event dev.recordings.sink.test.v1, signed with 1 key.")
    (event,) = application.of_type("sink.test")
    assert event["id"].startswith(f"{sink['metadata']['uid']}/test/")
    assert event["source"] == f"{API}/namespaces/{namespace}/eventsinks/app"
    assert event["data"] == {
        "sink": "app",
        "namespace": namespace,
        "message": "This is a test of the EventSink. There is nothing to do.",
    }
    again = admin.request("GET", f"{API}/namespaces/{namespace}/eventsinks/app")
    assert again["metadata"]["resourceVersion"] == sink["metadata"]["resourceVersion"]


def test_why_an_event_is_not_accepted(
    people: People, admin: RestClient, namespace: str, application: SinkServer, settings: tuple[str, str]
) -> None:
    a_sink(admin, namespace, application.url)
    application.replies[:] = [Reply(status=500), Reply(status=410)]
    assert failure(people.tenant, *settings) == "SinkUnavailable: The receiver responded 500, expected 2xx."
    assert failure(people.tenant, *settings).startswith("SinkGone: The receiver responded 410 Gone")
    # a person who may not read the Secret
    assert failure(people.viewer, *settings) == "SecretNotFound: You may not read Secret 'app' in this namespace."
    # without the operator's settings, only public addresses are allowed
    admin.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/op-settings")
    sent = len(application.bodies)
    assert failure(people.tenant, *settings).startswith("SinkBlocked: ")
    assert len(application.bodies) == sent
    path = f"/api/v1/namespaces/{namespace}/secrets/app"
    admin.request("PATCH", path, body={"data": {"key": "bm90LWEta2V5"}}, content_type=MERGE_PATCH)
    assert failure(people.tenant, *settings).startswith("SecretNotUsable: Secret 'app': A value of the Secret is not")


def test_lists_have_the_columns_of_kubectl(people: People, admin: RestClient, namespace: str) -> None:
    stored = a_sink(admin, namespace, "https://app.example.com/hooks")
    ready = {"type": "Ready", "status": "True", "reason": "Delivering", "message": ""}
    status = {
        "conditions": [{**ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "delivered": 7,
        "pending": 1,
        "failed": 0,
    }
    path = f"{API}/namespaces/{namespace}/eventsinks/app/status"
    admin.request("PATCH", path, body={"status": status}, content_type=MERGE_PATCH)
    source = {
        "apiVersion": stored["apiVersion"],
        "kind": "RecordingSource",
        "metadata": {"name": "calls", "namespace": namespace},
        "spec": {
            "provider": "MeetingBaaS",
            "webhook": {"secretRef": {"name": "hook"}},
            "recording": {"owner": {"org": {"value": "acme"}}},
        },
    }
    admin.request("POST", f"{API}/namespaces/{namespace}/recordingsources", body=source)
    for person in (people.admin, people.tenant, people.viewer):
        headers, row = person.output("sink", "list").splitlines()
        assert headers.split() == ["NAME", "READY", "REASON", "DELIVERED", "PENDING", "FAILED", "LAST-DELIVERY", "AGE"]
        assert row.split()[:6] == ["app", "True", "Delivering", "7", "1", "0"]
        assert person.output("source", "list", "--no-headers").split()[:2] == ["calls", "MeetingBaaS"]
    assert people.viewer.output("sink", "list", "-o", "name") == "eventsink.recordings.dev/app\n"
    assert people.viewer.output("source", "list", "-o", "name") == "recordingsource.recordings.dev/calls\n"
    assert "Completed" in people.viewer.output("sink", "list", "-o", "wide")
    refused = people.viewer.run("sink", "list", "-A")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "You may not list eventsinks." in refused.stderr
