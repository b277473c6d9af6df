"""docs/versions.md matches the code."""

import tomllib

from localcluster.install import PROJECT
from localcluster.toolchain import KUBERNETES, KUBERNETES_VERSIONS
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording

PAGE = (PROJECT / "docs" / "versions.md").read_text()


def a_recording(**status: object) -> Recording:
    return Recording.model_validate(
        {
            "metadata": {"name": "standup", "namespace": "team-a", "uid": "u", "resourceVersion": "1"},
            "spec": {
                "storageLocation": "archive",
                "owner": {"org": "acme"},
                "artifacts": [{"name": "video", "kind": "Video", "source": {"url": "https://example.com/v.mp4"}}],
            },
            "status": {"phase": "Failed", **status},
        }
    )


def test_the_phases_are_those_of_the_page() -> None:
    *most, last = (f"`{phase.value}`" for phase in Phase)
    assert f"{', '.join(most)} and {last}. No other phase" in PAGE


def test_an_old_reason_is_read_by_its_new_name() -> None:
    stores = [reason for reason in Reason if reason.startswith("Store")]
    assert len(stores) > 3
    for reason in stores:
        old = reason.replace("Store", "Target", 1)
        status = a_recording(reason=old, artifacts=[{"name": "video", "phase": "Failed", "reason": old}]).status
        assert status is not None
        assert (status.reason, status.artifacts[0].reason) == (reason, reason)


def test_unknown_reasons_and_fields_of_a_newer_version_are_ignored() -> None:
    status = a_recording(reason="FromTheFuture", somethingNew={"a": 1}).status
    assert status is not None
    assert (status.phase, status.reason) == (Phase.FAILED, None)


def test_the_versions_of_kubernetes_and_python_are_those_that_are_tested() -> None:
    oldest, *_, newest = KUBERNETES_VERSIONS
    usual = next(named for named, family in KUBERNETES_VERSIONS.items() if family is KUBERNETES)
    assert f"| Kubernetes | {oldest} or newer." in PAGE
    assert f"| {usual} by `make test`; {oldest} and {newest} by `make e2e KUBERNETES={oldest}` or `{newest}` |" in PAGE
    python = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f"| {python.removeprefix('>=')} or newer | 3.11 and" in PAGE
