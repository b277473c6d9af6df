"""The corpus in Secrets, through the whole operator: nobody is visited, and each file is refused for good."""

import json
from collections.abc import Callable
from pathlib import Path

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


def test_urls_from_secrets(
    cluster: ControlPlane,
    namespace: str,
    location: LocationFactory,
    operators: Callable[..., OperatorProcess],
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(_POLICY)
    with Canary() as canary:
        # Names that only a real resolver would answer are left out: tests ask none.
        hosts = [host for host in (*LOOPBACK_FORMS, *PRIVATE_FORMS, *METADATA_FORMS) if not _is_name(host)]
        urls = [f"http://{host}:{canary.port}/" for host in hosts]
        urls += [f"http://{authority.format(port=canary.port)}/" for authority in AUTHORITIES]
        operators(policy=policy).start()
        name = location(spec={"retry": {"delays": [], "refreshGrace": "0s"}})
        cluster.kubectl.apply(secrets_binding(namespace))
        groups = [urls[start : start + _MOST_ARTIFACTS] for start in range(0, len(urls), _MOST_ARTIFACTS)]
        for number, group in enumerate(groups):
            _create(cluster, namespace, f"corpus-{number}", location=name, urls=group)

        def ended() -> list[dict[str, str]] | None:
            items = cluster.kubectl.json("get", "recordings", f"--namespace={namespace}")["items"]
            artifacts = [one for item in items for one in (item.get("status") or {}).get("artifacts", [])]
            done = [one for one in artifacts if one.get("phase") == "Failed"]
            return done if len(done) == len(urls) else None

        failed = eventually(ended, within_s=120)
        assert canary.visits == 0
    reasons = {artifact["reason"] for artifact in failed}
    assert reasons <= {"SourceBlocked", "SourceInvalid", "SourceUnresolvable", "SecretNotUsable"}, reasons
    assert len({artifact["message"] for artifact in failed if artifact["reason"] == "SourceBlocked"}) == 1


def _is_name(host: str) -> bool:
    return host.strip(".[]").isascii() and any(letter in "ghijklmnopqrstuvwyz" for letter in host.lower())


def _create(cluster: ControlPlane, namespace: str, name: str, *, location: str, urls: list[str]) -> None:
    data = {f"url-{number}": url for number, url in enumerate(urls)}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": data,
    }
    artifacts = [
        {"name": f"a{number}", "kind": "Video", "source": {"urlSecretRef": {"name": name, "key": key}}}
        for number, key in enumerate(data)
    ]
    recording = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"storageLocation": location, "owner": {"org": "acme"}, "artifacts": artifacts},
    }
    for made in (secret, recording):
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(made))
