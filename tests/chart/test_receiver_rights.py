"""The receiver with exactly the permissions of the chart: all of them are used, and none is missing."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from localcluster import ControlPlane
from localcluster.receiverprocess import ReceiverProcess
from tests.chart.cluster import NAMESPACE, recording
from tests.chart.helm import CHART, RELEASE, Helm, Object
from tests.chart.test_rights import granted
from tests.receiver.sending import SECRET, completed, post, secret_manifest, signed, source_manifest, url
from tests.support.audit import Right, asked, forbidden
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_TEAM = "team-a"
_NAME = f"{RELEASE}-receiver"
_USER = f"system:serviceaccount:{NAMESPACE}:{_NAME}"
_VALUES = {"receiver": {"enabled": True, "namespaces": [_TEAM]}}
# Read again only after another client's write in between.
_AFTER_CONFLICTS = {("recordings.dev", "recordingsources", "get")}
# No request: an admission policy checks it.
_IN_POLICIES = {("recordings.dev", "recordingsources", "use")}


@pytest.fixture
def receiver(
    cluster_helm4: Helm, bare_cluster: ControlPlane, scratch: Path, tmp_path: Path
) -> Iterator[ReceiverProcess]:
    """The receiver as the chart's ServiceAccount, with the source `meetings`."""
    cluster_helm4("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", values=_VALUES)
    bare_cluster.kubectl.apply(secret_manifest("webhook", _TEAM, current=SECRET))
    source = json.dumps(source_manifest("meetings", _TEAM, secret="webhook"))
    # The API server takes a moment to read the parameters of a new policy.
    eventually(lambda: bare_cluster.kubectl.run("apply", "-f", "-", stdin=source).returncode == 0)
    kubeconfig = bare_cluster.service_account_kubeconfig(
        namespace=NAMESPACE, name=_NAME, path=scratch / "receiver-rights.kubeconfig"
    )
    process = ReceiverProcess(kubeconfig=kubeconfig, log=tmp_path / "receiver.log")
    process.start()
    yield process
    process.kill()
    bare_cluster.kubectl("delete", "recordings,recordingsources", "--all", f"--namespace={_TEAM}")


def test_every_right_is_used_and_no_other_is_missed(
    receiver: ReceiverProcess, bare_cluster: ControlPlane, cluster_helm4: Helm
) -> None:
    since = datetime.now(UTC)

    def deliver(number: int, *, bot: str = "1", signature: str = "old") -> None:
        at = f"2026-11-30T10:00:{number:02}Z"
        body = completed(bot, files={"video": url("video.mp4", signature)}, sent_at=at)
        path = f"/v1/sources/{_TEAM}/meetings"
        eventually(lambda: post(receiver.url, path, body, signed(body, message_id=f"msg_{number}")).status == 200)

    def names() -> set[str]:
        items = bare_cluster.kubectl.json("get", "recordings", f"--namespace={_TEAM}")["items"]
        return {item["metadata"]["name"] for item in items}

    deliver(1, bot="taken")
    (taken,) = names()
    bare_cluster.kubectl("delete", "recording", taken, f"--namespace={_TEAM}")
    bare_cluster.kubectl.apply(recording(taken, namespace=_TEAM))
    for number in (2, 3):  # the same Event twice
        deliver(number, bot="taken")
    deliver(4)
    deliver(5, signature="new")  # the URL in the Secret is replaced

    wanted = _of_the_receiver(cluster_helm4.objects(_VALUES)) - _AFTER_CONFLICTS - _IN_POLICIES

    def used() -> set[Right]:
        return {right for right, _ in asked(bare_cluster, user=_USER)}

    eventually(lambda: wanted <= used(), within_s=60, what=str(wanted - used()))
    assert used() - wanted <= _AFTER_CONFLICTS
    assert forbidden(bare_cluster, user=_USER, since=since) == set()
    assert "Traceback" not in receiver.log_text()


def _of_the_receiver(objects: list[Object]) -> set[Right]:
    return granted([item for item in objects if item["metadata"]["name"].startswith(_NAME)])
