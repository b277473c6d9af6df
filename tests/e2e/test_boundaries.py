"""What tenants cannot do: write statuses, reach internal addresses, block other tenants."""

import pytest

from localcluster import ControlPlane, KubectlError
from tests.conftest import TENANT
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import CANARY, MIB, a_recording, an_artifact, from_media, from_source, inline
from tests.support.transfers import pattern
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

_RBAC = "rbac.authorization.k8s.io/v1"


def let_tenant_record(cluster: ControlPlane, namespace: str) -> None:
    """Give the tenant the Role that a team gets."""
    metadata = {"name": "recorder", "namespace": namespace}
    rules = [
        {
            "apiGroups": ["recordings.dev"],
            "resources": ["recordings"],
            "verbs": ["get", "list", "watch", "create", "patch", "delete"],
        }
    ]
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": TENANT}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "recorder"}
    cluster.kubectl.apply(
        {"apiVersion": _RBAC, "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": _RBAC, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]},
    )


def test_a_tenant_records_but_writes_no_status(world: World) -> None:
    tenant = world.cluster.kubectl_as(world.cluster.user_kubeconfig(TENANT))
    manifest = a_recording(world.namespace, inline("{}"), name="of-a-tenant", location=world.location)
    with pytest.raises(KubectlError, match="forbidden"):
        tenant.apply(manifest)
    let_tenant_record(world.cluster, world.namespace)
    may = ("auth", "can-i", "create", "recordings.recordings.dev", f"--namespace={world.namespace}")
    eventually(lambda: tenant.run(*may).returncode == 0, what="the API server knows of the Role")

    tenant.apply(manifest)

    where = (f"--namespace={world.namespace}", "recording/of-a-tenant")
    tenant("wait", "--for=condition=Ready", "--timeout=30s", *where)
    with pytest.raises(KubectlError, match="forbidden"):
        tenant("patch", *where, "--subresource=status", "--type=merge", '--patch={"status":{"phase":"Failed"}}')
    for kind in ("storagelocations", "secrets", "leases"):
        with pytest.raises(KubectlError, match="forbidden"):
            tenant("get", kind, "--namespace=recording-operator")
    # A status in what one applies is dropped, not believed.
    forged = {**manifest, "metadata": {**manifest["metadata"], "name": "forged"}, "status": {"phase": "Complete"}}
    tenant.apply(forged)
    tenant("wait", "--for=jsonpath={.status.reason}=Stored", "--timeout=30s", where[0], "recording/forged")
    for name in ("of-a-tenant", "forged"):
        stored = tenant.json("get", where[0], "recording", name)
        key = stored["status"]["artifacts"][0]["key"]
        world.foreign_keys |= {key, f"{stored['status']['prefix']}metadata.json"}
        head = world.s3.client().head_object(Bucket=world.bucket, Key=key)
        assert head["Metadata"]["recording-uid"] == stored["metadata"]["uid"]


def test_blocked_addresses_are_not_connected_to(world: World) -> None:
    world.secrets.add(URL_CANARY)
    port = world.forbidden.port
    with LyingSource(Content(body=b"")) as redirects:
        redirects.behave = lambda _: Behaviour(
            status=302, headers={"Location": f"{world.forbidden.address}/latest/meta-data/?canary={CANARY}"}
        )
        urls = {
            "denied": f"{world.forbidden.address}/?canary={CANARY}",
            "metadata": f"http://169.254.169.254/latest/meta-data/?canary={CANARY}",
            "private": f"http://10.0.0.1:6443/?canary={CANARY}",
            "by-name": f"http://localhost:{port}/?canary={CANARY}",
            "mapped": f"http://[::ffff:127.0.0.66]:{port}/?canary={CANARY}",
            "service": f"https://kubernetes.default.svc/?canary={CANARY}",
            "redirected": redirects.url,
        }
        recordings = {
            name: world.create(an_artifact("video", None, source={"url": url}), name=name) for name, url in urls.items()
        }

        ended = {name: recording.wait_ended() for name, recording in recordings.items()}

    seen = {name: (status["phase"], status["reason"]) for name, status in ended.items()}
    assert seen == dict.fromkeys(urls, ("Failed", "SourceBlocked"))
    assert len({status["message"] for status in ended.values()}) == 1, "messages tell blocks apart: a port scanner"


def test_slow_sources_of_one_namespace_do_not_stop_another(world: World) -> None:
    """The control Recording of every world proves it; here its neighbour has taken all that it can get."""
    world.secrets.add(URL_CANARY)
    with LyingSource(Content(body=pattern(9 * MIB))) as slow:
        slow.behave = lambda request: Behaviour(no_answer=request.number > 1)
        stuck = [
            world.create(from_source(slow, name=f"video-{number}", stored=False), name=f"stuck-{number}")
            for number in range(12)
        ]
        other = world.create(from_media(world.media), name="small")
        assert world.control is not None
        world.control.wait_phase("Complete")
        for recording in stuck:
            recording.delete()
            recording.wait_gone()
        other.wait_phase("Complete", within_s=30)
