"""Where the objects of a Recording go: location, bucket, prefix and keys."""

from recording_operator.api.recording import Recording
from recording_operator.engine.keys import KeyFacts, common_prefix, render_key
from recording_operator.engine.state import State
from recording_operator.engine.status import Placement


def key_facts(recording: Recording) -> KeyFacts:
    """What of a Recording goes into its keys. Raises ValueError for an object that no API server stored."""
    meta, owner = recording.metadata, recording.spec.owner
    if meta.creation_timestamp is None:
        raise ValueError("a stored object has a creationTimestamp")
    return KeyFacts(
        org=owner.org,
        user=owner.user,
        project=owner.project,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        created=meta.creation_timestamp,
    )


def key_of(state: State, recording: Recording, artifact: str) -> str | None:
    """The artifact's key, computed each time; None while the location is not known."""
    location = state.locations.get(recording.spec.storage_location)
    spec = next(spec for spec in recording.spec.artifacts if spec.name == artifact)
    if location is None:
        return None
    return render_key(
        prefix=location.store.prefix,
        template=location.spec.key_template,
        facts=key_facts(recording),
        artifact=artifact,
        content_type=spec.content_type,
    )


def placement_of(state: State, recording: Recording) -> Placement:
    """Where the Recording's objects go, as far as that is known."""
    name = recording.spec.storage_location
    location = state.locations.get(name)
    if location is None:
        return Placement(location=name, bucket=None, prefix=None)
    prefix = common_prefix(
        prefix=location.store.prefix, template=location.spec.key_template, facts=key_facts(recording)
    )
    return Placement(location=name, bucket=location.store.bucket, prefix=prefix)
