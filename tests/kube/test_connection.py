"""The address of the API server, and the messages if it cannot be determined."""

from pathlib import Path

import pytest
import yaml

from recording_operator.kube.connection import (
    ConnectionConfigError,
    FileToken,
    connection,
    from_service_account,
)


def a_kubeconfig(folder: Path, **user: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443/"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}},
            {"name": "there", "context": {"cluster": "c", "user": "u"}},
        ],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_kubeconfig_and_its_contexts(tmp_path: Path) -> None:
    path = a_kubeconfig(tmp_path, token="c4n4ry")
    here = connection(kubeconfig=path)
    assert (here.server, here.namespace, here.token.current()) == ("https://api.example:6443", "team", "c4n4ry")
    assert connection(kubeconfig=path, context="there").namespace == "default"
    assert "c4n4ry" not in repr(here)


def test_a_token_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    token = connection(kubeconfig=a_kubeconfig(tmp_path, tokenFile="token")).token
    assert token.current() == "first"
    (tmp_path / "token").write_text("second")
    assert token.current() == "second"


def test_while_a_token_file_is_replaced_the_last_token_holds(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = FileToken(path)
    assert token.current() is None
    path.write_text("first")
    assert token.current() == "first"
    path.unlink()
    assert token.current() == "first"


def test_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("t")
    (tmp_path / "namespace").write_text("recording-operator")
    pod = from_service_account(tmp_path)
    assert (pod.server, pod.namespace) == ("https://[fd00::1]:443", "recording-operator")


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "kubeconfig"), ("{", "kubeconfig"), ("a: b", "kubeconfig"), ("apiVersion: v1\nkind: Config\n", "kubeconfig")],
)
def test_a_kubeconfig_that_is_none_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(ConnectionConfigError) as refusal:
        connection(kubeconfig=path)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_kubeconfig_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConnectionConfigError, match="cannot be used"):
        connection(kubeconfig=tmp_path / "none")


def test_a_context_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConnectionConfigError, match="elsewhere"):
        connection(kubeconfig=a_kubeconfig(tmp_path, token="t"), context="elsewhere")


def test_a_pod_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(ConnectionConfigError, match="automountServiceAccountToken"):
        from_service_account(tmp_path)
