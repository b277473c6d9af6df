"""`kubectl recordings check`: admission policies that are not in force, and Recordings that do not continue."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import ControlPlane
from localcluster.controlplane import CONTROLLER_MANAGER
from recording_operator.kube.resources import ADMISSION_BINDINGS, ADMISSION_POLICIES
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import People, Person
from tests.cli.test_check import checked
from tests.kube.objects import a_recording, set_status
from tests.support.skewed_clock import SkewedClock, needs_compiler
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

LABELS = {"app.kubernetes.io/part-of": "recording-operator"}


@pytest.fixture
def policy(admin: RestClient, namespace: str) -> Iterator[str]:
    """An admission policy with the label of the chart, which applies to nothing."""
    rule = {"apiGroups": ["example.com"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["nothing"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}
    body = {"metadata": {"name": namespace, "labels": LABELS}, "spec": spec}
    admin.request("POST", ADMISSION_POLICIES.collection(None), body=body)
    yield namespace
    admin.request("DELETE", ADMISSION_POLICIES.path(None, namespace))
    admin.request("DELETE", ADMISSION_BINDINGS.collection(None))


def admission(person: Person) -> list[str]:
    lines = person.run("check").stdout.splitlines()
    return [" ".join(line.split()) for line in lines if " admission " in line]


def test_admission_policies_that_are_not_in_force(people: People, admin: RestClient, policy: str) -> None:
    unbound = f"failed admission No binding puts {policy} in force. Install the chart again."
    assert unbound in admission(people.admin)
    spec: dict[str, Any] = {"policyName": policy, "validationActions": ["Warn"]}
    body = {"metadata": {"name": policy, "labels": LABELS}, "spec": spec}
    admin.request("POST", ADMISSION_BINDINGS.collection(None), body=body)
    lenient = f"warning admission The bindings of {policy} reject nothing. Add the action Deny."
    assert lenient in admission(people.admin)
    change = {"spec": {"validationActions": ["Deny"]}}
    admin.request("PATCH", ADMISSION_BINDINGS.path(None, policy), body=change, content_type=MERGE_PATCH)
    eventually(lambda: admission(people.admin) == ["ok admission 1 admission policies are in force."])


def test_a_policy_whose_types_were_not_checked_yet(
    people: People, cluster: ControlPlane, admin: RestClient, policy: str
) -> None:
    unseen = f"warning admission The API server has not type-checked {policy} yet."
    unbound = f"failed admission No binding puts {policy} in force. Install the chart again."
    cluster.freeze_component(CONTROLLER_MANAGER)
    try:
        change = {"spec": {"validations": [{"expression": "1 == 1"}]}}
        admin.request("PATCH", ADMISSION_POLICIES.path(None, policy), body=change, content_type=MERGE_PATCH)
        assert admission(people.admin) == [unbound, unseen]
    finally:
        cluster.thaw_component(CONTROLLER_MANAGER)
    eventually(lambda: admission(people.admin) == [unbound])


@needs_compiler
def test_recordings_without_progress(people: People, admin: RestClient, namespace: str, tmp_path: Path) -> None:
    for name, phase in (("sending", "Uploading"), ("waiting", "Pending")):
        set_status(admin, a_recording(admin, namespace, name), {"phase": phase})
    paused = a_recording(admin, namespace, "paused")
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings/paused"
    set_status(admin, paused, {"phase": "Pending"})
    admin.request("PATCH", path, body={"spec": {"suspend": True}}, content_type=MERGE_PATCH)
    assert checked(people.tenant)["recordings"][0] == "ok"
    clock = SkewedClock(tmp_path)
    for hours, stuck in ((2, f"1 do not continue: {namespace}/sending"), (25, "2 do not continue: ")):
        clock.set(ahead_s=hours * 3600)
        shown = people.tenant.run("check", env=clock.environment).stdout
        assert stuck in shown
