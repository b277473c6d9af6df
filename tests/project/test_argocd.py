"""Argo CD's settings in docs/argocd: the health checks run in Lua 5.1, as in Argo CD, on statuses of the operator."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from lupa.lua51 import LuaRuntime

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, RecordingStatus
from recording_operator.engine.status import DeletionBlocker, dump, with_deletion
from tests.engine.builders import START
from tests.engine.driver import deleting
from tests.engine.scenes import finished

FOLDER: Final = Path(__file__).parents[2] / "docs" / "argocd"
KINDS: Final = ("Recording", "StorageLocation", "StorageReport")
DATA: Final[dict[str, str]] = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())["data"]


def script(kind: str) -> str:
    return (FOLDER / "recordings.dev" / kind / "health.lua").read_text()


def health(kind: str, *, status: dict[str, Any] | None, **fields: Any) -> tuple[str, str]:
    """Status and message, as Argo CD computes them: without libraries, with the object in the global `obj`."""
    runtime = LuaRuntime(register_eval=False, register_builtins=False)
    obj = {"metadata": {"generation": 3, **fields.pop("metadata", {})}, "spec": {}, **fields}
    obj |= {} if status is None else {"status": status}
    runtime.globals().obj = runtime.table_from(obj, recursive=True)
    for library in ("os", "io", "require", "package"):
        runtime.globals()[library] = None
    found = runtime.execute(script(kind))
    return found["status"], found["message"]


def a_status(*conditions: tuple[str, str], generation: int = 3, **fields: Any) -> dict[str, Any]:
    """A status with conditions by type and status."""
    told = [{"type": name, "status": state, "reason": "R", "message": f"about {name}"} for name, state in conditions]
    return {"observedGeneration": generation, "conditions": told, **fields}


@pytest.mark.parametrize("kind", KINDS)
def test_the_config_map_has_the_files(kind: str) -> None:
    assert DATA[f"resource.customizations.health.recordings.dev_{kind}"] == script(kind)


def test_the_config_map_ignores_defaults_in_lists() -> None:
    ignored = {
        kind: yaml.safe_load(DATA[f"resource.customizations.ignoreDifferences.recordings.dev_{kind}"])
        for kind in ("Recording", "StorageReport")
    }
    assert ignored == {
        "Recording": {"jqPathExpressions": [".spec.artifacts[].optional", ".spec.artifacts[].contentType"]},
        "StorageReport": {"jqPathExpressions": [".spec.budget.thresholds[]?.type"]},
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [None, {}, {"phase": "Pending"}, a_status(("Ready", "True"), generation=2)])
def test_what_the_operator_has_not_processed_is_progressing(kind: str, status: dict[str, Any] | None) -> None:
    state, message = health(kind, status=status)
    assert state == "Progressing"
    assert message.endswith(".")


@pytest.mark.parametrize("kind", ["StorageLocation", "StorageReport"])
@pytest.mark.parametrize(("ready", "state"), [("True", "Healthy"), ("False", "Degraded"), ("Unknown", "Progressing")])
def test_ready_decides_for_locations_and_reports(kind: str, ready: str, state: str) -> None:
    status = a_status(("BudgetExceeded", "True"), ("Ready", ready))
    found, message = health(kind, status=status)
    assert found == state
    assert ready == "Unknown" or message == "about Ready"


@pytest.mark.parametrize(
    ("moves", "waits", "state"),
    [("True", "False", "Progressing"), ("False", "True", "Degraded"), ("False", "False", "Healthy")],
)
def test_a_move_is_seen_although_the_recording_is_complete(moves: str, waits: str, state: str) -> None:
    status = a_status(("Ready", "True"), ("Reconciling", moves), ("Stalled", waits), phase="Complete", message="m")
    assert health("Recording", status=status)[0] == state


def test_a_suspended_report_is_suspended() -> None:
    found = health("StorageReport", status=a_status(("Ready", "False")), spec={"suspend": True})
    assert found[0] == "Suspended"


@pytest.mark.parametrize(
    ("phase", "reason", "conditions", "state"),
    [
        ("Pending", "Queued", [("Reconciling", "True")], "Progressing"),
        ("Uploading", "Uploading", [("Reconciling", "True")], "Progressing"),
        ("Pending", "SourceExpired", [("Stalled", "True")], "Degraded"),
        ("Pending", "Queued", [("Stalled", "False")], "Progressing"),
        ("Complete", "Stored", [("Ready", "True")], "Healthy"),
        ("Complete", "PartiallyStored", [("Ready", "True")], "Healthy"),
        ("Failed", "SourceNotFound", [("Stalled", "True")], "Degraded"),
        ("Failed", "Cancelled", [("Stalled", "True")], "Suspended"),
    ],
)
def test_the_phase_decides_for_recordings(
    phase: str, reason: str, conditions: list[tuple[str, str]], state: str
) -> None:
    status = a_status(*conditions, phase=phase, reason=reason, message="why")
    assert health("Recording", status=status)[0] == state


def test_a_suspended_recording_is_suspended_until_it_ends() -> None:
    spec = {"suspend": True}
    assert health("Recording", status=a_status(phase="Pending", reason="Suspended"), spec=spec)[0] == "Suspended"
    assert health("Recording", status=a_status(phase="Complete", reason="Stored"), spec=spec)[0] == "Healthy"


def test_statuses_as_the_operator_writes_them() -> None:
    stored = finished()
    metadata = {"generation": stored.metadata.generation}
    status = stored.status.model_copy(update={"observed_generation": stored.metadata.generation})
    assert status.phase is Phase.COMPLETE
    assert health("Recording", status=dump(status), metadata=metadata)[0] == "Healthy"

    blocker = DeletionBlocker(reason=Reason.RETENTION_IN_FORCE, cause="It is locked.", message="It is locked. Wait.")
    deleted = deleting(stored)
    blocked: RecordingStatus = with_deletion(deleted, blocked=blocker, now=START)
    given = {**metadata, "deletionTimestamp": "2026-11-29T00:00:00Z"}
    assert health("Recording", status=dump(blocked), metadata=given) == ("Degraded", "It is locked. Wait.")
    assert health("Recording", status=dump(status), metadata=given)[0] == "Progressing"
