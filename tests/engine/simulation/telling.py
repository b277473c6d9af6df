"""The steps of a simulation, one line each, to explain a failure."""

from recording_operator.api.recording import Recording
from recording_operator.engine.actions import StartTransfer, WriteStatus
from recording_operator.engine.facts import RecordingSeen, WriteAccepted


def describe(what: object) -> str:
    """A fact or an action in one line, without the fields that do not matter."""
    match what:
        case str():
            return what
        case RecordingSeen(recording=recording) | WriteAccepted(recording=recording):
            return f"{type(what).__name__} {_short(recording)}"
        case WriteStatus():
            status = what.status
            artifacts = [_artifact(state) for state in status.get("artifacts", ())]
            claim = (status.get("claim") or {}).get("holder")
            phase = f"{status.get('phase')}/{status.get('reason')}"
            return f"WriteStatus {what.ref.name} on {what.resource_version}: {phase} claim={claim} {artifacts}"
        case StartTransfer():
            return f"StartTransfer {what.recording.metadata.name}/{what.artifact} upload={what.upload_id}"
        case _:
            text = repr(what)
            return text if len(text) < 300 else text[:300] + "…"


def _artifact(state: dict[str, object]) -> str:
    kept = ("upload", state.get("uploadId"), "tries", state.get("attempts"), "next", state.get("nextRetryTime"))
    return f"{state['name']}={state.get('phase')}/{state.get('reason')} {kept}"


def _short(recording: Recording) -> str:
    meta, spec, status = recording.metadata, recording.spec, recording.status
    flags = [flag for flag in ("suspend", "cancel") if getattr(spec, flag)]
    flags += ["deleted"] if meta.deletion_timestamp else []
    claim = status.claim.holder if status.claim else None
    return (
        f"{meta.name}({meta.uid[:8]}) v{meta.resource_version} g{meta.generation}/{status.observed_generation} "
        f"{status.phase}/{status.reason} claim={claim} token={spec.retry_token!r} {spec.deletion_policy} {flags}"
    )
