"""Opens the store of a StorageLocation with its credentials, and probes it."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from recording_operator.api.meta import ConditionStatus
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.locations.record import LocationRecord, OpenStore, ProbeResult
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.secrets import SecretError, location_credentials
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import StoreFactory

_logger = logging.getLogger(__name__)


class LocationProber:
    """Probes in the thread of the caller, each record once at a time. Keys of test objects contain `cluster_id`."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        open_store: StoreFactory,
        cluster_id: str,
        operator_namespace: str,
        register_secret: Callable[[str], None],
    ) -> None:
        self._kube = kube
        self._open_store = open_store
        self._cluster_id = cluster_id
        self._namespace = operator_namespace
        self._register_secret = register_secret

    def probe(self, record: LocationRecord, location: StorageLocation) -> ProbeResult:
        """Open the store of `location` if the record has none for it, and probe it."""
        try:
            opened = self._open(record, location)
            name = f"probe-{self._cluster_id}-{location.metadata.uid}"
            capabilities = opened.store.probe(name=name, joins=_joins_tried(location))
        except SecretError as error:
            return ProbeResult(reason=error.reason, message=error.message)
        except LocationError as error:
            wait = timedelta(seconds=error.retry_after_s or 0)
            return ProbeResult(reason=error.reason, message=error.message, retry_after=wait)
        except KubeError:
            message = "The credentials Secret could not be read, because the API server did not respond."
            return ProbeResult(reason=Reason.LOCATION_NOT_READY, message=message)
        except Exception as error:
            _logger.exception("The probe failed with an unexpected error", extra={"location": location.metadata.name})
            message = f"Unexpected error in the operator ({type(error).__name__}). Its log has the details."
            return ProbeResult(reason=Reason.INTERNAL_ERROR, message=message)
        if opened.store.capabilities != capabilities:
            record.opened = replace(
                opened, store=opened.store.adapted(capabilities)
            )  # running transfers are not affected
        return ProbeResult(reason=Reason.PROBE_SUCCEEDED, message=_summary(capabilities), capabilities=capabilities)

    def _open(self, record: LocationRecord, location: StorageLocation) -> OpenStore:
        """The store for this spec and these credentials. A new one is opened only if one of them has changed."""
        credentials = self._credentials(location)
        before = record.opened
        if before is not None and before.location.spec == location.spec and before.credentials == credentials:
            return before
        store = self._open_store(location, credentials)
        if before is not None and before.location.store == location.store:
            # Until the next probe, keep the capabilities: new access keys do not change a store.
            store = store.adapted(before.store.capabilities)
        record.opened = OpenStore(store=store, location=location, credentials=credentials)
        return record.opened

    def _credentials(self, location: StorageLocation) -> StoreCredentials | None:
        credentials = location_credentials(self._kube, location, operator_namespace=self._namespace)
        if credentials is None:
            return None
        for value in (credentials.access_key_id, credentials.secret_access_key, credentials.session_token):
            self._register_secret(value or "")
        return credentials


def _joins_tried(location: StorageLocation) -> Joins | None:
    """What an earlier process found about the store's joins, if the location was ready with this spec."""
    ready = location.ready_condition
    if ready is None or ready.status is not ConditionStatus.TRUE:
        return None
    if ready.observed_generation != location.metadata.generation:
        return None
    return Joins.of_status(location.status.capabilities)


def _summary(capabilities: Capabilities) -> str:
    """A message about what succeeded, and what the store does not support."""
    sentences = [
        "A test write, a multipart upload and its abort succeeded.",
        f"Objects are verified by {capabilities.verified_by}.",
    ]
    if not capabilities.listing_verifies_parts:
        sentences.append("Parts have no checksum, so a resumed upload compares stored parts with the source.")
    if not capabilities.joins.checksums:
        sentences.append("The store's checksums of joined objects are wrong and not used.")
    if not capabilities.joins.unequal_parts:
        sentences.append(
            "Parts must have equal sizes. A source that states no length may have "
            f"{capabilities.joins.most_parts} parts of 8 to 64 MiB, depending on limits.maxArtifactSize or source.size."
        )
    if not capabilities.conditional_writes:
        sentences.append("The store has no conditional writes, so each key is checked just before it is written.")
    return " ".join(sentences)
