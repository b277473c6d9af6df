"""`kubectl recordings bug-report`: what is in the file, and that no secret is."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recording_operator.cli.administration.bugreport.redaction import ReportRedaction
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import People, Person
from tests.kube.objects import a_recording, a_secret, set_status
from tests.support.canaries import check_no_secret
from tests.support.node_api import node, own_address, pod

pytestmark = pytest.mark.cluster

API = "/apis/recordings.dev/v1alpha1"
LABELS = {"app.kubernetes.io/part-of": "recording-operator"}
_PLACES = (
    *("user", "password", "query", "bare", "path", "fragment", "applied", "annotation", "status", "event", "log"),
    *(
        "previous-log",
        "header",
        "token",
        "metrics",
        "setting",
        "environment",
        "argument",
        "option",
        "pod-header",
        "sink-path",
    ),
    *("sink-query", "inline", "secret", "external"),
)
CANARIES = [f"c4n4ry-{place}" for place in _PLACES]
SECRET_URL = (
    "https://c4n4ry-user:c4n4ry-password@media.example.com/c4n4ry-path/v.mp4"
    "?X-Amz-Signature=c4n4ry-query&c4n4ry-bare#c4n4ry-fragment"
)


def zipped(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def reported(person: Person, folder: Path, *arguments: str) -> tuple[dict[str, str], str]:
    path = folder / "report.zip"
    done = person.run("bug-report", "--yes", "-o", str(path), *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    files = zipped(path)
    path.unlink()
    return {name.removeprefix("recordings-bug-report/"): text for name, text in files.items()}, done.stderr


def items(files: dict[str, str], path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files[path])["items"]
    return found


def objects_with_canaries(admin: RestClient, namespace: str) -> None:
    url = SECRET_URL.replace("c4n4ry-user:c4n4ry-password@", "").partition("#")[0]
    source = {"url": url}
    video = {"name": "video", "kind": "Video", "contentType": "video/mp4", "source": source}
    text = {"name": "notes", "kind": "Other", "contentType": "text/plain", "inline": "c4n4ry-inline"}
    applied = json.dumps({"spec": {"artifacts": [{"source": {"url": SECRET_URL}}], "note": "c4n4ry-applied"}})
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": applied,
        "example.com/webhook": "c4n4ry-annotation",
        "recordings.dev/provider-id": "bot-1",
    }
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"namespace": namespace, "name": "meeting", "annotations": annotations},
        "spec": {"title": "Board", "owner": {"org": "acme", "user": "jo"}, "artifacts": [video, text]},
    }
    stored = admin.request("POST", f"{API}/namespaces/{namespace}/recordings", body=body)
    message = f"GET {SECRET_URL} and password=c4n4ry-status failed for acme"
    set_status(admin, stored, {"phase": "Failed", "reason": "SourceNotFound", "message": message})
    sink = {
        "metadata": {"name": "chat"},
        "spec": {
            "uri": "https://hooks.example.com/services/c4n4ry-sink-path?key=c4n4ry-sink-query",
            "secretRef": {"name": "chat"},
            "events": ["Completed"],
        },
    }
    kind = {"apiVersion": "recordings.dev/v1alpha1", "kind": "EventSink"}
    admin.request("POST", f"{API}/namespaces/{namespace}/eventsinks", body={**kind, **sink})
    event = {
        "metadata": {"name": "meeting.1", "namespace": namespace},
        "involvedObject": {**kind, "kind": "Recording", "name": "meeting", "namespace": namespace},
        "reason": "SourceNotFound",
        "message": f"{SECRET_URL} token: c4n4ry-event",
        "type": "Warning",
    }
    admin.request("POST", f"/api/v1/namespaces/{namespace}/events", body=event)
    a_secret(admin, namespace, "chat", {"key": "c4n4ry-secret"})


def an_operator(admin: RestClient, namespace: str) -> dict[str, Any]:
    """A Deployment and its settings; returns the manifest of its pod."""
    container = {
        "name": "operator",
        "image": "example.com/op:1",
        "args": [
            "run",
            "--proxy=http://c4n4ry-user:c4n4ry-password@proxy:3128",
            "--api-token=c4n4ry-argument",
            "--password",
            "c4n4ry-option",
        ],
        "env": [
            {"name": "MOTTO", "value": "c4n4ry-environment"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "livenessProbe": {
            "httpGet": {"port": 8080, "httpHeaders": [{"name": "X-Motto", "value": "c4n4ry-pod-header"}]}
        },
    }
    spec = {"containers": [container], "automountServiceAccountToken": False}
    template = {"metadata": {"labels": LABELS, "annotations": {"vault": "c4n4ry-annotation"}}, "spec": spec}
    workload = {
        "metadata": {"name": "op", "labels": LABELS},
        "spec": {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template},
    }
    admin.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=workload)
    settings = "sourcePolicy:\n  userAgent: 'bot token=c4n4ry-setting'\n"
    config_map = {"metadata": {"name": "op-settings", "labels": LABELS}, "data": {"settings.yaml": settings}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body=config_map)
    metadata = {"name": "op-1", "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


LOG = f"""\
GET {SECRET_URL} failed
Authorization: Bearer c4n4ry-header
token=c4n4ry-token and c4n4ry-environment, c4n4ry-sink-path, c4n4ry-query, c4n4ry-annotation
password: c4n4ry-log of acme and Board by jo
"""


@pytest.fixture
def filled(admin: RestClient, namespace: str, tmp_path: Path) -> Iterator[None]:
    """A namespace with an operator and a Recording. Wherever a secret can be, there is one."""
    address = own_address()
    if address is None:
        pytest.skip("the API server proxies only to addresses that are not loopback")
    objects_with_canaries(admin, namespace)
    manifest = an_operator(admin, namespace)
    logs = {"operator": LOG, "operator.previous": "secret=c4n4ry-previous-log\nthe end\n"}
    metrics = 'recording_operator_info{url="https://h/?sig=c4n4ry-metrics"} 1\n'
    with (
        node(admin, tmp_path / "node", logs),
        pod(admin, manifest, address=address, pages={"/metrics": metrics}),
    ):
        yield
    # A check in another test would find it.
    admin.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/op")


@pytest.mark.usefixtures("filled")
def test_no_secret_is_in_the_file(people: People, namespace: str, tmp_path: Path) -> None:
    files, told = reported(people.admin, tmp_path, "--operator-namespace", namespace)
    check_no_secret([*files.items(), ("standard error", told)], secrets=CANARIES)
    assert set(files) == {
        *(f"objects/{kind}.json" for kind in ("recordings", "recordingsources", "eventsinks", "events")),
        *(f"objects/{kind}.json" for kind in ("storagelocations", "storagereports", "customresourcedefinitions")),
        *(f"operator/{name}.json" for name in ("deployments", "settings", "pods")),
        "operator/logs/op-1/operator.log",
        "operator/logs/op-1/operator.previous.log",
        "operator/metrics/op-1.txt",
        "versions.json",
        "check.json",
        "missing.txt",
    }
    for name in files:
        assert name in told
    # what remains is still of use
    recording = items(files, "objects/recordings.json")[0]
    assert recording["spec"]["artifacts"][0]["source"]["url"] == "https://media.example.com/[redacted]"
    assert recording["status"]["message"].startswith("GET https://media.example.com/[redacted]")
    assert recording["metadata"]["annotations"]["recordings.dev/provider-id"] == "bot-1"
    assert items(files, "objects/eventsinks.json")[0]["spec"]["secretRef"] == {"name": "chat"}
    assert "failed\n" in files["operator/logs/op-1/operator.log"]
    assert files["operator/logs/op-1/operator.previous.log"].endswith("the end\n")
    assert files["operator/metrics/op-1.txt"].startswith("recording_operator_info{")
    assert "acme" in files["operator/logs/op-1/operator.log"]


@pytest.mark.usefixtures("filled")
def test_names_are_replaced_on_request(people: People, namespace: str, tmp_path: Path) -> None:
    files, _ = reported(people.admin, tmp_path, "--operator-namespace", namespace, "--anonymize")
    check_no_secret(files.items(), secrets=[*CANARIES, "acme", "Board", '"jo"', " jo\n"])
    spec = items(files, "objects/recordings.json")[0]["spec"]
    assert spec["title"].startswith("title-")
    assert spec["owner"]["org"].startswith("org-")
    assert f"of {spec['owner']['org']} and {spec['title']}" in files["operator/logs/op-1/operator.log"]


def test_a_tenant_gets_what_it_may_see(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    objects_with_canaries(admin, namespace)
    files, told = reported(people.tenant, tmp_path)
    check_no_secret(files.items(), secrets=CANARIES)
    assert [one["metadata"]["name"] for one in items(files, "objects/recordings.json")] == ["meeting"]
    assert "objects/storagelocations.json: You may not list storagelocations." in files["missing.txt"]
    assert "left out: operator/: You may not list leases." in told


def test_only_some_recordings_are_in_it(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    for name, phase in (("done", "Complete"), ("failed", "Failed"), ("done-too", "Complete")):
        set_status(admin, a_recording(admin, namespace, name), {"phase": phase})
    files, _ = reported(people.tenant, tmp_path, "--recordings", "1")
    assert [one["metadata"]["name"] for one in items(files, "objects/recordings.json")] == ["failed"]
    assert "It contains 1 of 3 Recordings" in files["missing.txt"]


def test_nothing_is_written_without_a_confirmation(people: People, tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    unasked = people.tenant.run("bug-report", "-o", str(path))
    assert (unasked.returncode, path.exists()) == (2, False)
    assert "Write --yes." in unasked.stderr
    path.write_text("mine")
    taken = people.tenant.run("bug-report", "--yes", "-o", str(path))
    assert (taken.returncode, path.read_text()) == (1, "mine")
    assert "exists already" in taken.stderr


def test_a_role_and_a_content_are_no_ones_business() -> None:
    redaction = ReportRedaction(anonymize=False)
    manifest = {
        "spec": {
            "s3": {
                "bucket": "archive",
                "credentials": {"assumeRole": {"externalId": "c4n4ry-external"}},
                "endpoint": "https://c4n4ry-user:c4n4ry-password@s3.example.com",
            }
        },
        "status": {"message": "c4n4ry-external", "uri": "s3://archive/a/b"},
    }
    redaction.learn([manifest])
    shown = redaction.manifest(manifest)
    check_no_secret([("the object", json.dumps(shown))], secrets=CANARIES)
    assert shown["status"]["uri"] == "s3://archive/a/b"
    assert shown["spec"]["s3"]["bucket"] == "archive"
