"""The address of the API server, and the messages if it cannot be determined."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from recording_operator.kube.connection import (
    FileToken,
    connection,
    from_service_account,
)
from recording_operator.kube.errors import ConnectionConfigError


def a_kubeconfig(folder: Path, **user: Any) -> Path:
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


def test_several_kubeconfigs_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    first = a_kubeconfig(tmp_path / "one", token="of-one")
    second = tmp_path / "second"
    second.write_text(
        yaml.safe_dump(
            {
                "current-context": "other",
                "clusters": [{"name": "d", "cluster": {"server": "https://second.example"}}],
                "users": [{"name": "u", "user": {"token": "hidden by the first file"}}],
                "contexts": [{"name": "other", "context": {"cluster": "d", "user": "u"}}],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path / "missing"), str(first), str(second)]))
    here, other = connection(), connection(context="other")
    assert (here.server, here.namespace) == ("https://api.example:6443", "team")
    assert (other.server, other.token.current()) == ("https://second.example", "of-one")


def test_certificates_in_a_kubeconfig_are_in_private_files(tmp_path: Path) -> None:
    pem = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    path = a_kubeconfig(tmp_path, **{"client-certificate-data": pem, "client-key": "keys/mine.pem"})
    found = connection(kubeconfig=path)
    assert found.cert_file is not None
    assert Path(found.cert_file).read_bytes() == b"-----BEGIN CERTIFICATE-----"
    assert Path(found.cert_file).parent.stat().st_mode & 0o077 == 0
    assert found.key_file == str(tmp_path / "keys" / "mine.pem")


def test_data_that_are_not_base64_are_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(ConnectionConfigError, match="client-key-data is not base64") as refusal:
        connection(kubeconfig=a_kubeconfig(tmp_path, **{"client-key-data": "c4n4ry!"}))
    assert "c4n4ry" not in str(refusal.value)


def test_a_user_who_acts_as_another(tmp_path: Path) -> None:
    found = connection(kubeconfig=a_kubeconfig(tmp_path, **{"token": "t", "as": "jane", "as-groups": ["a", "b"]}))
    assert found.impersonation == (("Impersonate-User", "jane"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))


def test_a_token_from_a_program(tmp_path: Path) -> None:
    program = tmp_path / "login"
    status = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "made"}}
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(status)}\nEND\n")
    program.chmod(0o755)
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    found = connection(kubeconfig=a_kubeconfig(tmp_path, exec=login))
    assert (found.server, found.namespace, found.token.current()) == ("https://api.example:6443", "team", "made")


def test_a_program_that_fails_is_one_line(tmp_path: Path) -> None:
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false", "interactiveMode": "Never"}
    with pytest.raises(ConnectionConfigError, match="cannot be used") as refusal:
        connection(kubeconfig=a_kubeconfig(tmp_path, exec=login)).token.current()
    assert "\n" not in str(refusal.value)


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
