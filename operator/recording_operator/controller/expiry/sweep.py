"""Everything that a sweep does about expiry."""

from recording_operator.api.recording import Recording
from recording_operator.controller.expiry.manifests import ExpiredManifests
from recording_operator.controller.expiry.recordings import ExpiredRecordings


class ExpirySweep:
    """What has expired: of Recordings in Kubernetes, and of those of which only the manifest is left."""

    def __init__(self, *, recordings: ExpiredRecordings, manifests: ExpiredManifests) -> None:
        self._recordings = recordings
        self._manifests = manifests

    def begin(self) -> None:
        """A sweep of all finished Recordings begins."""
        self._recordings.begin()

    def consider(self, recording: Recording) -> None:
        """The sweep shows a finished Recording."""
        self._recordings.consider(recording)

    def turn(self) -> None:
        """Handle the next few. Raises KubeError."""
        self._recordings.turn()
        self._manifests.turn()
