"""`kubectl recordings list`, on a real API server, as three people."""

import csv
import io
import json
import os
import subprocess
from typing import Any

import pytest
import yaml

from localcluster import ControlPlane
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import PROGRAM, People
from tests.kube.objects import a_recording, set_status

pytestmark = pytest.mark.cluster


COMPLETE = {"phase": "Complete", "progress": "100%", "size": "60.0 MB", "bytesTotal": 60_000_000}
FAILED = {"phase": "Failed", "reason": "SourceNotFound", "attempts": 3, "bytesTotal": 7}


def recordings_of(admin: RestClient, namespace: str) -> None:
    complete, failed = (a_recording(admin, namespace, name) for name in ("standup", "weekly"))
    set_status(admin, complete, {**COMPLETE, "artifacts": []})
    set_status(admin, failed, {**FAILED, "artifacts": []})
    a_recording(admin, namespace, "new")


def names(output: str) -> list[str]:
    return [line.split()[0] for line in output.splitlines()]


def test_the_table_as_each_person(people: People, admin: RestClient, namespace: str) -> None:
    recordings_of(admin, namespace)
    for person in (people.admin, people.tenant, people.viewer):
        shown = person.output("list")
        assert names(shown) == ["NAME", "new", "standup", "weekly"]
        assert "\x1b" not in shown
        assert "Complete   100%" in shown


def test_filters_and_orders(people: People, admin: RestClient, namespace: str) -> None:
    recordings_of(admin, namespace)
    tenant = people.tenant
    assert names(tenant.output("list", "--phase", "failed", "--no-headers")) == ["weekly"]
    assert names(tenant.output("list", "--phase", "Complete", "--phase", "Pending", "--no-headers")) == [
        "new",
        "standup",
    ]
    assert names(tenant.output("list", "--sort", "size", "--no-headers")) == ["standup", "weekly", "new"]
    assert names(tenant.output("list", "--location", "archive", "--no-headers")) == ["new", "standup", "weekly"]
    assert tenant.output("list", "--location", "cold") == ""
    assert names(tenant.output("list", "--newer-than", "1h", "-o", "name"))[0] == "recording.recordings.dev/new"
    nothing = tenant.run("list", "--older-than", "1h")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == f"kubectl recordings: There are no Recordings that match in namespace {namespace}.\n"


def test_formats_for_programs(people: People, admin: RestClient, namespace: str, cluster: ControlPlane) -> None:
    recordings_of(admin, namespace)
    from_kubectl: dict[str, Any] = cluster.kubectl.json("get", "recordings", "-n", namespace)
    assert json.loads(people.tenant.output("list", "-o", "json")) == from_kubectl
    assert yaml.safe_load(people.tenant.output("list", "-o", "yaml")) == from_kubectl
    rows = list(csv.DictReader(io.StringIO(people.tenant.output("list", "-o", "csv"))))
    assert [(row["name"], row["phase"], row["bytes"]) for row in rows] == [
        ("new", "Pending", "0"),
        ("standup", "Complete", "60000000"),
        ("weekly", "Failed", "7"),
    ]


def test_a_missing_right_is_named(people: People) -> None:
    refused = people.tenant.run("list", "-A")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "kubectl recordings: You may not list recordings. "
        "To check your rights: kubectl auth can-i list recordings.recordings.dev\n"
    )


def test_acting_as_another(people: People, admin: RestClient, namespace: str) -> None:
    recordings_of(admin, namespace)
    assert names(people.admin.output("list", "--as", "viewer")) == ["NAME", "new", "standup", "weekly"]
    assert people.admin.run("list", "--as", "nobody").returncode == 1


def test_kubectl_finds_the_plugin(people: People, admin: RestClient, namespace: str, cluster: ControlPlane) -> None:
    recordings_of(admin, namespace)
    done = subprocess.run(
        [cluster.kubectl.program, "recordings", "list", "--no-headers"],
        env={**people.tenant.environment, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert names(done.stdout) == ["new", "standup", "weekly"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lst",), "Did you mean 'list'?"),
        (("list", "--pahse", "Failed"), "'--phase'"),
        (("list", "--phase", "Done"), "'Pending', 'Uploading', 'Complete', 'Failed'"),
        (("list", "--newer-than", "soon"), "write a duration such as 30s, 1h30m or 7d"),
    ],
)
def test_usage_errors_name_what_was_meant(people: People, arguments: tuple[str, ...], said: str) -> None:
    wrong = people.tenant.run(*arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in wrong.stderr
