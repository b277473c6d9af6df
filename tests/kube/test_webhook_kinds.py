"""The operator's requests for RecordingSources and EventSinks, with a real API server."""

import pytest

from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import Conflict, NotFound
from recording_operator.kube.rest import RestClient
from tests.api.sink_cases import a_sink
from tests.api.source_cases import a_source
from tests.kube.objects import JsonObject

pytestmark = pytest.mark.cluster


def created(admin: RestClient, plural: str, namespace: str, manifest: JsonObject) -> JsonObject:
    """The object as stored."""
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/{plural}"
    return admin.request("POST", path, body=manifest)


def test_a_recording_source_is_read_and_listed_and_its_status_written(admin: RestClient, namespace: str) -> None:
    api = KubeApi(admin)  # the operator itself only reads them; the receiver writes
    stored = created(admin, "recordingsources", namespace, a_source())
    version = stored["metadata"]["resourceVersion"]

    written = api.patch_recording_source_status(namespace, "calls", resource_version=version, status={"accepted": 1})

    assert written["status"]["accepted"] == 1
    assert api.get_recording_source(namespace, "calls")["status"] == written["status"]
    assert [found["metadata"]["name"] for found in api.list_recording_sources(namespace=namespace)] == ["calls"]
    assert stored["metadata"]["uid"] in {found["metadata"]["uid"] for found in api.list_recording_sources()}
    with pytest.raises(Conflict):
        api.patch_recording_source_status(namespace, "calls", resource_version=version, status={"accepted": 2})
    with pytest.raises(NotFound):
        api.get_recording_source(namespace, "other")


def test_an_event_sink_is_read_and_listed_and_its_status_written(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    stored = created(admin, "eventsinks", namespace, a_sink())
    version = stored["metadata"]["resourceVersion"]

    written = api.patch_event_sink_status(namespace, "app", resource_version=version, status={"delivered": 1})

    assert written["status"]["delivered"] == 1
    assert api.get_event_sink(namespace, "app")["status"] == written["status"]
    assert [found["metadata"]["name"] for found in api.list_event_sinks(namespace=namespace)] == ["app"]
    assert stored["metadata"]["uid"] in {found["metadata"]["uid"] for found in api.list_event_sinks()}
    with pytest.raises(Conflict):
        api.patch_event_sink_status(namespace, "app", resource_version=version, status={"delivered": 2})
