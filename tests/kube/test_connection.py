"""The address of the API server, and the messages if it cannot be determined."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from recording_operator.kube.connection import (
    FileToken,
    connection,
    from_service_account,
    process_connection,
)
from recording_operator.kube.errors import ConnectionConfigError
from recording_operator.kube.rest import RestClient


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


def test_keys_in_a_kubeconfig_are_in_files_only_while_they_are_read(tmp_path: Path) -> None:
    data = "LS0tLS1CRUdJTiBD\n  RVJUSUZJQ0FURS0tLS0t\n"
    found = connection(kubeconfig=a_kubeconfig(tmp_path, **{"client-certificate-data": data, "client-key": "mine.pem"}))
    with found.certificate.as_file() as name:
        assert name is not None
        assert Path(name).read_bytes() == b"-----BEGIN CERTIFICATE-----"
        assert Path(name).stat().st_mode & 0o077 == 0
    assert not Path(name).exists()
    assert found.key.file == str(tmp_path / "mine.pem")
    with pytest.raises(ConnectionConfigError, match=r"certificates for https://api\.example:6443 cannot be used"):
        RestClient(found)


def test_in_a_pod_a_person_has_their_own_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(ConnectionConfigError, match="automountServiceAccountToken"):
        connection()
    with pytest.raises(ConnectionConfigError, match="kubeconfig"):
        connection(context="here")
    (tmp_path / ".kube").mkdir()
    a_kubeconfig(tmp_path, token="mine").rename(tmp_path / ".kube" / "config")
    assert connection().server == connection(context="there").server == "https://api.example:6443"
    with pytest.raises(ConnectionConfigError, match="automountServiceAccountToken"):
        process_connection()


def test_the_proxy_of_the_environment_is_for_persons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_kubeconfig(tmp_path, token="mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://other.example:3128")
    monkeypatch.setenv("NO_PROXY", "other.example")
    monkeypatch.setenv("no_proxy", "api.example")
    assert connection(kubeconfig=path).proxy == "http://proxy.example:3128"
    assert process_connection(kubeconfig=path).proxy is None
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert connection(kubeconfig=path).proxy is None
    monkeypatch.delenv("NO_PROXY")
    assert connection(kubeconfig=path).proxy is None
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("HTTPS_PROXY")
    assert connection(kubeconfig=path).proxy == "http://other.example:3128"
    path.write_text(path.read_text().replace("api.example:6443", "127.0.0.1:6443"))
    assert connection(kubeconfig=path).proxy is None


def test_an_empty_kubeconfig_beside_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").write_text("")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path / "empty"), str(a_kubeconfig(tmp_path, token="t"))]))
    assert connection().namespace == "team"


@pytest.mark.parametrize("user", [{"client-key-data": "ä"}, {"as-uid": "7"}, {"client-certificate-data": "c4n4ry!"}])
def test_a_user_that_cannot_be_used_is_one_line(tmp_path: Path, user: dict[str, str]) -> None:
    with pytest.raises(ConnectionConfigError, match="cannot be used") as refusal:
        connection(kubeconfig=a_kubeconfig(tmp_path, **user))
    assert "c4n4ry" not in str(refusal.value)


def test_a_proxy_that_is_not_http(tmp_path: Path) -> None:
    found = connection(kubeconfig=a_kubeconfig(tmp_path, token="t"))
    with pytest.raises(ConnectionConfigError, match="not an http or https URL"):
        RestClient(replace(found, proxy="socks5://proxy.example"))


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
    [
        ("", "kubeconfig"),
        ("contexts: 5", "kubeconfig"),
        ("{", "kubeconfig"),
        ("a: b", "kubeconfig"),
        ("apiVersion: v1\nkind: Config\n", "kubeconfig"),
    ],
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
