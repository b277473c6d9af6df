"""Makes a Recording of an event, or adds what the event brings to the one that exists already.

Every step can be repeated: a receiver that ends between two of them leaves nothing that the redelivery does not
complete. A new Recording is created before its Secrets, which belong to it. A Recording that exists is changed last, so
that the mark of the delivery says that all of it is written.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from recording_operator.api.names import PROVIDER_ID_ANNOTATION, RECORDING_SOURCE_LABEL
from recording_operator.api.recordingsource import FailurePolicy, ProviderName, RecordingSource
from recording_operator.kube.errors import AlreadyExists, ApiUnavailable, Conflict, NotFound
from recording_operator.kube.receiving import ReceiverApi
from recording_operator.providers.provider import Event, Outcome
from recording_operator.receiver.drafting import Draft, draft
from recording_operator.receiver.marks import Mark, Marks
from recording_operator.receiver.merging import Merged, merge, renewable, secrets_named
from recording_operator.receiver.results import Result
from recording_operator.receiver.secretwriter import SecretWriter, reference_to

_TRIES: Final = 10

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    draft: Draft
    event: Event
    mark: Mark

    @property
    def namespace(self) -> str:
        return str(self.draft.recording["metadata"]["namespace"])


class Intake:
    """Writes what deliveries bring. Thread-safe."""

    def __init__(self, api: ReceiverApi, *, on_left_out: Callable[[ProviderName], None] = lambda _: None) -> None:
        """`on_left_out` is called for each file of an event that is too large to be kept."""
        self._api = api
        self._on_left_out = on_left_out
        self._secrets = SecretWriter(api)

    def take(self, source: RecordingSource, event: Event, body: bytes, *, asks_api: bool) -> Result:
        """Write what a genuine delivery brings.

        Raises DraftError, SecretTaken, and KubeError if not everything was written.
        """
        ignores = source.spec.failures is FailurePolicy.IGNORE
        if event.outcome is Outcome.IGNORED or (event.outcome is Outcome.FAILED and ignores):
            return Result.IGNORED
        drafted = draft(source, event, asks_api=asks_api)
        if not drafted.artifacts:
            return Result.IGNORED
        self._note_left_out(source, drafted)
        delivery = _Delivery(draft=drafted, event=event, mark=Mark.of(event, body))
        for _ in range(_TRIES):
            try:
                return self._create(delivery)
            except AlreadyExists:
                pass
            except Conflict:  # another receiver works on the same delivery
                continue
            try:
                return self._add(delivery)
            except (Conflict, NotFound):  # it was changed or deleted meanwhile
                continue
        raise ApiUnavailable(f"Recording {drafted.name}: it is changed too often")

    def _note_left_out(self, source: RecordingSource, drafted: Draft) -> None:
        for name in drafted.left_out:
            self._on_left_out(source.spec.provider)
            extra = {"namespace": source.metadata.namespace, "recording": drafted.name}
            _logger.warning("The content of %s is empty or larger than 1 MiB: it is left out", name, extra=extra)

    def _create(self, delivery: _Delivery) -> Result:
        body = delivery.draft.recording
        annotations = {**body["metadata"]["annotations"], **Marks().annotation(delivery.mark)}
        metadata = {**body["metadata"], "annotations": annotations}
        stored = self._api.create_recording(delivery.namespace, {**body, "metadata": metadata})
        for secret in delivery.draft.secrets:
            self._secrets.create(delivery.namespace, secret, owner=reference_to(stored))
        return Result.ACCEPTED

    def _add(self, delivery: _Delivery) -> Result:
        stored = self._api.get_recording(delivery.namespace, delivery.draft.name)
        if not _is_same(stored, delivery.draft):
            extra = {"namespace": delivery.namespace, "recording": delivery.draft.name}
            _logger.warning("A Recording of another origin has the name: the delivery is dropped", extra=extra)
            return Result.CONFLICT
        if stored["metadata"].get("deletionTimestamp"):
            raise ApiUnavailable(f"Recording {delivery.draft.name}: it is being deleted")
        marks = Marks.of(stored)
        earlier = marks.earlier(delivery.mark)
        if earlier is not None and earlier.body_hash != delivery.mark.body_hash:
            return Result.CONFLICTING_REDELIVERY
        is_new = earlier is None
        renewed = renewable(stored, delivery.event) if is_new and marks.is_newest(delivery.mark) else frozenset[str]()
        merged = merge(stored, delivery.draft, delivery.event, renewed=renewed)
        written = self._write_secrets(delivery, stored, merged)
        if not is_new:
            return Result.DUPLICATE
        restarts = merged.must_restart(written)
        self._api.change_recording(
            delivery.namespace,
            delivery.draft.name,
            resource_version=stored["metadata"]["resourceVersion"],
            annotations=marks.annotation(delivery.mark),
            artifacts=merged.artifacts if merged.artifacts != stored["spec"]["artifacts"] else None,
            retry_token=f"delivery-{delivery.mark.id_hash}" if restarts else None,
        )
        return Result.ACCEPTED if merged.added or written or restarts else Result.DUPLICATE

    def _write_secrets(self, delivery: _Delivery, stored: Mapping[str, Any], merged: Merged) -> frozenset[str]:
        """Complete the Secrets that the artifacts name. Returns the artifacts of which something was written."""
        named = secrets_named(merged.artifacts)
        owner = reference_to(stored)
        changes = [
            self._secrets.complete(delivery.namespace, secret, owner=owner, renewed=merged.renewed)
            for secret in delivery.draft.secrets
            if secret.name in named
        ]
        return frozenset[str]().union(*changes)


def _is_same(stored: Mapping[str, Any], drafted: Draft) -> bool:
    """Whether the stored Recording is the one of this source and of this id."""
    metadata, wanted = stored["metadata"], drafted.recording["metadata"]
    source = (metadata.get("labels") or {}).get(RECORDING_SOURCE_LABEL)
    recording_id = (metadata.get("annotations") or {}).get(PROVIDER_ID_ANNOTATION)
    return bool(
        source == wanted["labels"][RECORDING_SOURCE_LABEL]
        and recording_id == wanted["annotations"][PROVIDER_ID_ANNOTATION]
    )
