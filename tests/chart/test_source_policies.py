"""Admission policies for RecordingSources and EventSinks: which Secrets and locations their authors may name."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from tests.chart.cluster import create_as, forget, recording
from tests.chart.helm import Object
from tests.chart.test_policies import grant, tenant  # noqa: F401 - a fixture
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_API = "recordings.dev/v1alpha1"


def _source(name: str, *, webhook: str = "mine", api: Object | None = None, location: str = "archive") -> Object:
    spec: Object = {
        "provider": "MeetingBaaS",
        "webhook": {"secretRef": {"name": webhook}},
        "recording": {"storageLocation": location, "owner": {"org": {"value": "acme"}}},
    }
    return {
        "apiVersion": _API,
        "kind": "RecordingSource",
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": {**spec, **({"api": api} if api else {})},
    }


def _sink(name: str, *, secret: str) -> Object:
    return {
        "apiVersion": _API,
        "kind": "EventSink",
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": {"uri": "https://app.example.com/", "secretRef": {"name": secret}, "events": ["Completed"]},
    }


@pytest.fixture
def create(tenant: Path, bare_cluster: ControlPlane) -> Any:  # noqa: F811 - a fixture
    """Create an object as the tenant, once the API server has compiled the policies; return kubectl's output."""
    for object_ in (_source("probe", webhook="theirs", location="closed"), _sink("probe", secret="theirs")):
        for _ in range(2):

            def refused(bad: Object = object_) -> bool:
                status, said = create_as(bare_cluster, tenant, bad)
                if status == 0:
                    kind = bad["kind"].lower()
                    bare_cluster.kubectl("delete", kind, "probe", "--namespace=team-a")
                return "may not" in said

            eventually(refused)
    return lambda *objects, **options: create_as(bare_cluster, tenant, *objects, **options)[1]


def test_a_source_may_name_what_its_author_may_read_and_use(create: Any) -> None:
    assert "created" in create(_source("own", api={"secretRef": {"name": "mine"}}))
    assert "You may not read the Secret theirs, which spec.webhook.secretRef names" in create(
        _source("webhook", webhook="theirs")
    )
    assert "You may not read the Secret theirs, which spec.api.secretRef names" in create(
        _source("api", api={"secretRef": {"name": "theirs"}})
    )
    assert "The namespace team-a may not use the StorageLocation closed" in create(_source("place", location="closed"))


def test_the_key_of_an_api_is_not_sent_to_another_endpoint_by_those_who_may_not_read_it(
    create: Any,  # noqa: ARG001 - the policies are compiled then
    tenant: Path,  # noqa: F811 - a fixture
    bare_cluster: ControlPlane,
) -> None:
    """An administrator wrote the source. The tenant may suspend it, and not redirect its key."""
    of_admin = _source("shared", webhook="theirs", api={"secretRef": {"name": "theirs"}})
    bare_cluster.kubectl("create", "-f", "-", stdin=json.dumps(of_admin))
    theirs = bare_cluster.kubectl_as(tenant)
    patch = ("patch", "recordingsource", "shared", "--namespace=team-a", "--type=merge")
    theirs(*patch, '--patch={"spec":{"suspend":true}}')
    stolen = theirs.run(*patch, '--patch={"spec":{"api":{"endpoint":"https://attacker.example.com"}}}')
    assert "You may not read the Secret theirs, which spec.api.secretRef names" in stolen.stderr


def test_a_sink_may_name_secrets_that_its_author_may_read(create: Any) -> None:
    assert "created" in create(_sink("own", secret="mine"))
    assert "You may not read the Secret theirs, which spec.secretRef names" in create(_sink("theirs", secret="theirs"))


def test_content_in_a_secret_counts_as_a_secret(create: Any, bare_cluster: ControlPlane) -> None:
    def with_content(name: str, secret: str) -> Object:
        content = {"name": "text", "kind": "Transcript", "contentSecretRef": {"name": secret, "key": "text"}}
        return recording(name, namespace="team-a", spec={"artifacts": [content]})

    assert "created" in create(with_content("read", "mine"))
    eventually(
        lambda: (
            "You may not read the Secret theirs" in create(with_content("unread", "theirs"))
            or forget(bare_cluster, "unread")
        )
    )


def test_a_recording_may_ask_the_provider_through_sources_that_its_author_may_use(
    tenant: Path,  # noqa: F811 - a fixture
    bare_cluster: ControlPlane,
) -> None:
    """Its author may edit Recordings, and use the source `mine` and no other."""
    group = {"apiGroups": ["recordings.dev"]}
    rules = [
        {**group, "resources": ["recordings"], "verbs": ["*"]},
        {**group, "resources": ["recordingsources"], "resourceNames": ["mine"], "verbs": ["use"]},
    ]
    bare_cluster.kubectl.apply(*grant("recordings", rules, namespace="team-a"))
    refusal = "You may not use the RecordingSource theirs, which spec.artifacts names"

    def create(name: str, *sources: str) -> str:
        return create_as(bare_cluster, tenant, _asked(name, *sources))[1]

    eventually(lambda: refusal in create("probe", "theirs") or forget(bare_cluster, "probe"))
    assert "created" in create("own", "mine", "mine")
    assert refusal in create("both", "mine", "theirs")
    assert "More than 4 RecordingSources are newly named" in create("many", "mine", "b", "c", "d", "e")
    of_admin = _asked("shared", "theirs")
    bare_cluster.kubectl("create", "-f", "-", stdin=json.dumps(of_admin))
    patch = ("patch", "recording", "shared", "--namespace=team-a", "--type=merge")
    bare_cluster.kubectl_as(tenant)(*patch, '--patch={"metadata":{"labels":{"kept":"yes"}}}')
    of_admin["spec"]["artifacts"][0]["source"]["provider"]["id"] = "of-others"
    spec = json.dumps({"spec": {"artifacts": of_admin["spec"]["artifacts"]}})
    assert refusal in bare_cluster.kubectl_as(tenant).run(*patch, f"--patch={spec}").stderr


def _asked(name: str, *sources: str) -> Object:
    """A Recording with one artifact for each source, of the provider's recording `bot-1`."""
    artifacts = [
        {
            "name": f"a{number}",
            "kind": "Video",
            "source": {"provider": {"recordingSource": source, "id": "bot-1", "media": "video"}},
        }
        for number, source in enumerate(sources)
    ]
    return recording(name, namespace="team-a", spec={"artifacts": artifacts})
