"""Whether a Recording is the one that its `spec.identity` names: only if the manifest in the store says so."""

from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.identity import FormerRecording, created_at, recording_uid
from recording_operator.engine.manifest import Manifest, manifest_key


def former_of(recording: Recording, location: StorageLocation) -> FormerRecording | None:
    """What the manifest at the location has to say first; None if the Recording claims no identity."""
    if recording.spec.identity is None:
        return None
    meta, owner = recording.metadata, recording.spec.owner
    return FormerRecording(
        uid=recording_uid(recording),
        namespace=meta.namespace,
        name=meta.name,
        org=owner.org,
        user=owner.user,
        project=owner.project,
        created=created_at(recording),
        location=location.metadata.name,
        location_uid=location.metadata.uid,
        manifest_key=manifest_key(recording, location),
    )


def contradiction(former: FormerRecording, manifest: Manifest) -> str | None:
    """What the manifest says otherwise, without its values: they may be another tenant's. None if it says the same."""
    owner = manifest.owner
    pairs = {
        "uid": (former.uid, manifest.uid),
        "namespace": (former.namespace, manifest.namespace),
        "name": (former.name, manifest.name),
        "owner": ((former.org, former.user, former.project), (owner.org, owner.user, owner.project)),
        "creation time": (former.created, manifest.created_at),
    }
    other = [what for what, (claimed, said) in pairs.items() if claimed != said]
    return " and ".join(other) or None
