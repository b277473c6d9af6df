"""Where the objects of a Recording are stored: location, bucket, prefix and keys. Always computed, never remembered."""

from dataclasses import dataclass

from recording_operator.api.recording import Recording
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.identity import created_at, recording_uid
from recording_operator.engine.keys import KeyFacts, common_prefix, render_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the objects of a Recording are stored, as far as it is known."""

    location: str | None
    bucket: str | None
    prefix: str | None


def location_name(recording: Recording) -> str | None:
    """The location of the Recording; None before it is placed. The only place of the engine that asks this."""
    return recording.location


def key_facts(recording: Recording) -> KeyFacts:
    """The fields of a Recording that go into its keys. Raises ValueError for an object that no API server stored."""
    meta, owner = recording.metadata, recording.spec.owner
    return KeyFacts(
        org=owner.org,
        user=owner.user,
        project=owner.project,
        namespace=meta.namespace,
        name=meta.name,
        uid=recording_uid(recording),
        created=created_at(recording),
    )


def key_of(recording: Recording, artifact: str, location: StorageLocation) -> str:
    """The artifact's key at the location."""
    spec = next(spec for spec in recording.spec.artifacts if spec.name == artifact)
    return render_key(
        prefix=location.store.prefix,
        template=location.spec.key_template,
        facts=key_facts(recording),
        artifact=artifact,
        content_type=spec.content_type,
    )


def placement_of(recording: Recording, name: str | None, location: StorageLocation | None) -> Placement:
    """Where the Recording's objects are stored: at the location `name`. `location` is None while it is not known."""
    if name is None or location is None:
        return Placement(location=name, bucket=None, prefix=None)
    prefix = common_prefix(
        prefix=location.store.prefix, template=location.spec.key_template, facts=key_facts(recording)
    )
    return Placement(location=name, bucket=location.store.bucket, prefix=prefix)
