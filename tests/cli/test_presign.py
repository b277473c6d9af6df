"""`recording-operator presign`: a URL of a stored artifact alone on standard output, or one line that says why not."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from recording_operator.checksums import crc64nvme
from recording_operator.cli import main
from tests.cli.counted_world import NAMESPACE, ApiServer, a_location, a_role, a_secret, sts_of
from tests.support.fake_sts import Refusal
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object, store_of

BODY: Final = b"the recording"
KEY: Final = "prod/acme/team/meeting/uid-1/video.mp4"
API: Final = "/apis/recordings.dev/v1alpha1"
CDN: Final = {"domain": "media.example.com", "keyPairId": "K2JCJMDEHXQW5F", "privateKeySecret": "cdn"}
PEM: Final = rsa.generate_private_key(65537, 2048).private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
)


def put(strict: StrictStore, **options: Any) -> str | None:
    """Store the object of the Recording. Returns its version."""
    store = store_of(strict, region="eu-west-2", **options)
    try:
        return store.put(an_object(key=KEY), BODY, crc64nvme=crc64nvme(BODY)).version_id
    finally:
        store.close()


def a_recording(version: str | None, **artifact: Any) -> dict[str, Any]:
    """A Recording with a stored video, and a transcript that is not stored."""
    video = {"name": "video", "phase": "Complete", "key": KEY, "versionId": version, **artifact}
    source = {"url": "https://example.com/x"}
    artifacts = [{"name": "video", "kind": "Video"}, {"name": "transcript", "kind": "Transcript"}]
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": "meeting", "namespace": "team", "uid": "uid-1", "resourceVersion": "1", "generation": 1},
        "spec": {
            "storageLocation": "archive",
            "owner": {"org": "acme"},
            "artifacts": [{**one, "source": source} for one in artifacts],
        },
        "status": {
            "phase": "Pending",
            "storageLocation": "archive",
            "bucket": "recordings",
            "artifacts": [video, {"name": "transcript", "phase": "Pending"}],
        },
    }


def presign(
    tmp_path: Path,
    *options: str,
    recording: dict[str, Any] | int,
    location: dict[str, Any] | int,
    secrets: Mapping[str, dict[str, Any] | int],
    artifact: str | None = "video",
    name: str = "team/meeting",
    context_namespace: str = NAMESPACE,
    usual: Mapping[str, dict[str, Any] | int] | None = None,
) -> Result:
    """Run the command with an API server that has these objects."""
    api = ApiServer(
        {
            f"{API}/namespaces/team/recordings/meeting": recording,
            f"{API}/storagelocations/archive": location,
            **secrets_in(context_namespace, secrets),
            **secrets_in(NAMESPACE, usual or {}),
        }
    )
    with api.kubeconfig(tmp_path, namespace=context_namespace) as kubeconfig:
        artifacts = [] if artifact is None else [artifact]
        return CliRunner().invoke(main, ["presign", name, *artifacts, f"--kubeconfig={kubeconfig}", *options])


def secrets_in(namespace: str, secrets: Mapping[str, dict[str, Any] | int]) -> dict[str, dict[str, Any] | int]:
    return {f"/api/v1/namespaces/{namespace}/secrets/{name}": secret for name, secret in secrets.items()}


def with_s3(strict: StrictStore, **s3: Any) -> dict[str, Any]:
    """The location with other fields of s3; None removes one."""
    location = a_location(strict)
    merged = {**location["spec"]["s3"], **s3}
    location["spec"]["s3"] = {name: value for name, value in merged.items() if value is not None}
    return location


def of_strict(tmp_path: Path, strict: StrictStore, *options: str, **given: Any) -> Result:
    """Run the command for the stored video, with the Secret of the location."""
    version = given.pop("version", None)
    about: dict[str, Any] = {
        "recording": given.pop("recording", None) or a_recording(version),
        "location": given.pop("location", None) or a_location(strict),
        "secrets": {"keys": a_secret(strict), **given.pop("secrets", {})},
    }
    return presign(tmp_path, *options, **about, **given)


def the_url(done: Result) -> str:
    """The only line of standard output."""
    assert done.exit_code == 0, done.stderr
    [line] = done.stdout.splitlines()
    return line


def refused(done: Result, *, status: int = 1) -> str:
    """The reason. Nothing is on standard output."""
    assert (done.exit_code, done.stdout) == (status, ""), done.output
    return " ".join(done.stderr.split())


def fetched(url: str) -> bytes:
    with urlopen(url) as response:
        return bytes(response.read())


def test_the_url_alone_is_printed_and_fetches_the_version(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    done = of_strict(tmp_path, strict, version=version)
    url = the_url(done)
    assert done.stderr == ""
    assert fetched(url) == BODY
    assert f"versionId={version}" in url
    assert "X-Amz-Expires=3599" in url or "X-Amz-Expires=3600" in url
    assert "%2Feu-west-2%2Fs3%2F" in url


def test_it_expires_when_it_is_told_to(strict: StrictStore, tmp_path: Path) -> None:
    url = the_url(of_strict(tmp_path, strict, "--expires=90s", version=put(strict)))
    assert fetched(url) == BODY
    strict.clock_offset = timedelta(seconds=95)
    with pytest.raises(OSError, match="403"):
        fetched(url)


def test_a_download_is_named_after_recording_and_artifact(strict: StrictStore, tmp_path: Path) -> None:
    url = the_url(of_strict(tmp_path, strict, "--download", version=put(strict)))
    with urlopen(url) as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="meeting-video.mp4"'


def test_without_a_secret_the_user_s_own_credentials_sign(
    strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = put(strict)
    location = with_s3(strict, credentials=None)
    missing = refused(of_strict(tmp_path, strict, version=version, location=location))
    assert "No usable AWS credentials were found" in missing
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
    assert fetched(the_url(of_strict(tmp_path, strict, version=version, location=location))) == BODY


@pytest.mark.parametrize("secret", ["keys", None])
def test_a_role_is_assumed_with_the_keys_of_its_secret_or_with_the_user_s_own(
    strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    version, own = put(strict), a_secret(strict)
    with sts_of(strict) as sts:
        sts.lifetime = timedelta(minutes=30)
        if secret is None:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
        location = with_s3(strict, credentials=a_role(sts, secret))
        done = of_strict(tmp_path, strict, version=version, location=location, secrets={"keys": own})
        assert fetched(the_url(done)) == BODY
        assert "the credentials expire then" in done.stderr

        sts.refusal = Refusal(code="AccessDenied")
        words = refused(of_strict(tmp_path, strict, version=version, location=location, secrets={"keys": own}))
        assert "STS does not permit these credentials to assume the location's role" in words
        assert words.count("operator") == 1, "the name of the program"


def test_a_session_token_is_a_warning(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    strict.session_token = "token"
    secret = a_secret(strict)
    secret["data"]["AWS_SESSION_TOKEN"] = base64.b64encode(b"token").decode()
    done = of_strict(tmp_path, strict, version=version, secrets={"keys": secret})
    assert fetched(the_url(done)) == BODY
    assert "in the location's Secret have a session token" in done.stderr


def test_another_address_of_the_store(strict: StrictStore, tmp_path: Path) -> None:
    location = with_s3(strict, endpoint="http://minio.internal:9000")
    done = of_strict(tmp_path, strict, f"--endpoint-url={strict.endpoint}", version=put(strict), location=location)
    assert fetched(the_url(done)) == BODY


def test_a_cdn_signs_instead_unless_it_is_switched_off(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    secret = {"metadata": {"name": "cdn"}, "data": {"privateKey": base64.b64encode(PEM).decode()}}
    given: dict[str, Any] = {"location": with_s3(strict, cdn=CDN), "secrets": {"cdn": secret}}
    url = the_url(of_strict(tmp_path, strict, version=version, **given))
    assert url.startswith(f"https://media.example.com/{KEY}?Expires=")
    assert url.endswith("&Key-Pair-Id=K2JCJMDEHXQW5F")
    assert fetched(the_url(of_strict(tmp_path, strict, "--no-cdn", version=version, **given))) == BODY


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (404, "Secret 'cdn' does not exist in the operator's namespace 'recording-operator'"),
        (403, "You may not read Secret 'cdn' in the operator's namespace"),
        ({"metadata": {"name": "cdn"}, "data": {}}, "Secret 'cdn' has no key privateKey"),
        ({"metadata": {"name": "cdn"}, "data": {"privateKey": "bm8="}}, "The private key of s3.cdn cannot be used"),
    ],
)
def test_a_cdn_s_secret_that_cannot_be_used(
    strict: StrictStore, tmp_path: Path, secret: dict[str, Any] | int, words: str
) -> None:
    location = with_s3(strict, cdn=CDN)
    done = of_strict(tmp_path, strict, version=put(strict), location=location, secrets={"cdn": secret})
    assert words in refused(done)


def test_an_archived_object_has_no_url(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict, storage_class="DEEP_ARCHIVE")
    assert "archived (DEEP_ARCHIVE) and must be restored" in refused(of_strict(tmp_path, strict, version=version))


def test_an_object_of_another_recording_has_no_url(strict: StrictStore, tmp_path: Path) -> None:
    recording = a_recording(put(strict))
    recording["metadata"]["uid"] = "uid-2"
    assert "does not belong to this Recording" in refused(of_strict(tmp_path, strict, recording=recording))


def test_a_removed_object_has_no_url(strict: StrictStore, tmp_path: Path) -> None:
    recording = a_recording("00000000000000000000000000000000")
    assert "no longer exists in the store" in refused(of_strict(tmp_path, strict, recording=recording))


def test_what_has_expired_has_no_url(strict: StrictStore, tmp_path: Path) -> None:
    recording = a_recording(put(strict), reason="Expired", message="The operator deleted it on 2026-11-29.")
    assert "Artifact video has expired. The operator deleted it on 2026-11-29." in refused(
        of_strict(tmp_path, strict, recording=recording)
    )


def test_what_is_not_stored_has_no_url(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    assert "Artifact transcript is not stored. kubectl describe recording meeting --namespace team" in refused(
        of_strict(tmp_path, strict, version=version, artifact="transcript")
    )
    assert "has no artifact audio. It has video, transcript." in refused(
        of_strict(tmp_path, strict, version=version, artifact="audio")
    )


def test_a_location_with_another_bucket_is_not_believed(strict: StrictStore, tmp_path: Path) -> None:
    recording = a_recording(put(strict))
    recording["status"]["bucket"] = "of-another-time"
    words = refused(of_strict(tmp_path, strict, recording=recording))
    assert "The object is in the bucket of-another-time" in words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"recording": 404}, "Recording team/meeting does not exist."),
        (
            {"recording": 403},
            "You may not get recordings meeting in namespace team. To check your rights: kubectl auth",
        ),
        ({"location": 404}, "StorageLocation archive does not exist any more."),
        ({"location": 403}, "You may not get storagelocations archive."),
        ({"recording": {"metadata": {}}}, "Its CRD has another version than this program."),
        ({"secrets": {"keys": 403}}, "You may not read Secret 'keys' in the operator's namespace"),
    ],
)
def test_what_the_api_server_refuses(strict: StrictStore, tmp_path: Path, given: dict[str, Any], words: str) -> None:
    assert words in refused(of_strict(tmp_path, strict, **{"version": put(strict), **given}))


def test_wrong_credentials_and_a_busy_store(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    wrong = {"keys": a_secret(strict, secret_key="wrong")}
    words = refused(of_strict(tmp_path, strict, version=version, secrets=wrong))
    assert "credentials" in words
    strict.fault(Fault(operation="HeadObject", action=ErrorResponse(status=503, code="SlowDown"), times=99))
    refused(of_strict(tmp_path, strict, version=version), status=75)


def test_the_artifact_may_be_left_out_if_there_is_one_video(strict: StrictStore, tmp_path: Path) -> None:
    recording = a_recording(put(strict))
    assert fetched(the_url(of_strict(tmp_path, strict, recording=recording, artifact=None))) == BODY
    recording["spec"]["artifacts"][1]["kind"] = "Video"
    words = refused(of_strict(tmp_path, strict, recording=recording, artifact=None), status=2)
    assert "Recording team/meeting has video, transcript. Name one of them." in words


def test_the_namespace_may_be_that_of_an_option(strict: StrictStore, tmp_path: Path) -> None:
    version = put(strict)
    assert fetched(the_url(of_strict(tmp_path, strict, "-n", "team", version=version, name="meeting"))) == BODY
    words = refused(of_strict(tmp_path, strict, version=version, name="meeting"))
    assert f"Recording {NAMESPACE}/meeting does not exist." in words
    assert "Write NAME or NAMESPACE/NAME" in refused(
        of_strict(tmp_path, strict, version=version, name="a/b/c"), status=2
    )


def test_a_document_for_programs(strict: StrictStore, tmp_path: Path) -> None:
    done = of_strict(tmp_path, strict, "-o", "json", version=put(strict))
    document = json.loads(done.stdout)
    assert fetched(document.pop("url")) == BODY
    expires = datetime.fromisoformat(document.pop("expiresAt"))
    assert timedelta(minutes=59) < expires - datetime.now(UTC) < timedelta(minutes=61)
    assert document == {"namespace": "team", "recording": "meeting", "artifact": "video", "notes": []}


def test_the_url_is_opened_in_the_browser_and_not_printed(
    strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setattr("webbrowser._tryorder", None)  # it is read from the environment once in a process
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    version = put(strict)
    done = of_strict(tmp_path, strict, "--open", version=version)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Artifact video is open in the browser." in done.stderr
    assert fetched(opened.read_text()) == BODY

    monkeypatch.setattr("webbrowser._tryorder", [])
    words = refused(of_strict(tmp_path, strict, "--open", version=version))
    assert "No browser could be opened." in words
    assert "http" not in words


def test_the_secret_may_be_in_the_usual_namespace_of_the_operator(strict: StrictStore, tmp_path: Path) -> None:
    about: dict[str, Any] = {"recording": a_recording(put(strict)), "location": a_location(strict)}
    of_context: dict[str, Any] = {
        "secrets": {"keys": 404},
        "usual": {"keys": a_secret(strict)},
        "context_namespace": "team",
    }
    assert fetched(the_url(presign(tmp_path, **about, **of_context))) == BODY
    denied: dict[str, Any] = {"secrets": {"keys": 404}, "usual": {"keys": 403}, "context_namespace": "team"}
    words = refused(presign(tmp_path, **about, **denied))
    assert "You may not read Secret 'keys' in the operator's namespace 'recording-operator'." in words
    assert "To check your rights: kubectl auth can-i get secrets/keys -n recording-operator." in words
    assert "--own-credentials" in words


def test_own_credentials_instead_of_those_of_a_secret_that_one_may_not_read(
    strict: StrictStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
    done = of_strict(tmp_path, strict, "--own-credentials", version=put(strict), secrets={"keys": 403})
    assert fetched(the_url(done)) == BODY


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'NAME'"),
        (["team/meeting", "video", "--open", "-o", "json"], "--open prints no URL"),
        (["team/meeting", "video", "--expires=8d"], "--expires: write a duration such as"),
        (["team/meeting", "video", "--expires=169h"], "from 1s to 168h"),
        (["team/meeting", "video", "--expires=0s"], "from 1s to 168h"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: list[str], words: str) -> None:
    assert words in refused(CliRunner().invoke(main, ["presign", *arguments]), status=2)
