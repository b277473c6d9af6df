"""Creates a Recording with its Secrets, and tells the user what did not go as planned."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from recording_operator.cli.recordings.selection import name_of
from recording_operator.cli.screen.text import clean
from recording_operator.cli.verb import Failure, explained, note, program
from recording_operator.kube.errors import KubeError
from recording_operator.kube.resources import Resources
from recording_operator.user_actions import creating
from recording_operator.user_actions.drafting import OwnedSecretDraft

_TOGETHER: Final = "to create a Recording together with a Secret"


class _Notes:
    """Notes for the user."""

    def unknown(self, recording: Mapping[str, Any], *, is_suspended: bool) -> None:
        """What to do."""
        metadata = recording["metadata"]
        look = f"{program()} status {metadata['name']} -n {metadata['namespace']}"
        what_to_do = "If it was, it is suspended: delete it, and try again." if is_suspended else f"To look: {look}"
        note(f"It is not known whether Recording {name_of(recording)} was created. {what_to_do}")

    def created(self, recording: Mapping[str, Any]) -> None:
        """It exists."""
        note(f"Recording {name_of(recording)} was created.")

    def taken_back(self, recording: Mapping[str, Any]) -> None:
        """It does not."""
        note(f"Recording {name_of(recording)} was deleted again, because it could not be completed.")

    def left(self, recording: Mapping[str, Any], error: KubeError) -> None:
        """It exists, though it should not."""
        name, why = name_of(recording), clean(explained(error))
        note(f"Recording {name} was created, is suspended, and could not be deleted again: {why}")


def check_writes(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Let the API server check all objects. Returns the Recording as it would be stored. Raises KubeError, Failure."""
    try:
        return creating.check_writes(resources, recording, secrets)
    except creating.RightMissing as missing:
        raise _failure(missing, purpose=_TOGETHER) from None


def check_waiting(resources: Resources, recording: Mapping[str, Any]) -> None:
    """Raise Failure if the caller may not wait for the Recording, which does not exist yet."""
    try:
        for verb in ("list", "watch"):
            creating.check_right(resources, recording, verb)
    except creating.RightMissing as missing:
        raise _failure(missing, purpose="for --wait") from None


def create_all(
    resources: Resources, recording: Mapping[str, Any], secrets: Sequence[OwnedSecretDraft]
) -> dict[str, Any]:
    """Create the Recording and its Secrets. Returns the stored Recording. Raises KubeError, KeyboardInterrupt."""
    return creating.create_all(resources, recording, secrets, observer=_Notes())


def _failure(missing: creating.RightMissing, *, purpose: str) -> Failure:
    right = missing.right
    return Failure(f"You may not {right}, which is needed {purpose}. To check your rights: {right.check}")
