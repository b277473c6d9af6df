"""Recordings and locations for tests. Each test states what matters to it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from recording_operator.api.meta import DeletionPolicy, ObjectMeta
from recording_operator.api.quotas import Quota
from recording_operator.api.recording import (
    ArtifactKind,
    ArtifactSpec,
    ArtifactStatus,
    Owner,
    Phase,
    ProviderRecording,
    Recording,
    RecordingSpec,
    RecordingStatus,
    SecretKeyRef,
    SourceRef,
    SourceUpload,
)
from recording_operator.api.source_object import ImportPrefix, SourceObject
from recording_operator.api.storagelocation import (
    AllowedNamespaces,
    Limits,
    LocationPlacement,
    ManifestSpec,
    RetryPolicy,
    StorageLocation,
    StorageLocationSpec,
)
from recording_operator.api.storagelocation_moves import MovedFrom, MovesSpec
from recording_operator.api.storagelocation_store import S3
from recording_operator.api.storagereport import ReportScope
from recording_operator.engine.facts import BudgetHold
from recording_operator.engine.queue import Capacity
from recording_operator.engine.state import EngineOptions

START = datetime(2026, 11, 21, 9, 0, 0, tzinfo=UTC)
NAMESPACE = "team-a"
KEY_TEMPLATE = "meeting-recordings/{org}/{user}/{uid}/{artifact}{ext}"


def uid_of(number: int) -> str:
    """A uid as the API server makes them, from a number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def engine_options(
    *,
    capacity: Capacity | None = None,
    default_ttl: timedelta = timedelta(0),
    gives_up_after: timedelta | None = None,
) -> EngineOptions:
    """Options of an engine that is given its time by a test."""
    capacity = capacity or Capacity(total=16, per_namespace=16)
    return EngineOptions(
        capacity=capacity,
        progress_every=timedelta(seconds=10),
        default_ttl=default_ttl,
        give_up_deleting_after=gives_up_after,
    )


def an_artifact(
    name: str = "video",
    *,
    url: str | None = "https://media.example.com/v.mp4?sig=1",
    secret: str | None = None,
    inline: str | None = None,
    key: str | None = None,
    content: str | None = None,
    upload: SourceUpload | None = None,
    provider: ProviderRecording | None = None,
    optional: bool = False,
    expires_at: datetime | None = None,
) -> ArtifactSpec:
    """An artifact with a URL; `secret` (its name), `inline`, `content` (name of a Secret), `key` (of an object at
    `egress`) or `upload` replaces that. A provider stands beside the URL or the Secret."""
    source = None
    content_secret = SecretKeyRef(name=content, key="content") if content is not None else None
    if key is not None:
        source = SourceRef(object=SourceObject(storage_location="egress", key=key))
    elif upload is not None:
        source = SourceRef(upload=upload)
    elif secret is not None:
        source = SourceRef(
            url_secret_ref=SecretKeyRef(name=secret, key="url"), expires_at=expires_at, provider=provider
        )
    elif inline is None and content is None:
        source = SourceRef(url=url, expires_at=expires_at, provider=provider)
    return ArtifactSpec(
        name=name,
        kind=ArtifactKind.VIDEO,
        content_type="video/mp4",
        optional=optional,
        source=source,
        inline=inline,
        content_secret_ref=content_secret,
    )


def a_provider(media: str = "video", *, recording_id: str = "bot-1", failure: str | None = None) -> ProviderRecording:
    """A file of a recording that the provider of the RecordingSource `calls` keeps."""
    return ProviderRecording(recording_source="calls", id=recording_id, media=media, failure=failure)


def a_recording(
    *artifacts: ArtifactSpec,
    number: int = 1,
    name: str | None = None,
    namespace: str = NAMESPACE,
    location: str | None = "archive",
    org: str = "acme",
    version: int = 1,
    generation: int = 1,
    created: datetime = START,
    status: RecordingStatus | None = None,
    finalizers: Sequence[str] = (),
    deleted_at: datetime | None = None,
    priority: int = 0,
    suspend: bool = False,
    cancel: bool = False,
    retry_token: str = "",
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN,
    ttl: timedelta | None = None,
) -> Recording:
    """A Recording as the API server returns it; `number` makes its uid."""
    return Recording(
        metadata=ObjectMeta(
            name=name or f"rec-{number}",
            namespace=namespace,
            uid=uid_of(number),
            resource_version=str(version),
            generation=generation,
            creation_timestamp=created,
            deletion_timestamp=deleted_at,
            finalizers=tuple(finalizers),
        ),
        spec=RecordingSpec(
            storage_location=location,
            owner=Owner(org=org),
            artifacts=artifacts or (an_artifact(),),
            priority=priority,
            suspend=suspend,
            cancel=cancel,
            retry_token=retry_token,
            deletion_policy=deletion_policy,
            ttl_after_finished=ttl,
        ),
        status=status or RecordingStatus(),
    )


def a_location(
    name: str = "archive",
    *,
    namespaces: Sequence[str] = (NAMESPACE, "team-b"),
    allowed: AllowedNamespaces | None = None,
    policies: Sequence[DeletionPolicy] = (DeletionPolicy.RETAIN, DeletionPolicy.DELETE),
    retry: RetryPolicy | None = None,
    limits: Limits | None = None,
    manifest: bool = False,
    weight: int = 0,
    moved: MovedFrom = MovedFrom.KEEP,
    quotas: Sequence[Quota] = (),
    bucket: str | None = None,
    imports: Sequence[str] = (),
) -> StorageLocation:
    """A location that admits the namespaces of these tests. `manifest`: it has manifests; `imports`: open prefixes."""
    return StorageLocation(
        metadata=ObjectMeta(name=name, uid=f"location-{name}", generation=1),
        spec=StorageLocationSpec(
            s3=S3(bucket=bucket or f"bucket-{name}", prefix="p/"),
            key_template=KEY_TEMPLATE,
            allowed_namespaces=allowed or AllowedNamespaces(names=tuple(namespaces)),
            retry=retry or RetryPolicy(),
            limits=limits or Limits(),
            placement=LocationPlacement(weight=weight),
            imports=tuple(ImportPrefix(prefix=prefix) for prefix in imports),
            deletion_policies=tuple(policies),
            manifest=ManifestSpec(enabled=manifest),
            moves=MovesSpec(from_=moved),
            quotas=tuple(quotas),
        ),
    )


def a_budget_hold(
    report: str = "all",
    *,
    orgs: Sequence[str] = (),
    namespaces: Sequence[str] = (),
    locations: Sequence[str] = (),
    cost: str = "51.20 USD",
    budget: str = "50 USD",
) -> BudgetHold:
    """The hold of a report; without names it includes all."""
    scope = ReportScope(orgs=tuple(orgs), namespaces=tuple(namespaces), storage_locations=tuple(locations))
    return BudgetHold(report=report, scopes=(scope,), cost=cost, budget=budget)


def an_artifact_status(name: str = "video", *, phase: Phase = Phase.PENDING, **fields: object) -> ArtifactStatus:
    """The status of one artifact."""
    return ArtifactStatus.model_validate({"name": name, "phase": phase, **fields})


def a_finished_recording(
    phase: Phase = Phase.COMPLETE,
    *,
    status: dict[str, Any] | None = None,
    artifacts: Sequence[ArtifactSpec] = (),
    **fields: Any,
) -> Recording:
    """A Recording that ended at START; `status` changes fields of its status."""
    artifact = an_artifact_status(phase=phase)
    whole = {
        "phase": phase,
        "observedGeneration": 1,
        "completedAt": START,
        "settled": True,
        "artifacts": [artifact],
        **(status or {}),
    }
    return a_recording(*artifacts, status=RecordingStatus.model_validate(whole), **fields)
