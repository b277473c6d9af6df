"""Options of the watcher, and the settings of kopf that follow from them."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import kopf

from recording_operator.api.names import GROUP, RECORDING_PLURAL, VERSION
from recording_operator.kube.client import UNFINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Options of the watcher. Times in seconds."""

    chunk_size: int = 200
    """Objects on one page of a LIST. With 100,000 stored and 100 listed Recordings, pages of 50 took 0.8 s longer."""
    request_timeout_s: float = 30.0
    connect_timeout_s: float = 5.0
    inactivity_timeout_s: float = 90.0
    """A WATCH that is silent for this long is opened again. The server sends a bookmark every 60 to 75 s."""
    start_timeout_s: float = 60.0
    """If kopf has not listed a resource after this time, its CRD was missing, and kopf is started again."""
    away_timeout_s: float = 120.0
    """If a WATCH could not be opened for this long, kopf is started again."""
    recordings_selector: str = UNFINISHED
    """Field selector of the LIST of Recordings; the WATCH has none."""


class NoHistory(kopf.DiffBaseStorage):
    """Keeps no copy of an object to compare its next state with: only handlers of changes need one."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002 - kopf's signature
        """Nothing."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002 - kopf's signature
        """Nothing."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing."""


def kopf_settings(options: WatchOptions) -> kopf.OperatorSettings:
    """Settings with which kopf lists and watches, and never writes."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.process.ultimate_exiting_timeout = None  # otherwise kopf kills the process 10 minutes after its own end
    settings.watching.chunk_size = options.chunk_size
    settings.watching.connect_timeout = options.connect_timeout_s
    settings.watching.inactivity_timeout = options.inactivity_timeout_s
    settings.watching.field_selectors[GROUP, VERSION, RECORDING_PLURAL] = options.recordings_selector
    settings.networking.request_timeout = options.request_timeout_s
    settings.networking.connect_timeout = options.connect_timeout_s
    settings.networking.error_backoffs = (0.5, 1, 2, 3, 3, 3, 3, 3)
    settings.queueing.idle_timeout = 0.2
    settings.persistence.diffbase_storage = NoHistory()
    settings.persistence.progress_storage = kopf.StatusProgressStorage()
    # If no handler needs kopf's finalizer, kopf removes it from objects, even if a user has set it. No user can guess a
    # random name.
    settings.persistence.finalizer = f"{GROUP}/{uuid.uuid4().hex}"
    return settings
