"""`kubectl recordings create`, on a real API server, as three people. No operator runs."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import ControlPlane
from recording_operator.cli.recordings.writing import create_all
from recording_operator.kube.errors import AlreadyExists, ApiUnavailable
from recording_operator.kube.resources import Resources
from recording_operator.kube.rest import RestClient
from recording_operator.user_actions.drafting import OwnedSecretDraft
from tests.cli.conftest import People, Person
from tests.kube.objects import a_recording
from tests.support.canaries import check_no_secret, cluster_places
from tests.support.recordings import CANARY, path_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

URL = f"https://media.example.com/v.mp4?X-Amz-Date=20261130T100000Z&X-Amz-Expires=3600&X-Amz-Signature={CANARY}"
SHOWN = "https://media.example.com/v.mp4?[redacted]"


@pytest.fixture
def url_file(tmp_path: Path) -> str:
    path = tmp_path / "url.txt"
    path.write_text(f"{URL}\n")
    return f"@{path}"


def recordings(admin: RestClient, namespace: str) -> list[dict[str, Any]]:
    return list(admin.request("GET", path_of(namespace))["items"])


def secrets(admin: RestClient, namespace: str) -> list[dict[str, Any]]:
    return list(admin.request("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"])


def values_of(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_the_url_is_only_in_the_secret(
    people: People, admin: RestClient, namespace: str, cluster: ControlPlane, url_file: str
) -> None:
    done = people.tenant.run(
        "create", "weekly", "--org", "acme", "--user", "u-1", "--title", "Weekly", "--video", url_file,
        "--location", "archive", "--priority", "7", "--label", "team=sales",
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "recording.recordings.dev/weekly created\n"), done.stderr
    (recording,) = recordings(admin, namespace)
    spec = recording["spec"]
    assert (spec["owner"], spec["title"], spec["storageLocation"], spec["priority"], spec["suspend"]) == (
        {"org": "acme", "user": "u-1"}, "Weekly", "archive", 7, False,
    )  # fmt: skip
    source = {"urlSecretRef": {"name": "weekly", "key": "video"}, "expiresAt": "2026-11-30T11:00:00Z"}
    assert spec["artifacts"][0]["source"] == source
    assert recording["metadata"]["labels"] == {"team": "sales"}
    (secret,) = secrets(admin, namespace)
    assert values_of(secret) == {"video": URL}
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Recording", recording["metadata"]["uid"])
    check_no_secret([*cluster_places(cluster.kubectl), ("output", done.stdout + done.stderr)], secrets=[CANARY])


def test_from_standard_input_with_a_name_from_the_title(people: People, admin: RestClient, namespace: str) -> None:
    created = people.tenant.output(
        "create", "--org", "acme", "--title", "Réunion: été 2026!", "--video", "-", "-o", "name", stdin=URL
    )
    (recording,) = recordings(admin, namespace)
    assert created == f"recording.recordings.dev/{recording['metadata']['name']}\n"
    assert recording["metadata"]["name"].startswith("reunion-ete-2026-")
    assert values_of(secrets(admin, namespace)[0]) == {"video": URL}


def test_a_secret_of_another_origin_keeps_its_name(
    people: People, admin: RestClient, namespace: str, url_file: str
) -> None:
    other = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "weekly"}, "stringData": {"tls.key": "x"}}
    admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=other)
    (before,) = secrets(admin, namespace)

    people.tenant.output("create", "weekly", "--org", "acme", "--video", url_file)

    found = {one["metadata"]["name"]: one for one in secrets(admin, namespace)}
    assert found.pop("weekly") == before
    (name,) = found
    assert recordings(admin, namespace)[0]["spec"]["artifacts"][0]["source"]["urlSecretRef"]["name"] == name
    again = people.tenant.run("create", "weekly", "--org", "acme", "--video", url_file)
    assert (again.returncode, again.stdout) == (1, "")
    assert f"Recording {namespace}/weekly exists already. Choose another name." in again.stderr


def test_files_become_texts_or_secrets(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    small, large, audio = tmp_path / "a.vtt", tmp_path / "b.txt", tmp_path / "c.mp3"
    small.write_text("WEBVTT\n")
    large.write_text("x" * (16 * 1024 + 1))
    audio.write_bytes(b"ID3\xff")
    people.tenant.output(
        "create", "weekly", "--org", "acme", "--transcript", str(small), "--summary", str(large), "--audio", str(audio),
        "--artifact", "minutes=Other:object:archive/egress/m.txt",
    )  # fmt: skip
    artifacts = {one["name"]: one for one in recordings(admin, namespace)[0]["spec"]["artifacts"]}
    assert (artifacts["transcript"]["inline"], artifacts["transcript"]["contentType"]) == ("WEBVTT\n", "text/vtt")
    assert artifacts["summary"]["contentSecretRef"] == {"name": "weekly-content-summary", "key": "content"}
    assert artifacts["audio"]["contentSecretRef"]["name"] == "weekly-content-audio"
    assert artifacts["minutes"]["source"]["object"] == {"storageLocation": "archive", "key": "egress/m.txt"}
    assert {one["metadata"]["name"] for one in secrets(admin, namespace)} == {
        "weekly-content-summary",
        "weekly-content-audio",
    }

    people.tenant.output("create", "private", "--org", "acme", "--transcript", str(small), "--secret")
    private = next(one for one in recordings(admin, namespace) if one["metadata"]["name"] == "private")
    assert "inline" not in private["spec"]["artifacts"][0]


def test_a_file_that_is_too_large(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x" * (2**20 + 1))
    refused = people.tenant.run("create", "--org", "acme", "--video", str(film))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "has 1.0 MB, and a Secret holds at most 1 MiB" in refused.stderr
    assert "aws s3 cp film.mp4 s3://BUCKET/KEY" in refused.stderr
    assert recordings(admin, namespace) == []


@pytest.mark.parametrize("dry_run", ["client", "server"])
def test_a_dry_run_shows_no_signature(
    people: People, admin: RestClient, namespace: str, url_file: str, dry_run: str
) -> None:
    arguments = ("create", "weekly", "--org", "acme", "--video", url_file, "--dry-run", dry_run)
    secret, recording = yaml.safe_load_all(people.tenant.output(*arguments, "-o", "yaml"))
    assert (secret["kind"], secret["stringData"]) == ("Secret", {"video": SHOWN})
    assert (recording["kind"], recording["metadata"]["namespace"]) == ("Recording", namespace)
    assert recording["spec"]["artifacts"][0]["source"]["urlSecretRef"] == {"name": "weekly", "key": "video"}
    listed = json.loads(people.tenant.output(*arguments, "-o", "json"))
    assert [one["kind"] for one in listed["items"]] == ["Secret", "Recording"]
    in_spec = people.tenant.output(*arguments, "-o", "yaml", "--no-secret")
    assert CANARY not in in_spec
    assert SHOWN in in_spec
    whole = yaml.safe_load_all(people.tenant.output(*arguments, "-o", "yaml", "--show-secrets"))
    assert values_of(next(iter(whole))) == {"video": URL}
    suffix = {"client": "(dry run)", "server": "(server dry run)"}[dry_run]
    assert people.tenant.output(*arguments) == f"recording.recordings.dev/weekly created {suffix}\n"
    assert (recordings(admin, namespace), secrets(admin, namespace)) == ([], [])


def test_a_manifest_loses_its_url(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    kubectl_wrote = {"kubectl.kubernetes.io/last-applied-configuration": URL, "example.com/kept": "yes"}
    manifest = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": "weekly", "uid": "x", "resourceVersion": "1", "annotations": kubectl_wrote},
        "spec": {
            "owner": {"org": "acme"},
            "title": "Old",
            "artifacts": [
                {"name": "video", "kind": "Video", "source": {"url": URL, "size": 7}},
                {"name": "audio", "kind": "Audio", "source": {"object": {"storageLocation": "archive", "key": "a"}}},
            ],
        },
        "status": {"phase": "Complete"},
    }
    path = tmp_path / "weekly.yaml"
    text = yaml.safe_dump(manifest).replace("title: Old", "title: Old\n  ttlAfterFinished: 5h")
    path.write_text(text.replace("size: 7", "size: 7\n      expiresAt: 2026-12-01T00:00:00Z"))

    people.tenant.output("create", "--from-file", str(path), "--title", "New", "--summary", __file__)

    (recording,) = recordings(admin, namespace)
    assert recording["metadata"]["annotations"] == {"example.com/kept": "yes"}
    assert (recording["spec"]["title"], recording["spec"]["ttlAfterFinished"]) == ("New", "5h")
    video, audio, summary = recording["spec"]["artifacts"]
    expected = {"urlSecretRef": {"name": "weekly", "key": "video"}, "size": 7, "expiresAt": "2026-12-01T00:00:00Z"}
    assert (video["source"], audio["name"], "contentSecretRef" in summary or "inline" in summary) == (
        expected,
        "audio",
        True,
    )
    assert recording.get("status", {}).get("phase") == "Pending"
    assert {"video": URL} in [values_of(one) for one in secrets(admin, namespace)]


def test_what_a_viewer_lacks_is_named(people: People, admin: RestClient, namespace: str, url_file: str) -> None:
    refused = people.viewer.run("create", "weekly", "--org", "acme", "--video", url_file)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not create recordings in namespace {namespace}." in refused.stderr
    assert recordings(admin, namespace) == []


@pytest.fixture
def writer(cluster: ControlPlane, namespace: str, people: People) -> Person:
    """The viewer, who may also write Recordings, but no Secrets."""
    rbac = "rbac.authorization.k8s.io"
    cluster.kubectl.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": {"name": "recordings-only", "namespace": namespace},
            "rules": [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["*"]}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "recordings-only", "namespace": namespace},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "recordings-only"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": "viewer"}],
        },
    )
    viewer = cluster.kubectl_as(people.viewer.kubeconfig)
    may = ("auth", "can-i", "create", "recordings.recordings.dev", "-n", namespace)
    eventually(lambda: viewer.run(*may).returncode == 0)
    return people.viewer


def test_without_the_right_to_create_secrets_nothing_is_created(
    writer: Person, admin: RestClient, namespace: str, url_file: str
) -> None:
    arguments = ("create", "weekly", "--org", "acme", "--video", url_file)

    refused = writer.run(*arguments)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not create secrets in namespace {namespace}." in refused.stderr
    assert recordings(admin, namespace) == []
    writer.output(*arguments, "--no-secret")
    assert recordings(admin, namespace)[0]["spec"]["artifacts"][0]["source"]["url"] == URL


def test_without_the_right_to_finish_nothing_is_begun(
    writer: Person, admin: RestClient, namespace: str, cluster: ControlPlane, url_file: str
) -> None:
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["create", "get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    ]
    role = {"kind": "Role", "metadata": {"name": "recordings-only", "namespace": namespace}, "rules": rules}
    cluster.kubectl.apply({"apiVersion": f"{rbac}/v1", **role})
    viewer = cluster.kubectl_as(writer.kubeconfig)
    eventually(lambda: viewer.run("auth", "can-i", "create", "secrets", "-n", namespace).returncode == 0)

    refused = writer.run("create", "weekly", "--org", "acme", "--video", url_file)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not patch recordings in namespace {namespace}, which is needed" in refused.stderr
    assert recordings(admin, namespace) == []


def test_without_the_right_to_wait_nothing_is_created(
    writer: Person, admin: RestClient, namespace: str, cluster: ControlPlane
) -> None:
    rbac = "rbac.authorization.k8s.io"
    cluster.kubectl("delete", "rolebinding", "viewer", "-n", namespace)
    rules = [{"apiGroups": ["recordings.dev"], "resources": ["recordings"], "verbs": ["create", "get"]}]
    role = {"kind": "Role", "metadata": {"name": "recordings-only", "namespace": namespace}, "rules": rules}
    cluster.kubectl.apply({"apiVersion": f"{rbac}/v1", **role})
    viewer = cluster.kubectl_as(writer.kubeconfig)
    may = ("auth", "can-i", "watch", "recordings.recordings.dev", "-n", namespace)
    eventually(lambda: viewer.run(*may).returncode != 0)
    refused = writer.run("create", "weekly", "--org", "acme", "--video", "-", "--no-secret", "--wait", stdin=URL)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"You may not list recordings in namespace {namespace}, which is needed for --wait." in refused.stderr
    assert recordings(admin, namespace) == []


def test_what_the_api_server_rejects_is_said_without_the_value(
    people: People, admin: RestClient, namespace: str, url_file: str
) -> None:
    refused = people.tenant.run("create", "weekly", "--org", f" {CANARY} ", "--video", url_file)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "The API server rejects it. spec.owner.org: write 1 to 128 printable characters" in refused.stderr
    assert CANARY not in refused.stderr
    assert (recordings(admin, namespace), secrets(admin, namespace)) == ([], [])


def test_a_quota_without_room_for_the_secret_is_found_before_anything_is_created(
    people: People, admin: RestClient, namespace: str, cluster: ControlPlane, url_file: str
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": namespace},
        "spec": {"hard": {"count/secrets": "0"}},
    }
    cluster.kubectl.apply(quota)
    path = f"/api/v1/namespaces/{namespace}/resourcequotas/few"
    eventually(lambda: "used" in (admin.request("GET", path).get("status") or {}))

    refused = people.tenant.run("create", "weekly", "--org", "acme", "--video", url_file)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "exceeded quota" in refused.stderr
    assert (recordings(admin, namespace), secrets(admin, namespace)) == ([], [])


class InterruptedRest:
    """Something happens when the Secret is about to be created, after all checks."""

    def __init__(self, rest: RestClient, event: BaseException) -> None:
        self._rest = rest
        self._event = event

    def request(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        """Part of Rest."""
        if method == "POST" and path.endswith("/secrets"):
            raise self._event
        return self._rest.request(method, path, **rest)

    def stream(self, path: str, **rest: Any) -> Any:
        """Part of StreamingRest."""
        return self._rest.stream(path, **rest)


@pytest.mark.parametrize("event", [KeyboardInterrupt(), ApiUnavailable("no response"), AlreadyExists("a namesake")])
def test_what_happens_between_two_writes_leaves_nothing(
    admin: RestClient, namespace: str, capsys: pytest.CaptureFixture[str], event: BaseException
) -> None:
    recording = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": "weekly", "namespace": namespace},
        "spec": {
            "owner": {"org": "acme"},
            "artifacts": [
                {"name": "video", "kind": "Video", "source": {"urlSecretRef": {"name": "weekly", "key": "video"}}}
            ],
        },
    }
    secret = OwnedSecretDraft(name="weekly", data={"video": URL.encode()}, has_urls=True)
    with pytest.raises(type(event)):
        create_all(Resources(InterruptedRest(admin, event)), recording, [secret])
    assert (recordings(admin, namespace), secrets(admin, namespace)) == ([], [])
    assert f"Recording {namespace}/weekly was deleted again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Which file?"),
        (("--video", "https://x.example/v"), "Write --org"),
        (("--org", "a", "--video", "/not/there"), "/not/there does not exist"),
        (("--org", "a", "--video", "s3://bucket/key"), "object:LOCATION/KEY"),
        (("--org", "a", "--video", "-", "--audio", "-"), "only one URL"),
        (("--org", "a", "--artifact", "x=Film:y"), "NAME=KIND:SOURCE"),
        (("--org", "a", "--video", f"ftp://x.example/{CANARY}"), "not an absolute http or https URL"),
        (("--org", "a", "--video", "https://x.example/v", "--artifact", "video=Video:-"), "named twice"),
        (("--org", "a", "--video", "https://x.example/v", "--timeout", "5s"), "--timeout is for --wait"),
        (("--org", "a", "--video", "https://x.example/v", "--label", "x"), "KEY=VALUE"),
        (("--org", "a", "--from-file", "/not/there"), "cannot be read"),
    ],
)
def test_usage(people: People, arguments: tuple[str, ...], said: str) -> None:
    wrong = people.tenant.run("create", *arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in " ".join(wrong.stderr.split())
    assert CANARY not in wrong.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod", "is not a Recording"),
        ("a: [", "neither YAML nor JSON, line"),
        ("- 1", "manifest of one Recording"),
        ("apiVersion: recordings.dev/v1alpha1\nkind: Recording\nspec: {artifacts: [1]}", "spec.artifacts must be"),
        ("apiVersion: recordings.dev/v1alpha1\nkind: Recording\nspec: {owner: acme}", "spec.owner must be a mapping"),
    ],
)
def test_wrong_manifests(people: People, text: str, said: str) -> None:
    wrong = people.tenant.run("create", "--org", "a", "--from-file", "-", stdin=text)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in " ".join(wrong.stderr.split())


def test_an_existing_name_without_a_url(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    a_recording(admin, namespace, "weekly")
    (tmp_path / "s.txt").write_text("a summary")
    again = people.tenant.run("create", "weekly", "--org", "acme", "--summary", str(tmp_path / "s.txt"))
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already" in again.stderr
