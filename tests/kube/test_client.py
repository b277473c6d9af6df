"""The operator's requests, with a real API server."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from localcluster import ControlPlane
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, secrets_binding
from localcluster.ports import free_port
from recording_operator.kube.client import UNFINISHED, KubeApi, SecretData
from recording_operator.kube.connection import Connection, NoToken, connection
from recording_operator.kube.errors import (
    ApiUnavailable,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooManyRequests,
    Unauthorized,
    error_from_response,
)
from recording_operator.kube.rest import RestClient
from tests.kube.objects import JsonObject, a_location, a_recording, a_secret, annotate, set_status
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


class Calls:
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []

    def api_responded(self, *, verb: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append((verb, outcome))


def test_the_time_of_the_server_is_noted(cluster: ControlPlane) -> None:
    server_times: list[datetime] = []
    client = RestClient(connection(kubeconfig=cluster.kubeconfig), on_server_time=server_times.append)
    before = datetime.now(UTC) - timedelta(seconds=1)  # the header has whole seconds
    client.request("GET", "/version")
    client.close()

    assert len(server_times) == 1
    assert before <= server_times[0] <= datetime.now(UTC)


def test_a_status_patch_removes_with_none_and_replaces_lists(api: KubeApi, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "r")
    artifacts = [{"name": "video", "phase": "Pending"}, {"name": "audio", "phase": "Pending"}]
    stored = set_status(admin, stored, {"phase": "Pending", "message": "waits", "artifacts": artifacts})

    patch = {"message": None, "phase": "Uploading", "artifacts": [{"name": "video", "phase": "Uploading"}]}
    version = stored["metadata"]["resourceVersion"]
    written = api.patch_recording_status(namespace, "r", resource_version=version, status=patch)

    assert "message" not in written["status"]
    assert [(one["name"], one["phase"]) for one in written["status"]["artifacts"]] == [("video", "Uploading")]
    assert api.get_recording(namespace, "r")["status"] == written["status"]


def test_k5_a_stale_status_patch_is_a_conflict_and_writes_nothing(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    stale = a_recording(admin, namespace, "r")
    annotate(admin, stale, "newer")

    with pytest.raises(Conflict):
        api.patch_recording_status(
            namespace, "r", resource_version=stale["metadata"]["resourceVersion"], status={"phase": "Uploading"}
        )

    assert api.get_recording(namespace, "r").get("status") == stale.get("status")


def test_one_of_eight_racing_claims_wins(api: KubeApi, admin: RestClient, namespace: str) -> None:
    for number in range(5):
        stored = a_recording(admin, namespace, f"r{number}")

        outcomes = race_for(api, stored, contenders=8)

        assert outcomes.count("conflict") == 7
        winner = next(outcome for outcome in outcomes if outcome != "conflict")
        assert api.get_recording(namespace, f"r{number}")["status"]["claim"]["holder"] == winner


def race_for(api: KubeApi, stored: JsonObject, *, contenders: int) -> list[str]:
    """Claim a Recording from as many threads at once; who won, and who met a conflict."""
    outcomes: list[str] = []
    barrier = threading.Barrier(contenders)
    metadata = stored["metadata"]

    def claim(holder: str) -> None:
        status = {"claim": {"holder": holder, "transitions": 1}}
        barrier.wait()
        try:
            api.patch_recording_status(
                metadata["namespace"], metadata["name"], resource_version=metadata["resourceVersion"], status=status
            )
            outcomes.append(holder)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=claim, args=(f"holder-{number}",)) for number in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_k11_deleting_by_the_uid_of_a_former_object_spares_the_new_one(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    former = a_recording(admin, namespace, "r")["metadata"]["uid"]
    api.delete_recording(namespace, "r", uid=former)
    new = a_recording(admin, namespace, "r")

    with pytest.raises(Conflict):
        api.delete_recording(namespace, "r", uid=former)
    with pytest.raises(Conflict):
        api.delete_recording(namespace, "r", uid=new["metadata"]["uid"], resource_version="1")

    assert api.get_recording(namespace, "r")["metadata"]["uid"] == new["metadata"]["uid"]
    api.delete_recording(
        namespace, "r", uid=new["metadata"]["uid"], resource_version=new["metadata"]["resourceVersion"]
    )
    with pytest.raises(NotFound):
        api.get_recording(namespace, "r")


def test_finalizers_are_replaced_only_in_the_state_that_was_seen(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    first = stored["metadata"]["resourceVersion"]
    held = api.patch_recording_finalizers(
        namespace, "r", resource_version=first, finalizers=["recordings.dev/delete-object"]
    )
    assert held["metadata"]["finalizers"] == ["recordings.dev/delete-object"]

    with pytest.raises(Conflict):
        api.patch_recording_finalizers(namespace, "r", resource_version=first, finalizers=[])

    freed = api.patch_recording_finalizers(
        namespace, "r", resource_version=held["metadata"]["resourceVersion"], finalizers=[]
    )
    assert "finalizers" not in freed["metadata"]


def test_lists_page_by_page_and_by_selector(api: KubeApi, admin: RestClient, namespace: str) -> None:
    for number in range(7):
        a_recording(admin, namespace, f"r{number}", phase="Complete" if number % 2 else None)

    everything = [item["metadata"]["name"] for item in api.list_recordings(namespace=namespace, page_size=2)]
    unfinished = api.list_recordings(namespace=namespace, page_size=2, field_selector=UNFINISHED)

    assert everything == [f"r{number}" for number in range(7)]
    assert [item["metadata"]["name"] for item in unfinished] == ["r0", "r2", "r4", "r6"]


def test_k3_a_list_whose_history_was_compacted_continues(rough_cluster: ControlPlane) -> None:
    calls = Calls()
    rest = RestClient(connection(kubeconfig=rough_cluster.kubeconfig), observer=calls)
    for number in range(4):
        a_recording(rest, "default", f"compacted-{number}")
    api = KubeApi(rest)

    pages = api.list_recordings(namespace="default", page_size=1)
    names = [next(pages)["metadata"]["name"]]
    revision = KubeApi(rest).get_recording("default", "compacted-0")
    annotate(rest, revision, "a later state")
    eventually(lambda: is_compacted(rest, revision), within_s=30, poll_s=0.3)
    names += [item["metadata"]["name"] for item in pages]

    assert names == [f"compacted-{number}" for number in range(4)]
    assert ("GET", "Gone") in calls.outcomes
    rest.close()


def is_compacted(rest: RestClient, stored: JsonObject) -> bool:
    """Whether the server forgot the state of the cluster at the object's last known version."""
    query: dict[str, str | int] = {
        "resourceVersion": stored["metadata"]["resourceVersion"],
        "resourceVersionMatch": "Exact",
        "limit": 1,
    }
    try:
        rest.request("GET", "/apis/recordings.dev/v1alpha1/recordings", query=query)
    except Gone:
        return True
    return False


def test_locations_and_their_status(api: KubeApi, admin: RestClient, namespace: str) -> None:
    stored = a_location(admin, namespace)
    try:
        status = {"observedGeneration": 1, "conditions": []}
        written = api.patch_location_status(
            namespace, resource_version=stored["metadata"]["resourceVersion"], status=status
        )
        assert written["status"]["observedGeneration"] == 1
        assert api.get_location(namespace)["status"] == written["status"]
        assert namespace in [item["metadata"]["name"] for item in api.list_locations(page_size=1)]
    finally:
        admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{namespace}")


def test_namespaces(api: KubeApi, admin: RestClient, namespace: str) -> None:
    assert api.namespace_labels(namespace)["kubernetes.io/metadata.name"] == namespace
    assert api.namespace_uid("kube-system") == KubeApi(admin).namespace_uid("kube-system")
    with pytest.raises(NotFound):
        api.namespace_labels("no-such-namespace")


def test_secrets_of_a_namespace_are_read_only_where_its_owner_lets_the_operator(
    api: KubeApi, cluster: ControlPlane, admin: RestClient, namespace: str
) -> None:
    a_secret(admin, namespace, "s", {"token": "c4n4ry-v4lue"})
    with pytest.raises(Forbidden):
        api.read_secret(namespace, "s")

    cluster.kubectl.apply(secrets_binding(namespace))
    secret = eventually(lambda: readable(api, namespace, "s"))

    assert secret.data["token"] == b"c4n4ry-v4lue"
    assert "c4n4ry" not in repr(secret)


def readable(api: KubeApi, namespace: str, name: str) -> SecretData | None:
    try:
        return api.read_secret(namespace, name)
    except Forbidden:
        return None


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_an_invalid_name_is_not_requested(api: KubeApi, namespace: str, name: str) -> None:
    with pytest.raises(Invalid):
        api.get_recording(namespace, name)


def test_an_invalid_status_is_reported_by_field_and_without_its_value(
    api: KubeApi, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    status = {"phase": "https://h.example/?sig=c4n4ry"}
    with pytest.raises(Invalid) as refusal:
        api.patch_recording_status(
            namespace, "r", resource_version=stored["metadata"]["resourceVersion"], status=status
        )
    assert "status.phase" in str(refusal.value)
    assert "c4n4ry" not in str(refusal.value)


@pytest.mark.parametrize(
    "message",
    [
        'Recording in version "v1alpha1" cannot be handled: json: "https://h.example/?sig=c4n4ry" is no number',
        "Recording.recordings.dev is invalid: spec.url: Invalid value: https://h.example/?sig=c4n4ry: write another",
        "cannot unmarshal https://h.example/?sig=c4n4ry into int",
    ],
)
def test_the_servers_message_is_reported_without_quoted_values(message: str) -> None:
    error = error_from_response(status=400, body={"message": message}, retry_after=None, request="PATCH /x")
    assert isinstance(error, Invalid)
    assert "c4n4ry" not in str(error)
    assert str(error).startswith("PATCH /x: 400 ")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    calls = Calls()
    nowhere = Connection(server=f"https://127.0.0.1:{free_port()}", namespace="default", token=NoToken())
    rest = RestClient(nowhere, observer=calls)
    with pytest.raises(ApiUnavailable):
        KubeApi(rest).get_recording("default", "r")
    assert calls.outcomes == [("GET", "ApiUnavailable")]
    rest.close()


def test_k1_a_frozen_server_is_given_up_in_time(rough_cluster: ControlPlane) -> None:
    rest = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    rest.request("GET", "/version")  # from here on there is a kept connection: no handshake to wait for
    rough_cluster.freeze_component("kube-apiserver")
    try:
        with pytest.raises(ApiUnavailable):
            rest.request("PATCH", "/api/v1/namespaces/default", body={}, read_timeout_s=0.5)
    finally:
        rough_cluster.thaw_component("kube-apiserver")
    assert rest.request("GET", "/api/v1/namespaces/default")["metadata"]["name"] == "default"
    rest.close()


@pytest.fixture
def token_kubeconfig(cluster: ControlPlane, tmp_path: Path) -> Path:
    """A kubeconfig that names a file with the token."""
    made = cluster.service_account_kubeconfig(
        namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=tmp_path / "made.kubeconfig"
    )
    config = yaml.safe_load(made.read_text())
    user = config["users"][0]["user"]
    (tmp_path / "token").write_text(user.pop("token") + "\n")
    user["tokenFile"] = "token"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_token_file_is_read_again_for_each_request(token_kubeconfig: Path) -> None:
    token_file = token_kubeconfig.parent / "token"
    token = token_file.read_text()
    rest = RestClient(connection(kubeconfig=token_kubeconfig))
    api = KubeApi(rest)
    assert api.namespace_uid("kube-system")

    token_file.write_text("not-a-token")
    with pytest.raises(Unauthorized):
        api.namespace_uid("kube-system")

    token_file.write_text(token)
    assert api.namespace_uid("kube-system")
    token_file.write_text("")  # while it is being replaced, the last one holds
    assert api.namespace_uid("kube-system")
    rest.close()


def test_k6_retry_after_is_read_from_the_header_or_the_body() -> None:
    by_header = error_from_response(status=429, body=None, retry_after="7", request="GET /x")
    by_body = error_from_response(
        status=429, body={"details": {"retryAfterSeconds": 3}}, retry_after="Wed, 21 Oct 2026", request="GET /x"
    )
    by_none = error_from_response(
        status=429, body={"message": "storage is reinitializing"}, retry_after=None, request=""
    )
    assert [error.retry_after_s for error in (by_header, by_body, by_none) if isinstance(error, TooManyRequests)] == [
        7.0,
        3.0,
        1.0,
    ]
