"""The events of Recordings, with presigned URLs if the sink asks for them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from recording_operator.api.eventsink import EventSink
from recording_operator.api.names import API_VERSION, PROVIDER_ID_ANNOTATION
from recording_operator.api.notification import EventName
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.executors.executor import StoreSource
from recording_operator.controller.identities import confirm
from recording_operator.engine.actions import SendNotification
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import recording_uid
from recording_operator.notify.events import SinkEvent
from recording_operator.notify.payloads import ArtifactData, DeletedEvent, OwnerData, RecordingData, RecordingEvent
from recording_operator.stores.presigning import CdnKey, NotPresignableError, PresignedUrl

Urls = Mapping[str, PresignedUrl]
_NO_URLS: Final[Urls] = {}


class Payloads:
    """Makes events. `stores` presigns URLs, and `cdn` gives the CDN of a location."""

    def __init__(self, stores: StoreSource, *, cdn: Callable[[StorageLocation], CdnKey | None]) -> None:
        self._stores = stores
        self._cdn = cdn

    def event(self, action: SendNotification, sink: EventSink) -> SinkEvent:
        """The event of this action for a sink.

        Raises TransferError, LocationError, SecretError and KubeError if URLs cannot be made now.
        """
        presign = sink.spec.presign
        has_files = not action.objects_deleted
        urls = _NO_URLS if presign is None or not has_files else self._urls(action, presign.expires_after)
        return recording_event(action, urls)

    def _urls(self, action: SendNotification, expires: timedelta) -> Urls:
        recording, location = action.recording, action.location
        stored = [one for one in recording.status.artifacts if one.is_stored and one.key is not None]
        if location is None or not stored or recording.status.bucket != location.store.bucket:
            return _NO_URLS
        store = self._stores.store_named(location.metadata.name, uid=location.metadata.uid)
        if (former := former_of(recording, location)) is not None:
            confirm(store, former)
        cdn = self._cdn(location)
        urls = {}
        for one in stored:
            with suppress(NotPresignableError):  # archived, or in a directory, which serves no HTTP
                urls[one.name] = store.presign(
                    str(one.key),
                    version_id=one.version_id,
                    recording_uid=recording_uid(recording),
                    expires=expires,
                    cdn=cdn,
                )
        return urls


def recording_event(action: SendNotification, urls: Urls = _NO_URLS) -> SinkEvent:
    """The event of this action."""
    recording, name = action.recording, EventName(action.event)
    meta, data = recording.metadata, _recording_data(recording, urls)
    is_end = name is EventName.DELETED
    objects = DeletedEvent(recording=data, objects="Deleted" if action.objects_deleted else "Kept") if is_end else None
    return SinkEvent(
        name=name,
        id=action.id,
        source=f"/apis/{API_VERSION}/namespaces/{meta.namespace}/recordings/{meta.name}",
        subject=meta.name,
        time=action.time,
        org=recording.spec.owner.org,
        data=RecordingEvent(recording=data) if objects is None else objects,
    )


def _recording_data(recording: Recording, urls: Urls) -> RecordingData:
    meta, spec, status = recording.metadata, recording.spec, recording.status
    states = {one.name: one for one in status.artifacts}
    return RecordingData(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        former_uid=None if spec.identity is None else spec.identity.uid,
        provider_id=meta.annotations.get(PROVIDER_ID_ANNOTATION),
        title=spec.title or None,
        labels=dict(meta.labels),
        owner=OwnerData(org=spec.owner.org, user=spec.owner.user, project=spec.owner.project),
        phase=status.phase,
        reason=status.reason,
        storage_location=status.storage_location,
        manifest_uri=status.manifest_uri,
        created_at=meta.creation_timestamp,
        completed_at=status.completed_at,
        artifacts=tuple(_artifact_data(one, states[one.name], urls) for one in spec.artifacts if one.name in states),
    )


def _artifact_data(spec: ArtifactSpec, state: ArtifactStatus, urls: Urls) -> ArtifactData:
    url = urls.get(spec.name)
    outline = ArtifactData(name=spec.name, kind=spec.kind, phase=state.phase, reason=state.reason)
    if not state.is_stored:
        return outline
    return outline.model_copy(
        update={
            "uri": state.uri,
            "version_id": state.version_id,
            "size": state.bytes_total,
            "checksum": state.checksum,
            "content_type": state.content_type,
            "url": None if url is None else url.url,
            "url_expires_at": None if url is None else url.expires_at,
        }
    )
