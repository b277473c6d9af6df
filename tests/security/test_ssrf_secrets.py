"""The corpus with the whole operator, in specs and Secrets: no connection is made, and each file fails permanently."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcluster import ControlPlane, OperatorProcess
from localcluster.install import secrets_binding
from tests.conftest import LocationFactory
from tests.security.canary import Canary
from tests.security.corpus import AUTHORITIES, LOOPBACK_FORMS, METADATA_FORMS, PRIVATE_FORMS
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_MOST_ARTIFACTS = 64
_POLICY = """
sourcePolicy:
  schemes: [https, http]
  ports: []
  timeouts: {dns: 2s, connect: 2s}
lease: {duration: 6s, renew: 4s, retry: 1s}
"""


class Tenant:
    """A namespace, an operator with every port open to it, and the corpus."""

    def __init__(self, cluster: ControlPlane, namespace: str, *, location: str, port: int) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._location = location
        # Names that only a real resolver could resolve are left out: tests use none.
        hosts = [host for host in (*LOOPBACK_FORMS, *PRIVATE_FORMS, *METADATA_FORMS) if not _is_name(host)]
        self.urls = [f"http://{host}:{port}/" for host in hosts]
        self.urls += [f"http://{authority.format(port=port)}/" for authority in AUTHORITIES]

    def recording(self, name: str, sources: list[dict[str, Any]]) -> dict[str, Any]:
        """A Recording of these sources."""
        artifacts = [{"name": f"a{number}", "kind": "Video", "source": one} for number, one in enumerate(sources)]
        return {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "Recording",
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": {"storageLocation": self._location, "owner": {"org": "acme"}, "artifacts": artifacts},
        }

    def accepted(self) -> list[str]:
        """The URLs that the API server takes in a spec."""
        return [url for url in self.urls if self._create(self.recording("one", [{"url": url}]), "--dry-run=server")]

    def create_in_specs(self, urls: list[str]) -> None:
        """Recordings of these URLs."""
        for number, group in enumerate(_grouped(urls)):
            assert self._create(self.recording(f"corpus-{number}", [{"url": url} for url in group]))

    def create_in_secrets(self, urls: list[str]) -> None:
        """Recordings whose Secrets hold these URLs."""
        for number, group in enumerate(_grouped(urls)):
            name = f"corpus-{number}"
            metadata = {"name": name, "namespace": self._namespace}
            data = {f"url-{index}": url for index, url in enumerate(group)}
            assert self._create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
            sources = [{"urlSecretRef": {"name": name, "key": key}} for key in data]
            assert self._create(self.recording(name, sources))

    def failed(self, count: int) -> list[dict[str, str]]:
        """Wait until so many artifacts are Failed, and return them."""

        def ended() -> list[dict[str, str]] | None:
            items = self._cluster.kubectl.json("get", "recordings", f"--namespace={self._namespace}")["items"]
            artifacts = [one for item in items for one in (item.get("status") or {}).get("artifacts", [])]
            done = [one for one in artifacts if one.get("phase") == "Failed"]
            return done if len(done) == count else None

        return eventually(ended, within_s=180)

    def _create(self, made: dict[str, Any], *options: str) -> bool:
        return self._cluster.kubectl.run("create", *options, "-f", "-", stdin=json.dumps(made)).returncode == 0


@pytest.fixture
def tenant(
    cluster: ControlPlane,
    namespace: str,
    location: LocationFactory,
    operators: Callable[..., OperatorProcess],
    canary: Canary,
    tmp_path: Path,
) -> Tenant:
    policy = tmp_path / "policy.yaml"
    policy.write_text(_POLICY)
    operators(policy=policy).start()
    name = location(spec={"retry": {"delays": [], "refreshGrace": "0s"}})
    cluster.kubectl.apply(secrets_binding(namespace))
    return Tenant(cluster, namespace, location=name, port=canary.port)


def _judge(failed: list[dict[str, str]], canary: Canary) -> None:
    assert canary.visits == 0
    reasons = {artifact["reason"] for artifact in failed}
    assert reasons <= {"SourceBlocked", "SourceInvalid", "SourceUnresolvable", "SecretNotUsable"}, reasons
    assert len({artifact["message"] for artifact in failed if artifact["reason"] == "SourceBlocked"}) == 1


def test_urls_in_secrets(tenant: Tenant, canary: Canary) -> None:
    tenant.create_in_secrets(tenant.urls)
    _judge(tenant.failed(len(tenant.urls)), canary)


def test_urls_in_specs(tenant: Tenant, canary: Canary) -> None:
    """The API server rejects what is not a plain address. What it accepts, the operator rejects."""
    taken = tenant.accepted()
    assert 30 < len(taken) < len(tenant.urls) / 2
    hosts = [urlsplit(url).netloc for url in taken]
    assert [host for host in hosts if not host.isascii() or "@" in host or "0x" in host.lower()] == []
    tenant.create_in_specs(taken)
    _judge(tenant.failed(len(taken)), canary)


def _grouped(urls: list[str]) -> list[list[str]]:
    return [urls[start : start + _MOST_ARTIFACTS] for start in range(0, len(urls), _MOST_ARTIFACTS)]


def _is_name(host: str) -> bool:
    return host.strip(".[]").isascii() and any(letter in "ghijklmnopqrstuvwyz" for letter in host.lower())
