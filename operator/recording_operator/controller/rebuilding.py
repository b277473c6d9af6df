"""Creates the Recordings of a lost cluster again from the manifests in a store. It changes nothing in the store."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from recording_operator.api.reasons import Trait
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.manifests import (
    ManifestKey,
    NoManifestError,
    OtherObjectError,
    manifest_keys,
    read_manifest,
)
from recording_operator.engine.rebuilt import NotRebuildableError, ended_before, rebuilt_recording
from recording_operator.errors import TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import AlreadyExists, ApiUnavailable, Invalid, NotFound, TooManyRequests
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.owners import RecordingIndex
from recording_operator.usage.recordings import claimed_uids, org_of_recording, uid_of_recording

WORKERS: Final = 8
_AHEAD: Final = 4 * WORKERS
"""How many manifests are read at most before the first of them is done."""
_DELAYS_S: Final = (0.5, 1.0, 2.0, 4.0)


class RebuildOutcome(Enum):
    """What became of a manifest."""

    CREATED = "created"
    EXISTS = "exist already"
    OVER = "ended too long ago"
    OTHER_NAMESPACE = "in other namespaces"
    OTHER_OBJECT = "other objects"
    REJECTED = "not rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildResult:
    """One manifest. `message` says why it was not rebuilt."""

    outcome: RebuildOutcome
    key: str
    recording: str = ""
    """Namespace and name, if the manifest could be read."""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """Reads the manifests of a location and creates their Recordings, a few at a time.

    A Recording that exists is left as it is, so an interrupted run is continued by another one.
    """

    kube: KubeApi
    store: LocationStore
    location: StorageLocation
    namespace: str | None
    """Only Recordings of this namespace."""
    default_ttl: timedelta
    """The operator's recordings.ttlAfterFinished."""
    now: datetime
    dry_run: bool = False
    sleep: Callable[[float], None] = field(default=time.sleep)

    def run(self) -> Iterator[RebuildResult]:
        """Each manifest, in the order of the listing. Raises StoreError, KubeError."""
        index = self._recordings()
        waiting: deque[Future[RebuildResult]] = deque()
        pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="rebuild")
        try:
            for at in manifest_keys(self.store, self.location):
                if index.owner(at.uid)[2]:
                    yield RebuildResult(outcome=RebuildOutcome.EXISTS, key=at.key)
                    continue
                waiting.append(pool.submit(self._rebuild, at))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _recordings(self) -> RecordingIndex:
        """The Recordings whose objects are known to be theirs."""
        index = RecordingIndex()
        for raw in self.kube.list_recordings(namespace=self.namespace):
            namespace = str(raw["metadata"]["namespace"])
            index.add(uid_of_recording(raw), org=org_of_recording(raw), namespace=namespace)
        return index

    def _rebuild(self, at: ManifestKey) -> RebuildResult:
        for delay_s in _DELAYS_S:
            try:
                return self._try(at)
            except (ApiUnavailable, TooManyRequests) as error:
                self.sleep(getattr(error, "retry_after_s", delay_s))
            except TransferError as error:
                if Trait.TRANSIENT not in error.reason.traits:
                    raise
                self.sleep(error.retry_after_s or delay_s)
        return self._try(at)

    def _try(self, at: ManifestKey) -> RebuildResult:
        try:
            manifest = read_manifest(self.store, at)
        except OtherObjectError:
            return RebuildResult(outcome=RebuildOutcome.OTHER_OBJECT, key=at.key)
        except NoManifestError as error:
            return RebuildResult(outcome=RebuildOutcome.REJECTED, key=at.key, message=str(error))
        recording, message = f"{manifest.namespace}/{manifest.name}", ""
        if self.namespace not in (None, manifest.namespace):
            outcome = RebuildOutcome.OTHER_NAMESPACE
        elif ended_before(manifest, self.now, default_ttl=self.default_ttl):
            outcome = RebuildOutcome.OVER
        else:
            try:
                body = rebuilt_recording(manifest, self.location, key=at.key)
                outcome, message = self._create(body, at.uid)
            except NotRebuildableError as error:
                outcome, message = RebuildOutcome.REJECTED, str(error)
        return RebuildResult(outcome=outcome, key=at.key, recording=recording, message=message)

    def _create(self, body: dict[str, Any], uid: str) -> tuple[RebuildOutcome, str]:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            self.kube.create_recording(namespace, body, dry_run=self.dry_run)
        except AlreadyExists:
            if uid in claimed_uids(self.kube.get_recording(namespace, name)):
                return RebuildOutcome.EXISTS, ""
            return RebuildOutcome.REJECTED, "Another Recording has this name."
        except NotFound:
            return RebuildOutcome.REJECTED, f"Namespace {namespace} does not exist."
        except Invalid as error:
            return RebuildOutcome.REJECTED, str(error)
        return RebuildOutcome.CREATED, ""
