"""`retry`, `cancel`, `suspend` and `resume`, on a real API server, as three people."""

import json
from typing import Any

import pytest

from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.cli.conftest import People
from tests.kube.objects import a_recording, set_status
from tests.support.recordings import path_of

pytestmark = pytest.mark.cluster

FAILED: dict[str, Any] = {"phase": "Failed", "reason": "SourceNotFound", "artifacts": []}
CANCELLED: dict[str, Any] = {"phase": "Failed", "reason": "Cancelled", "artifacts": []}
COMPLETE: dict[str, Any] = {"phase": "Complete", "reason": "Stored", "artifacts": []}


def spec_of(admin: RestClient, namespace: str, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = admin.request("GET", f"{path_of(namespace)}/{name}")["spec"]
    return spec


def in_state(admin: RestClient, namespace: str, name: str, status: dict[str, Any]) -> None:
    set_status(admin, a_recording(admin, namespace, name), status)


def changed(*names: str, verb: str) -> str:
    return "".join(f"recording.recordings.dev/{name} {verb}\n" for name in names)


def label(admin: RestClient, namespace: str, name: str, value: str) -> None:
    body = {"metadata": {"labels": {"team": value}}}
    admin.request("PATCH", f"{path_of(namespace)}/{name}", body=body, content_type="application/merge-patch+json")


def test_retry_of_all_that_have_failed(people: People, admin: RestClient, namespace: str) -> None:
    in_state(admin, namespace, "broken", FAILED)
    in_state(admin, namespace, "unwanted", CANCELLED)
    in_state(admin, namespace, "stored", COMPLETE)
    in_state(admin, namespace, "unmoved", {**COMPLETE, "reason": "MoveFailed"})

    assert people.tenant.output("retry", "--all-failed") == changed("broken", "unmoved", verb="retried")

    tokens = {name: spec_of(admin, namespace, name).get("retryToken") for name in ("broken", "unmoved")}
    assert len(set(tokens.values())) == 2
    assert all(token and token.startswith("cli-") for token in tokens.values())
    assert not spec_of(admin, namespace, "unwanted").get("retryToken")
    again = people.tenant.run("retry", "stored")
    assert (again.returncode, again.stdout) == (0, "")
    assert "It is Complete, so there is nothing to retry." in again.stderr


def test_a_cancelled_recording_is_retried_by_name(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "weekly")
    assert people.tenant.output("cancel", "weekly") == changed("weekly", verb="cancelled")
    assert spec_of(admin, namespace, "weekly")["cancel"] is True
    assert "cancelled already" in people.tenant.run("cancel", "weekly").stderr

    assert people.tenant.output("retry", f"{namespace}/weekly") == changed("weekly", verb="retried")

    assert spec_of(admin, namespace, "weekly")["cancel"] is False


def test_several_names_and_a_selector(people: People, admin: RestClient, namespace: str) -> None:
    for name in ("a", "b", "c"):
        a_recording(admin, namespace, name)
    label(admin, namespace, "b", "sales")

    assert people.tenant.output("suspend", "a", "b", "a") == changed("a", "b", verb="suspended")
    assert [spec_of(admin, namespace, name)["suspend"] for name in ("a", "b", "c")] == [True, True, False]
    assert people.tenant.output("resume", "-l", "team=sales") == changed("b", verb="resumed")
    assert spec_of(admin, namespace, "b")["suspend"] is False
    nothing = people.tenant.run("resume", "-l", "team=sales")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == f"kubectl recordings: There are no Recordings that match in namespace {namespace}.\n"


def test_an_optional_file_that_has_failed_is_retried(people: People, admin: RestClient, namespace: str) -> None:
    for name, reason in (("part", "SourceNotFound"), ("unwanted", "Cancelled")):
        files = [{"name": "video", "phase": "Complete"}, {"name": "notes", "phase": "Failed", "reason": reason}]
        in_state(admin, namespace, name, {**COMPLETE, "reason": "PartiallyStored", "artifacts": files})
    assert people.tenant.output("retry", "--all-failed") == changed("part", verb="retried")
    assert people.tenant.output("retry", "part", "unwanted") == changed("part", "unwanted", verb="retried")


def test_what_is_stored_is_not_suspended_unless_it_moves(people: People, admin: RestClient, namespace: str) -> None:
    for name in ("stored", "moving"):
        in_state(admin, namespace, name, {**COMPLETE, "storageLocation": "archive"})
    body = {"spec": {"storageLocation": "elsewhere"}}
    admin.request("PATCH", f"{path_of(namespace)}/moving", body=body, content_type=MERGE_PATCH)
    done = people.tenant.run("suspend", "stored", "moving")
    assert (done.returncode, done.stdout) == (0, changed("moving", verb="suspended"))
    assert f"{namespace}/stored: It is Complete, so there is no upload to pause." in done.stderr
    assert spec_of(admin, namespace, "stored")["suspend"] is False


def test_names_of_a_list_are_arguments(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "weekly")
    label(admin, namespace, "weekly", namespace)
    assert people.tenant.output("suspend", *people.tenant.output("list", "-o", "name").split()) == changed(
        "weekly", verb="suspended"
    )
    everywhere = people.admin.output("list", "-A", "-l", f"team={namespace}", "-o", "name")
    assert everywhere == f"{namespace}/weekly\n"
    assert people.admin.output("resume", *everywhere.split()) == changed("weekly", verb="resumed")


@pytest.mark.parametrize(("dry_run", "said"), [("client", "(dry run)"), ("server", "(server dry run)")])
def test_a_dry_run_changes_nothing(people: People, admin: RestClient, namespace: str, dry_run: str, said: str) -> None:
    stored = a_recording(admin, namespace, "weekly")
    assert people.tenant.output("suspend", "weekly", "--dry-run", dry_run) == changed(
        "weekly", verb=f"suspended {said}"
    )
    assert admin.request("GET", f"{path_of(namespace)}/weekly") == stored


def test_what_a_viewer_lacks_is_named(people: People, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "weekly")
    for verb in ("retry", "cancel", "suspend"):
        refused = people.viewer.run(verb, "weekly")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"You may not patch recordings weekly in namespace {namespace}." in refused.stderr
    server_side = people.viewer.run("suspend", "weekly", "--dry-run=server")
    assert server_side.returncode == 1
    assert admin.request("GET", f"{path_of(namespace)}/weekly") == stored


def test_one_of_several_fails(people: People, admin: RestClient, namespace: str) -> None:
    for name in ("a", "b"):
        a_recording(admin, namespace, name)
    refused = people.viewer.run("suspend", "a", "b")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{namespace}/a: You may not patch" in refused.stderr
    assert "2 Recordings of 2 could not be suspended." in refused.stderr
    missing = people.tenant.run("suspend", "a", "nobody")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert f"Recording {namespace}/nobody does not exist." in missing.stderr
    assert spec_of(admin, namespace, "a")["suspend"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retry",), "Which Recordings? Write their names, -l or --all-failed."),
        (("cancel",), "Which Recordings? Write their names or -l."),
        (("suspend", "a", "-l", "x=y"), "not both"),
        (("resume", "a", "-A"), "not both"),
        (("retry", "a", "--all-failed"), "Name Recordings, or select them with -l or --all-failed; not both."),
        (("move", "a", "--from", "x", "--to", "y", "--yes"), "select them with -l or --from; not both."),
        (("suspend", "a", "--dry-run", "maybe"), "client"),
    ],
)
def test_usage(people: People, arguments: tuple[str, ...], said: str) -> None:
    wrong = people.tenant.run(*arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert said in " ".join(wrong.stderr.split())


@pytest.mark.parametrize("labels", ["", " \t"])
@pytest.mark.parametrize(
    "verb",
    [
        ("retry", "--all-failed"),
        ("cancel",),
        ("suspend",),
        ("resume",),
        ("delete", "--yes"),
        ("move", "--from", "archive", "--to", "elsewhere", "--yes"),
        ("wait", "--for", "failed"),
    ],
)
def test_an_empty_selector_selects_nothing(
    people: People, admin: RestClient, namespace: str, verb: tuple[str, ...], labels: str
) -> None:
    """As from `-l "$LABELS"` in a script, where the variable is empty."""
    a_recording(admin, namespace, "new")
    set_status(admin, a_recording(admin, namespace, "failed"), FAILED)
    stored = admin.request("GET", path_of(namespace))["items"]
    refused = people.tenant.run(*verb, "-l", labels)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "would select all Recordings" in " ".join(refused.stderr.split())
    assert admin.request("GET", path_of(namespace))["items"] == stored


def test_in_all_namespaces(people: People, admin: RestClient, namespace: str) -> None:
    a_recording(admin, namespace, "weekly")
    label(admin, namespace, "weekly", namespace)
    assert people.admin.output("suspend", "-A", "-l", f"team={namespace}") == changed("weekly", verb="suspended")
    assert json.loads(people.admin.output("list", "-o", "json"))["items"][0]["spec"]["suspend"] is True
