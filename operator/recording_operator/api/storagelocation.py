"""The StorageLocation: a bucket or directory, who may use it, how keys are made, and when to retry.

Administrators write it.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import (
    ApiModel,
    Bytes,
    Condition,
    DeletionPolicy,
    Duration,
    ObjectMeta,
    Time,
)
from recording_operator.api.meta import ByteCount as Generation
from recording_operator.api.quotas import QuotaList, QuotaStatusList
from recording_operator.api.source_object import IMPORTS_SCHEMA, ImportPrefix
from recording_operator.api.storagelocation_lifecycle import Lifecycle, LifecycleStatus
from recording_operator.api.storagelocation_lifecycle_rules import AWS_LIFECYCLE_RULES
from recording_operator.api.storagelocation_moves import MovesSpec
from recording_operator.api.storagelocation_orphans import ORPHAN_RULES, OrphansSpec, OrphansStatus
from recording_operator.api.storagelocation_prices import DEFAULT_PROFILE, Prices
from recording_operator.api.storagelocation_rules import (
    BANDWIDTH_SCHEMA,
    CONTENT_TYPE_PATTERN_SCHEMA,
    DEFAULT_KEY_TEMPLATE,
    EXPRESSION_RULES,
    KEY_TEMPLATE_SCHEMA,
    LOCATION_SPEC_RULES,
    NAMESPACE_SCHEMA,
    RETRY_DELAY_SCHEMA,
    RETRY_RULES,
)
from recording_operator.api.storagelocation_store import S3, Filesystem, StoreSpec

Slots = Annotated[int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": 1, "maximum": 1024})]
Weight = Annotated[int, WithJsonSchema({"type": "integer", "format": "int32", "minimum": 0, "maximum": 1000})]
LabelValue = Annotated[str, WithJsonSchema({"type": "string", "maxLength": 63})]
LabelKey = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 316})]


class SelectorOperator(StrEnum):
    """Operators of a label selector."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelSelectorRequirement(ApiModel):
    """One requirement on the labels of a namespace."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*EXPRESSION_RULES))

    key: LabelKey = Field(description="Key of the label.")
    operator: SelectorOperator = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: Annotated[tuple[LabelValue, ...], Field(json_schema_extra={"maxItems": 64})] = Field(
        default=(), description="Values for In and NotIn."
    )


class LabelSelector(ApiModel):
    """Selects namespaces by label. All requirements must be met. Without requirements it selects nothing."""

    match_labels: Annotated[
        dict[str, str],
        WithJsonSchema(
            {"type": "object", "maxProperties": 64, "additionalProperties": {"type": "string", "maxLength": 63}}
        ),
    ] = Field(default_factory=dict, description="Labels that a namespace must have.")
    match_expressions: Annotated[tuple[LabelSelectorRequirement, ...], Field(json_schema_extra={"maxItems": 32})] = (
        Field(default=(), description="Requirements on the labels of a namespace.")
    )


class AllowedNamespaces(ApiModel):
    """Namespaces whose Recordings may use the location, by name or by label. Empty: none."""

    names: Annotated[
        tuple[Annotated[str, WithJsonSchema(NAMESPACE_SCHEMA)], ...],
        Field(json_schema_extra={"maxItems": 1000, "x-kubernetes-list-type": "set"}),
    ] = Field(default=(), description="Names of namespaces.")
    selector: LabelSelector | None = Field(
        default=None,
        description="Selects namespaces by label. A selector without requirements selects none. To allow all "
        "namespaces, use the expression {key: kubernetes.io/metadata.name, operator: Exists}.",
    )


class LocationPlacement(ApiModel):
    """Which Recordings that name no location are stored here."""

    weight: Weight = Field(
        default=0,
        description="Share of the Recordings that name no location, 0 to 1000, relative to the weights of the other "
        "ready locations that admit the namespace. 0: only Recordings that name the location. A change does not move "
        "Recordings that were placed before.",
    )


class Limits(ApiModel):
    """Limits for the location."""

    concurrent_uploads: Slots | None = Field(
        default=None,
        description="Maximum number of artifacts in transfer to the location at the same time. Default: only the "
        "operator's own limit applies.",
    )
    per_namespace: Slots | None = Field(
        default=None,
        description="Maximum number of artifacts of one namespace in transfer to the location at the same time. "
        "Default: only the operator's own limit applies.",
    )
    max_artifact_size: Bytes | None = Field(
        default=None,
        description="Maximum size of an artifact, such as 50Gi. Default: only the operator's own limit applies.",
    )
    content_types: Annotated[
        tuple[Annotated[str, WithJsonSchema(CONTENT_TYPE_PATTERN_SCHEMA)], ...],
        Field(json_schema_extra={"maxItems": 32, "x-kubernetes-list-type": "set"}),
    ] = Field(
        default=(),
        description="Media types that may be stored, such as video/* or application/json. Both the declared type and "
        "the content itself are checked; anything else fails with UnexpectedContent. Default: no limit.",
    )
    bandwidth_per_second: Annotated[Bytes, WithJsonSchema(BANDWIDTH_SCHEMA)] | None = Field(
        default=None,
        description="Bytes per second for all transfers to the location together, such as 100Mi. Transfers share it "
        "evenly. A change takes effect at once. Default: no limit.",
    )


class RetryPolicy(ApiModel):
    """When a failed artifact is retried."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*RETRY_RULES))

    delays: Annotated[
        tuple[Annotated[Duration, WithJsonSchema(RETRY_DELAY_SCHEMA)], ...], Field(json_schema_extra={"maxItems": 10})
    ] = Field(
        default=(timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10)),
        description="Delays before the second, third, … attempt. If the attempt after the last delay fails, the "
        "artifact is Failed. Empty: no retry.",
    )
    until_expiry: bool = Field(
        default=False,
        description="If true, attempts continue with the last delay until the source expires, instead of ending.",
    )
    refresh_grace: Duration = Field(
        default=timedelta(hours=1),
        description="How long an artifact whose URL has expired waits for a fresh URL. Its stored parts are kept. 0s: "
        "it fails at once. If the source names a provider, how long the provider may give URLs that do not work.",
    )


class ManifestSpec(ApiModel):
    """The manifest of each Recording: a JSON document beside its objects that describes them."""

    enabled: bool = Field(
        default=True,
        description="Write metadata.json when a Recording ends, and again when it changes. false: write none; those "
        "that exist stay as they are.",
    )


class StorageLocationSpec(ApiModel):
    """A bucket or directory, and the rules for using it."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*LOCATION_SPEC_RULES, *AWS_LIFECYCLE_RULES, *ORPHAN_RULES))

    s3: S3 | None = Field(default=None, description="A bucket. Exactly one of s3 and filesystem is required.")
    filesystem: Filesystem | None = Field(
        default=None,
        description="A directory of a mounted filesystem, instead of a bucket.",
    )
    key_template: Annotated[str, WithJsonSchema(KEY_TEMPLATE_SCHEMA)] = Field(
        default=DEFAULT_KEY_TEMPLATE,
        description="How keys are made, after the prefix. Placeholders, each at most once: {org} {user} {project} "
        "{namespace} {name} {uid} {artifact} {ext} {year} {month} {day}. {uid} and {artifact} are "
        "required; {ext} must be at the end. Cannot be changed.",
    )
    allowed_namespaces: AllowedNamespaces = Field(
        default_factory=AllowedNamespaces,
        description="Namespaces whose Recordings may use the location. Default: none.",
    )
    placement: LocationPlacement = Field(
        default_factory=LocationPlacement, description="Which Recordings that name no location are stored here."
    )
    imports: Annotated[tuple[ImportPrefix, ...], Field(json_schema_extra=IMPORTS_SCHEMA)] = Field(
        default=(),
        description="Keys in the bucket that Recordings may name in source.object, by prefix. Default: none.",
    )
    limits: Limits = Field(default_factory=Limits, description="Limits for the location.")
    quotas: QuotaList = Field(
        default=(),
        description="How much organisations or namespaces may store in the location. A Recording has to fit into the "
        "quota of its organisation and that of its namespace. Default: no limit.",
    )
    retry: RetryPolicy = Field(default_factory=RetryPolicy, description="When a failed artifact is retried.")
    deletion_policies: Annotated[
        tuple[DeletionPolicy, ...],
        Field(json_schema_extra={"minItems": 1, "maxItems": 2, "x-kubernetes-list-type": "set"}),
    ] = Field(default=(DeletionPolicy.RETAIN,), description="Values that Recordings may use for deletionPolicy.")
    manifest: ManifestSpec = Field(
        default_factory=ManifestSpec,
        description="The manifest of each Recording, metadata.json. Default: it is written.",
    )
    moves: MovesSpec = Field(
        default_factory=MovesSpec,
        description="What happens when Recordings move to another location. docs/moves.md explains it.",
    )
    orphans: OrphansSpec = Field(
        default_factory=OrphansSpec,
        description="Objects that neither a Recording nor a manifest knows. Default: they are counted and kept.",
    )
    prices: Prices = Field(
        default_factory=Prices,
        description="What the store charges. Used by StorageReports. Default: the profile default.",
    )
    lifecycle: Lifecycle | None = Field(
        default=None,
        description="When objects move to another storage class and when they are deleted, by the bucket or by the "
        "operator. docs/lifecycle.md explains it. Default: never, and the operator does not touch the bucket's "
        "lifecycle configuration.",
    )

    @property
    def store(self) -> StoreSpec:
        """The store, of any kind."""
        store = self.s3 or self.filesystem
        if store is None:  # the API server accepts none without
            raise ValueError("a StorageLocation has s3 or filesystem")
        return store


class StorageLocationStatus(ApiModel):
    """Result of the operator's check. Only the operator writes it."""

    observed_generation: Generation | None = Field(default=None, description="The generation most recently reconciled.")
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            json_schema_extra={"maxItems": 16, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = Field(
        default=(),
        description="Ready: whether a test write, a multipart upload and its abort succeeded. LifecycleApplied: "
        "whether all rules of spec.lifecycle are carried out.",
    )
    capabilities: Annotated[
        dict[str, bool],
        WithJsonSchema({"type": "object", "maxProperties": 32, "additionalProperties": {"type": "boolean"}}),
    ] = Field(
        default_factory=dict,
        description="What the store supports, as found by the check. docs/stores.md explains each one.",
    )
    last_probe_time: Time | None = Field(default=None, description="When the store was last checked.")
    lifecycle: LifecycleStatus | None = Field(default=None, description="Who carries the rules of spec.lifecycle out.")
    quotas: QuotaStatusList = Field(
        default=(),
        description="How much of each quota is used. Written at most once a minute, and when one is exceeded.",
    )
    orphans: OrphansStatus | None = Field(
        default=None, description="Objects that neither a Recording nor a manifest knows, as of the last count."
    )


class StorageLocation(ApiModel):
    """A bucket or directory that Recordings may be stored in, who may use it, and how keys are made."""

    metadata: ObjectMeta
    spec: StorageLocationSpec
    status: StorageLocationStatus = Field(default_factory=StorageLocationStatus)

    @property
    def store(self) -> StoreSpec:
        """The store of the objects."""
        return self.spec.store

    @property
    def price_profile(self) -> str:
        """Name of the price profile. A filesystem without one is not priced as a bucket."""
        prices = self.spec.prices
        is_own = prices.profile != DEFAULT_PROFILE or prices.config_map is not None
        return prices.profile if is_own or self.spec.filesystem is None else "filesystem"

    @property
    def ready_condition(self) -> Condition | None:
        """The result of the last probe; None before the first."""
        return self.condition("Ready")

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type; None if there is none."""
        return next((condition for condition in self.status.conditions if condition.type == kind), None)
