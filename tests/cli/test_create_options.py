"""What `kubectl recordings` says about its arguments, and what a dry run prints. Nothing is sent to an API server."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from recording_operator.cli import PLUGIN, plugin_command
from tests.support.recordings import CANARY

URL = f"https://media.example.com/v.mp4?X-Amz-Date=20261130T100000Z&X-Amz-Expires=3600&X-Amz-Signature={CANARY}"
_KUBECONFIG = """
current-context: a
clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: a, user: {token: none}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig of a server that does not exist."""
    (tmp_path / "kubeconfig").write_text(_KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def called(*arguments: str, stdin: str = URL) -> Result:
    return CliRunner().invoke(plugin_command, arguments, input=stdin, prog_name=PLUGIN)


def test_the_content_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(f"password {CANARY}, see https://x.example/a")
    arguments = ("create", "weekly", "--org", "acme", "--transcript", str(tmp_path / "t.txt"), "--secret")
    shown = called(*arguments, "--dry-run", "client", "-o", "yaml").stdout
    assert CANARY not in shown
    assert " bytes)" in shown


@pytest.mark.parametrize("secret", ["--secret", "--no-secret"])
def test_expires_at_overrides_the_manifest(secret: str) -> None:
    sources: dict[str, Any] = {
        "video": {"url": URL, "expiresAt": "2026-12-01T00:00:00Z"},
        "audio": {"urlSecretRef": {"name": "a", "key": "b"}},
        "stored": {"object": {"storageLocation": "archive", "key": "a"}},
    }
    manifest = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": "weekly"},
        "spec": {
            "owner": {"org": "acme"},
            "artifacts": [{"name": name, "kind": "Other", "source": source} for name, source in sources.items()],
        },
    }
    arguments = ("create", "--from-file", "-", "--dry-run", "client", "-o", "yaml", secret)
    shown = called(*arguments, "--expires-at", "2026-12-31T00:00:00Z", stdin=yaml.safe_dump(manifest)).stdout
    video, audio, stored = list(yaml.safe_load_all(shown))[-1]["spec"]["artifacts"]
    assert video["source"]["expiresAt"] == audio["source"]["expiresAt"] == "2026-12-31T00:00:00Z"
    assert "expiresAt" not in stored["source"]


SUSPENDED = f"""
apiVersion: recordings.dev/v1alpha1
kind: Recording
spec: {{owner: {{org: acme}}, suspend: true, artifacts: [{{name: video, kind: Video, source: {{url: "{URL}"}}}}]}}
"""


def test_nobody_waits_for_what_does_not_start() -> None:
    refused = called("create", "weekly", "--from-file", "-", "--wait", stdin=SUSPENDED)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "spec.suspend, so the Recording would not start" in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", URL),
        ("create", "weekly", URL),
        ("create", "weekly", "--org", "acme", "--video", URL.removeprefix("https://")),
        ("create", "weekly", "--org", "acme", "--video", f"@{URL}"),
        ("refresh-url", "weekly", URL, "-"),
        ("refresh-url", URL, "-"),
        ("presign", "weekly", URL),
        ("status", URL.removeprefix("https://")),
        (URL,),
    ],
)
def test_no_message_quotes_a_signature(arguments: tuple[str, ...]) -> None:
    wrong = called(*arguments)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert CANARY not in wrong.stderr


def test_an_owner_that_is_no_mapping() -> None:
    manifest = "apiVersion: recordings.dev/v1alpha1\nkind: Recording\nspec: {owner: acme}"
    wrong = called("create", "--org", "a", "--from-file", "-", stdin=manifest)
    assert wrong.exit_code == 2
    assert "spec.owner must be a mapping" in wrong.stderr
