"""The condition IntegrityVerified: whether and how the stored bytes were verified."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.api.recording import ArtifactStatus, Phase

# From the strongest to the weakest.
_VERIFICATIONS: Final = {
    Reason.FULL_OBJECT_CRC64NVME: "the store's own CRC64NVME of the whole object matches the source",
    Reason.ETAG_MD5: "the MD5 of each part, and the ETag that the store computed from them, match the source",
    Reason.READ_BACK: "the checksum of the object, which was read back from the store, matches the source",
    Reason.NOT_PROVED: "stored by an earlier version of the operator, which did not record how it was verified",
}
_STRENGTH: Final = {reason: strength for strength, reason in enumerate(_VERIFICATIONS)}
_WRONG_BYTES: Final = reasons_with(Trait.WRONG_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionDraft:
    """A condition without its timestamps."""

    type: str
    status: ConditionStatus
    reason: Reason
    message: str


def integrity_of(artifacts: Sequence[ArtifactStatus]) -> ConditionDraft:
    """True if all stored artifacts were verified and none is unfinished. The reason is the weakest verification."""
    stored = [artifact for artifact in artifacts if artifact.phase is Phase.COMPLETE]
    wrong = next((one for one in artifacts if one.phase is Phase.FAILED and one.reason in _WRONG_BYTES), None)
    if wrong is not None:
        reason = Reason(wrong.reason or Reason.INTERNAL_ERROR)
        message = f"{wrong.name}: {wrong.message}"
        if stored:
            message = f"{message.rstrip('.')}. {_how(stored)}"
        return _draft(ConditionStatus.FALSE, reason, message)
    if not stored or any(one.phase not in {Phase.COMPLETE, Phase.FAILED} for one in artifacts):
        return _draft(ConditionStatus.UNKNOWN, Reason.NOT_STORED_YET, "Not every artifact is stored yet.")
    weakest = max((_verification(one) for one in stored), key=lambda reason: _STRENGTH[reason])
    status = ConditionStatus.UNKNOWN if weakest is Reason.NOT_PROVED else ConditionStatus.TRUE
    return _draft(status, weakest, _how(stored))


def _verification(artifact: ArtifactStatus) -> Reason:
    return artifact.integrity if artifact.integrity in _VERIFICATIONS else Reason.NOT_PROVED


def _how(stored: Sequence[ArtifactStatus]) -> str:
    """Such as `2 artifacts: the store's own CRC64NVME …. Checksum in the spec verified: video (sha256).`"""
    sentences = []
    for reason, text in _VERIFICATIONS.items():
        if count := sum(_verification(artifact) is reason for artifact in stored):
            sentences.append(f"{count} artifact{'s' if count > 1 else ''}: {text}.")
    checked = [f"{artifact.name} ({artifact.proved_checksum})" for artifact in stored if artifact.proved_checksum]
    if checked:
        sentences.append(f"Checksum in the spec verified: {', '.join(checked)}.")
    return " ".join(sentences)


def _draft(status: ConditionStatus, reason: Reason, message: str) -> ConditionDraft:
    return ConditionDraft(type="IntegrityVerified", status=status, reason=reason, message=message)
