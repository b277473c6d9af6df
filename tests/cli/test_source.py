"""`recording-operator source test`: the Recording of a delivery on standard output, or one line that says why not."""

import base64
import json
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from recording_operator.cli import main
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import People
from tests.cli.counted_world import ApiServer
from tests.support.deliveries import OTHER_SECRET, SVIX_SECRET, signed

URL = "https://artifacts.example.test/9b2d/video.mp4"
PAYLOAD: dict[str, Any] = {
    "event": "bot.completed",
    "data": {"bot_id": "bot-1", "video": f"{URL}?X-Amz-Signature=CANARY", "transcription": f"{URL}.json?sig=CANARY"},
    "extra": {"org_id": "acme"},
}
SPEC: dict[str, Any] = {
    "provider": "MeetingBaaS",
    "webhook": {"secretRef": {"name": "hook"}},
    "recording": {"storageLocation": "archive", "owner": {"org": {"from": "extra.org_id"}}},
}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "webhooks"
PATH = "/apis/recordings.dev/v1alpha1/namespaces/team-a/recordingsources/calls"


def manifest(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "RecordingSource",
        "metadata": {"name": "calls", "namespace": "team-a"},
        "spec": SPEC | spec,
    }


def run(*arguments: str, payload: dict[str, Any] | bytes = b"", source: dict[str, Any] | None = None) -> Result:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with TemporaryDirectory() as folder, chdir(folder):
        Path("source.yaml").write_text(yaml.safe_dump_all([{"kind": "Secret"}, source or manifest()]), encoding="utf-8")
        Path("event.json").write_bytes(body)
        return CliRunner().invoke(main, ["source", "test", *arguments, "--payload", "event.json"], prog_name="x")


def tried(payload: dict[str, Any] | bytes, **spec: Any) -> Result:
    result = run("-f", "source.yaml", payload=payload, source=manifest(**spec))
    assert "CANARY" not in result.output
    return result


def test_the_recording_and_its_secret_without_signatures_of_urls() -> None:
    result = tried(PAYLOAD)
    assert (result.exit_code, result.stderr) == (0, "")
    recording, secret = yaml.safe_load_all(result.stdout)
    assert recording["kind"] == "Recording"
    assert recording["metadata"]["namespace"] == "team-a"
    assert recording["metadata"]["name"].startswith("calls-")
    assert recording["spec"]["owner"] == {"org": "acme"}
    assert [artifact["name"] for artifact in recording["spec"]["artifacts"]] == ["video", "transcript"]
    assert secret["metadata"]["name"] == recording["spec"]["artifacts"][0]["source"]["urlSecretRef"]["name"]
    assert secret["stringData"]["video"] == f"{URL}?[redacted]"


def test_long_content_is_shortened() -> None:
    payload: dict[str, Any] = {
        "event": "complete",
        "data": {"bot_id": "b", "transcript": [{"text": "x" * 5000}]},
        "extra": PAYLOAD["extra"],
    }
    (recording,) = yaml.safe_load_all(tried(payload).stdout)
    assert recording["spec"]["artifacts"][0]["inline"].endswith("bytes)")
    payload["data"]["transcript"] = [{"text": "x" * 50_000}]
    _, secret = yaml.safe_load_all(tried(payload).stdout)
    assert secret["stringData"]["content"].startswith("[redacted] (50")


@pytest.mark.parametrize(
    ("payload", "spec", "message"),
    [
        (b"{", {}, "not JSON"),
        ({"event": "bot.status_change"}, {}, "(bot.status_change) brings no file"),
        ({**PAYLOAD, "extra": {}}, {}, "spec.recording.owner.org.from yields nothing"),
        (
            {"event": "bot.failed", "data": {"bot_id": "b", "error_code": "NO"}},
            {},
            "no recording (NO), and spec.failures",
        ),
        (
            PAYLOAD,
            {"recording": {"owner": {"org": {"from": "extra["}}}},
            "spec.recording.owner.org.from cannot be used",
        ),
        (PAYLOAD, {"recording": {"owner": {"org": {"value": "a"}}, "artifacts": ["Summary"]}}, "brings no file"),
        (PAYLOAD, {"provider": "Nobody's"}, "The RecordingSource cannot be read. Check spec.provider."),
    ],
)
def test_why_there_would_be_no_recording(payload: dict[str, Any] | bytes, spec: dict[str, Any], message: str) -> None:
    result = tried(payload, **spec)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_failure_that_is_recorded() -> None:
    failed = {"event": "bot.failed", "data": {"bot_id": "b", "error_code": "NO"}, "extra": {"org_id": "acme"}}
    (recording,) = yaml.safe_load_all(tried(failed, failures="Record").stdout)
    assert recording["spec"]["artifacts"][0]["source"]["provider"]["failure"] == "NO"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "NAME"),
        (("-f", "event.json"), "contains 0 RecordingSources"),
        (("other", "-f", "source.yaml"), "contains 0 RecordingSources other"),
        (("-f", "nothing.yaml"), "does not exist"),
    ],
)
def test_command_lines_that_are_not_valid(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments, payload=PAYLOAD)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_the_examples_of_sources_make_recordings_of_what_they_describe() -> None:
    files = [{"name": "video", "href": URL, "bytes": 1000}]
    call = {"type": "call.recorded", "call": {"id": "c-1", "subject": "Weekly sync"}, "files": files}
    payloads = {"generic": {**call, "customer": {"org": "acme"}}, "meetingbaas": PAYLOAD}
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(payloads)
    for name, payload in payloads.items():
        source = next(one for one in yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text()) if "spec" in one)
        recording = next(yaml.safe_load_all(run("-f", "source.yaml", payload=payload, source=source).stdout))
        assert recording["spec"]["owner"]["org"] == "acme"
        assert recording["spec"]["artifacts"][0]["name"] == "video"


def test_a_payload_that_is_too_large() -> None:
    result = run("-f", "source.yaml", payload=b" " * (2**20 + 1))
    assert (result.exit_code, "1 MiB" in result.stderr) == (2, True)


def in_cluster(tmp_path: Path, headers: dict[str, str] | None, **changed: Any) -> Result:
    """A trial with the RecordingSource and the Secret of an API server."""
    data = {name: base64.b64encode(value).decode() for name, value in {"old": OTHER_SECRET, "new": SVIX_SECRET}.items()}
    objects = {PATH: manifest(), "/api/v1/namespaces/team-a/secrets/hook": {"metadata": {"name": "hook"}, "data": data}}
    (tmp_path / "event.json").write_bytes(json.dumps(PAYLOAD).encode())
    arguments = ["source", "test", "calls", "-n", "team-a", "--payload", str(tmp_path / "event.json")]
    if headers is not None:
        lines = "\n".join(f"{name.title()}: {value}" for name, value in headers.items())
        (tmp_path / "headers.txt").write_text(f"{lines}\n\n")
        arguments += ["--headers", str(tmp_path / "headers.txt")]
    with ApiServer(objects | changed).kubeconfig(tmp_path) as kubeconfig:
        result = CliRunner().invoke(main, [*arguments, "--kubeconfig", str(kubeconfig)])
    assert "CANARY" not in result.output
    assert SVIX_SECRET.decode() not in result.output
    return result


def test_without_headers_the_signature_is_not_verified(tmp_path: Path) -> None:
    result = in_cluster(tmp_path, None)
    assert (result.exit_code, "kind: Recording\n" in result.stdout) == (0, True)
    assert "The signature is not verified" in result.stderr


def test_an_old_genuine_delivery_is_read_with_a_warning(tmp_path: Path) -> None:
    genuine = signed(json.dumps(PAYLOAD).encode(), family="svix")
    result = in_cluster(tmp_path, dict(genuine.headers))
    assert (result.exit_code, "kind: Recording\n" in result.stdout) == (0, True)
    assert "more than five minutes ago" in result.stderr


def test_a_delivery_that_is_not_genuine(tmp_path: Path) -> None:
    forged = signed(json.dumps(PAYLOAD).encode(), secret=b"whsec_" + b"QUFB" * 8)
    result = in_cluster(tmp_path, dict(forged.headers))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not match the payload and the Secret" in result.stderr


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({PATH: 404}, "RecordingSource team-a/calls does not exist"),
        ({PATH: 403}, "recordingsources"),
        ({"/api/v1/namespaces/team-a/secrets/hook": 404}, "Secret team-a/hook of spec.webhook does not exist"),
    ],
)
def test_what_the_cluster_lacks(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    result = in_cluster(tmp_path, dict(signed(b"").headers), **changed)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_headers_that_are_none(tmp_path: Path) -> None:
    result = in_cluster(tmp_path, {"not a header": "x"})
    assert (result.exit_code, "--headers: write Name: value" in result.stderr) == (2, True)


@pytest.mark.cluster
def test_it_can_act_as_another_user(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordingsources"
    admin.request("POST", path, body=manifest() | {"metadata": {"name": "calls"}})
    (tmp_path / "event.json").write_bytes(json.dumps(PAYLOAD).encode())
    arguments = ("source", "test", "calls", "-n", namespace, "--payload", str(tmp_path / "event.json"))
    assert "kind: Recording\n" in people.admin.output(*arguments)
    denied = people.admin.run(*arguments, "--as", "nobody", "--request-timeout", "20s")
    assert (denied.returncode, denied.stdout) == (1, "")
    assert "You may not get recordingsources" in denied.stderr
