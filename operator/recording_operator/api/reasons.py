"""The table of reasons: what a status, an Event or a metric may name as its cause, and what the operator does about it.

Reasons are CamelCase and closed: tools may branch on them. A new reason is one row here. What the operator does about a
reason is a verdict or a trait of its row; other modules call `reasons_with` and keep no lists of their own. The
sentence appears in docs/troubleshooting.md.
"""

from enum import Enum, StrEnum, auto
from typing import Final, Self


class Verdict(Enum):
    """What happens to an artifact after an attempt has ended with a reason."""

    RETRY = "retry"
    """The attempt is spent. The artifact is tried again after the location's retry delays, then it fails."""
    FINAL = "final"
    """The artifact fails at once: no later attempt could succeed."""
    WAIT = "wait"
    """No attempt is spent. The artifact is tried again after a short delay, or when the cause has changed."""
    EXPIRED = "expired"
    """The artifact waits for a fresh URL until the location's refresh grace is over, then it fails."""


class Trait(Enum):
    """Other effects of a reason."""

    SILENT = auto()
    """No Event announces it."""
    NORMAL_EVENT = auto()
    """Its Event has the type Normal; the Events of all others are Warnings."""
    STALLS = auto()
    """Only a person can end it: the Recording gets the condition Stalled."""
    RECHECKS_LOCATION = auto()
    """The StorageLocation is checked again before anything else is tried there."""
    WAITS_FOR_LOCATION = auto()
    """The artifact continues as soon as the StorageLocation is Ready."""
    ABOUT_SECRET = auto()
    """A Secret that the Recording names is missing or not usable."""
    KEPT_IN_QUEUE = auto()
    """It stays in the status of an artifact that may start, instead of Queued."""
    ABOUT_PROVIDER = auto()
    """The provider gives no URL. It is queried again, without a slot, until it does."""
    ASKS_PROVIDER = auto()
    """The URL does not work any more. If the source names a provider, it is queried for a fresh one."""
    BLOCKS_SINK = auto()
    """Nothing can be sent to an EventSink before its spec, or what it names, is changed: it is read again regularly."""
    TRANSIENT = auto()
    """The failure often lasts only a moment: the request is retried within the attempt."""
    MAY_RECOVER = auto()
    """The failure may end without intervention. `recording-operator copy` exits with 75 (EX_TEMPFAIL): try later."""
    NEEDS_ADMINISTRATOR = auto()
    """Only the owner of the location can repair it. Until then, a StorageReport counts in another way."""
    REJECTS_CREDENTIALS = auto()
    """The store rejects the credentials. It may accept renewed ones, where they expire."""
    NEW_SOURCE = auto()
    """Often temporary for a source that was published seconds ago: the request is retried within the attempt."""
    ONE_USE_URL = auto()
    """If the first request succeeded, a second one that fails with this reason suggests that the URL works only once."""
    BREAKS_RANGE = auto()
    """May mean that the source closes the connection if a range is requested."""
    NO_NEW_REQUESTS = auto()
    """The source rejects new requests, but may still complete responses that have begun."""
    UPLOAD_USELESS = auto()
    """The parts of the open upload cannot be used any more: the upload is aborted."""
    WRONG_BYTES = auto()
    """The bytes are wrong or cannot be verified: the condition IntegrityVerified is False."""
    REJECTS_BYTES = auto()
    """A store may reject a body with a wrong checksum with this reason."""
    STREAMS_INSTEAD = auto()
    """The store cannot copy, may not read the source, or copies wrongly. The bytes are streamed instead."""
    ENDS_PROBE = auto()
    """The check of the location ends, because no other method of upload would succeed either."""
    MAY_BE_ONE_OBJECT = auto()
    """If a store says this of an object, others of the location may still be readable."""


_Location: Final = (Trait.RECHECKS_LOCATION,)
_Transient: Final = (Trait.TRANSIENT, Trait.MAY_RECOVER)


class Reason(StrEnum):
    """Machine-readable cause of the state of a Recording, an artifact, a StorageLocation or a StorageReport.

    `verdict` is None if no attempt can end with the reason.
    """

    sentence: str
    verdict: Verdict | None
    traits: frozenset[Trait]

    def __new__(cls, name: str, sentence: str = "", verdict: Verdict | None = None, *traits: Trait) -> Self:
        """One row: the name, the sentence of the documentation, the verdict, the traits."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.sentence = sentence
        member.verdict = verdict
        member.traits = frozenset(traits)
        return member

    @classmethod
    def _missing_(cls, value: object) -> "Reason | None":
        """Read the names that an earlier version wrote, such as `TargetQuota`."""
        if isinstance(value, str) and value.startswith("Target"):
            newer = value.replace("Target", "Store", 1)
            return next((reason for reason in cls if reason.value == newer), None)
        return None

    # fmt: off
    # Life of a Recording
    QUEUED = "Queued", "The Recording waits for a free upload slot. There is nothing to do.", None, Trait.SILENT
    UPLOADING = "Uploading", "Artifacts are being uploaded.", None, Trait.NORMAL_EVENT
    STORED = "Stored", "Every artifact is in the store and was verified there.", None, Trait.NORMAL_EVENT
    PARTIALLY_STORED = "PartiallyStored", "Every required artifact is stored. An optional one failed; see status.artifacts."
    EXPIRED = "Expired", "A rule in spec.lifecycle of the StorageLocation has deleted the stored objects, because of their age. The Recording stays Complete; it is no longer in reports. There is nothing to do.", None, Trait.NORMAL_EVENT
    SUSPENDED = "Suspended", "spec.suspend is true. A Recording keeps what is stored so far, an EventSink keeps its events, and a RecordingSource rejects deliveries. Set it to false to resume.", None, Trait.NORMAL_EVENT
    CANCELLED = "Cancelled", "spec.cancel is true, and the upload was aborted. Set it to false to start again.", Verdict.FINAL, Trait.NORMAL_EVENT
    DELETING = "Deleting", "The Recording is being deleted, and nothing blocks its deletion any more."
    DELETION_BLOCKED = "DeletionBlocked", "The Recording is being deleted, and its objects cannot be removed from the store (deletionPolicy Delete). The message says why. The removal is retried. Repair the location, or set deletionPolicy to Retain to delete only the Recording."
    RETENTION_IN_FORCE = "RetentionInForce", "The object is protected by Object Lock (retention or a legal hold), so it cannot be deleted before that ends. The removal is retried until then. To delete only the Recording, set its deletionPolicy to Retain.", Verdict.RETRY
    OBJECTS_LEFT = "ObjectsLeft", "A Recording with deletionPolicy Delete was removed from Kubernetes, but its objects stay in the store: they could not be deleted within deletion.giveUpAfter of the operator's settings, or no StorageLocation with their bucket exists any more. The log of the operator lists them. Delete them by hand if they are not needed."
    MOVING = "Moving", "The objects are being copied to the StorageLocation in spec.storageLocation, or the old ones are being removed (docs/moves.md). They can be read all the time.", None, Trait.NORMAL_EVENT
    MOVE_FAILED = "MoveFailed", "The objects could not be copied to the StorageLocation in spec.storageLocation, after all attempts of its spec.retry. They stay where they are. Repair the cause and change spec.retryToken to try again, or set spec.storageLocation back."
    OLD_OBJECTS_KEPT = "OldObjectsKept", "A Recording was moved, and its old objects stay although moves.from of the old StorageLocation is Delete: they are under retention, or the location does not exist any more.", None
    INTERRUPTED = "Interrupted", "The operator stopped or moved during the upload. The upload resumes where it stopped. No attempt is spent.", Verdict.WAIT, Trait.NORMAL_EVENT, Trait.MAY_RECOVER, Trait.KEPT_IN_QUEUE
    # The StorageLocation of a Recording
    LOCATION_NOT_FOUND = "LocationNotFound", "No StorageLocation has the name in spec.storageLocation (or in status.storageLocation, where the Recording was placed). Create it; the Recording waits.", Verdict.WAIT, Trait.STALLS, Trait.WAITS_FOR_LOCATION
    NO_LOCATION = "NoLocation", "The Recording names no StorageLocation, and none with a spec.placement.weight admits its namespace. It waits and spends no attempt. Ask the platform team for one, or create the Recording again with spec.storageLocation.", Verdict.WAIT, Trait.STALLS
    LOCATION_NOT_ALLOWED = "LocationNotAllowed", "The StorageLocation does not admit this namespace. Ask its owner to add it to spec.allowedNamespaces.", Verdict.WAIT, Trait.STALLS
    LOCATION_NOT_READY = "LocationNotReady", "The check of the StorageLocation fails (kubectl describe storagelocation), or of all those that the Recording could be placed in. The Recording waits and spends no attempt.", Verdict.WAIT, Trait.WAITS_FOR_LOCATION, Trait.MAY_RECOVER
    IMPORT_NOT_ALLOWED = "ImportNotAllowed", "The StorageLocation in source.object does not open the key to the Recording's namespace. Ask its owner to add a prefix to spec.imports, or correct the key. The Recording waits and spends no attempt.", Verdict.WAIT, Trait.STALLS
    DELETION_POLICY_NOT_ALLOWED = "DeletionPolicyNotAllowed", "spec.deletionPolicy is Delete, but the location's deletionPolicies do not contain Delete. Use Retain, or ask the owner of the location to allow it."
    # The budget of a StorageReport
    BUDGET_EXCEEDED = "BudgetExceeded", "The month has cost as much as the budget of a StorageReport whose budget.action is HoldUploads, so no upload begins in its scope. The Recording waits and spends no attempt, but its URL may expire. It continues when the budget is raised, the report is suspended or deleted, or the month ends. With a priority of 100 or more it starts at once.", Verdict.WAIT, Trait.MAY_RECOVER
    # The quotas of a StorageLocation
    QUOTA_EXCEEDED = "QuotaExceeded", "The organisation or namespace has no room left for this artifact in spec.quotas of the StorageLocation. With action Hold, the Recording waits and spends no attempt, but its URL may expire; it continues when recordings are deleted or expire, or the quota is raised. With action Fail, it fails; change spec.retryToken to try again.", Verdict.WAIT, Trait.MAY_RECOVER, Trait.KEPT_IN_QUEUE
    QUOTA_AVAILABLE = "QuotaAvailable", "There is room in a quota of the StorageLocation again."
    # Secrets that a Recording names
    SECRET_NOT_FOUND = "SecretNotFound", "The Secret (or the key in it) that the source, a RecordingSource or an EventSink names does not exist in the same namespace, or the operator may not read it.", Verdict.WAIT, Trait.STALLS, Trait.ABOUT_SECRET, Trait.BLOCKS_SINK
    SECRET_NOT_USABLE = "SecretNotUsable", "The Secret lacks the opt-in label recordings.dev/source-headers=true, or its annotation recordings.dev/allowed-hosts does not name the host of the source. Or the Secret of an artifact's content, a RecordingSource or an EventSink has no usable value; the message says why.", Verdict.WAIT, Trait.STALLS, Trait.ABOUT_SECRET, Trait.BLOCKS_SINK
    # The source
    SOURCE_EXPIRED = "SourceExpired", "The URL has expired. Apply a fresh URL before the location's retry.refreshGrace is over: the upload resumes where it stopped.", Verdict.EXPIRED, Trait.STALLS, Trait.NO_NEW_REQUESTS, Trait.ASKS_PROVIDER
    SOURCE_NOT_READY = "SourceNotReady", "The source says that the recording is not ready (202, 409, 423, 425, or a short note instead of the content) or that the URL is not valid yet. If the source says when to retry, no attempt is spent before the URL expires.", Verdict.RETRY, *_Transient
    SOURCE_NOT_FOUND = "SourceNotFound", "The source responded with 404 or 410, or the location has no object at source.object.key. A 404 or a missing object is retried, because providers publish late; a 410 fails at once. Check the URL with its provider and apply a fresh one, or correct the key.", Verdict.RETRY, Trait.MAY_RECOVER, Trait.ONE_USE_URL, Trait.ASKS_PROVIDER
    SOURCE_FORBIDDEN = "SourceForbidden", "The source denied the request (400, 401, 403), and the URL has not expired. Check the URL, its signature and the headers.", Verdict.RETRY, Trait.NEW_SOURCE, Trait.ONE_USE_URL, Trait.NO_NEW_REQUESTS, Trait.ASKS_PROVIDER
    SOURCE_BLOCKED = "SourceBlocked", "The operator's source policy does not allow this URL, or an address that it resolves or redirects to. Ask the platform team.", Verdict.FINAL
    SOURCE_INVALID = "SourceInvalid", "The URL cannot be used. Write an absolute https URL without user name, password or fragment.", Verdict.FINAL
    SOURCE_UNRESOLVABLE = "SourceUnresolvable", "The host name of the source does not resolve.", Verdict.RETRY, *_Transient
    SOURCE_UNREACHABLE = "SourceUnreachable", "No connection to the source could be made.", Verdict.RETRY, *_Transient
    SOURCE_UNAVAILABLE = "SourceUnavailable", "The source responded with 408, 421, 429 or 5xx. The request is retried.", Verdict.RETRY, *_Transient
    SOURCE_TLS_ERROR = "SourceTLSError", "The TLS certificate or protocol of the source is not acceptable. There is no option to skip the check.", Verdict.RETRY, Trait.MAY_RECOVER
    SOURCE_REDIRECT_LIMIT = "SourceRedirectLimit", "The source redirects more often than the policy allows.", Verdict.FINAL
    SOURCE_TOO_SLOW = "SourceTooSlow", "The source repeatedly sent less than the minimum rate of the policy.", Verdict.RETRY, *_Transient
    SOURCE_TOO_LARGE = "SourceTooLarge", "The artifact is larger than the location or the operator allows.", Verdict.FINAL, Trait.UPLOAD_USELESS
    SOURCE_EMPTY = "SourceEmpty", "The source sent no bytes. It is retried, because providers publish late. If the file is meant to be empty, set source.size to 0.", Verdict.RETRY, Trait.MAY_RECOVER
    SOURCE_RESET = "SourceReset", "The connection to the source broke. The upload resumes after the last stored part.", Verdict.RETRY, *_Transient, Trait.BREAKS_RANGE
    SOURCE_TRUNCATED = "SourceTruncated", "In every attempt, the source stopped sending at the same byte, before its stated length. Ask its provider for a complete file.", Verdict.FINAL
    SOURCE_CHANGED = "SourceChanged", "The content of the source changed during the upload, and again after a restart.", Verdict.FINAL
    SOURCE_PROTOCOL_ERROR = "SourceProtocolError", "The response of the source breaks the rules of HTTP, for example with a wrong Content-Range.", Verdict.RETRY, *_Transient, Trait.BREAKS_RANGE
    UNEXPECTED_CONTENT = "UnexpectedContent", "The content is not what spec.artifacts declares, for example a login page instead of a video, or limits.contentTypes of the StorageLocation does not allow it. Apply a fresh URL; if a client has sent the file (source.upload), send the right one in an artifact of its own. If the content is intended, declare it with contentType, or choose another location.", Verdict.FINAL
    SIZE_MISMATCH = "SizeMismatch", "The size differs from the one in the spec, or from the one that the source stated.", Verdict.FINAL, Trait.NEW_SOURCE, Trait.UPLOAD_USELESS, Trait.WRONG_BYTES
    CHECKSUM_MISMATCH = "ChecksumMismatch", "The bytes do not have the checksum in the spec.", Verdict.FINAL, Trait.UPLOAD_USELESS, Trait.WRONG_BYTES
    INTEGRITY_UNVERIFIABLE = "IntegrityUnverifiable", "The source states no length and ends by closing the connection, so a truncated response cannot be distinguished from a complete one: set source.size or source.checksum. Or the object is in an archive storage class and cannot be read back.", Verdict.FINAL, Trait.WRONG_BYTES, Trait.MAY_BE_ONE_OBJECT
    # The provider of a recording
    REFRESHING_URL = "RefreshingURL", "The URL does not work any more, and the provider in source.provider is queried for a fresh one. The upload resumes where it stopped, and no attempt is spent. There is nothing to do.", None, Trait.NORMAL_EVENT, Trait.KEPT_IN_QUEUE
    PROVIDER_SOURCE_MISSING = "ProviderSourceMissing", "No RecordingSource of the namespace has the name in source.provider, or it has no spec.api. Create it, or apply a URL. The Recording waits and spends no attempt.", Verdict.WAIT, Trait.STALLS, Trait.ABOUT_PROVIDER
    PROVIDER_UNAVAILABLE = "ProviderUnavailable", "The API of the provider failed, did not respond, or limits the number of requests. The request is repeated later. No attempt is spent.", Verdict.WAIT, Trait.MAY_RECOVER, Trait.ABOUT_PROVIDER
    PROVIDER_DENIED = "ProviderDenied", "The API of the provider rejected the credentials in the Secret of spec.api of the RecordingSource, or the Secret is missing, or its annotation recordings.dev/allowed-hosts does not name the host of spec.api.endpoint. Or the credentials may not read this recording. Correct it. The Recording waits and spends no attempt.", Verdict.WAIT, Trait.STALLS, Trait.ABOUT_PROVIDER
    PROVIDER_HAS_NO_MEDIA = "ProviderHasNoMedia", "The provider does not have this file of the recording, or not yet. The request is repeated, because providers publish late.", Verdict.RETRY, Trait.MAY_RECOVER
    PROVIDER_FAILED = "ProviderFailed", "The provider has reported that there will be no recording. The message contains what it reported.", Verdict.FINAL
    # The upload of a client
    WAITING_FOR_UPLOAD = "WaitingForUpload", "The operator has opened an upload, and a client has to send the file (source.upload) until status.artifacts[].uploadExpiresAt, and then to set source.upload.finish. If that is set, parts of the file are still missing; the message says how many. No upload slot and no attempt is spent.", None, Trait.NORMAL_EVENT, Trait.KEPT_IN_QUEUE
    UPLOAD_EXPIRED = "UploadExpired", "The client did not send the whole file within source.upload.expiresAfter. What it had sent was removed. Change spec.retryToken to open a new upload.", Verdict.FINAL
    # The store
    STORE_UNAVAILABLE = "StoreUnavailable", "The store failed or did not respond. The request is retried.", Verdict.WAIT, *_Location, *_Transient, Trait.ENDS_PROBE
    STORE_DENIED = "StoreDenied", "The store rejected the operator's credentials, or the filesystem denied access. The location is checked again. No attempt is spent.", Verdict.WAIT, *_Location, Trait.STREAMS_INSTEAD
    STORE_KEY_CONFLICT = "StoreKeyConflict", "The object at the key does not belong to this Recording, or its bytes differ from the expected ones. Nothing was overwritten or removed. Remove it by hand, then change spec.retryToken.", Verdict.FINAL, Trait.UPLOAD_USELESS
    IDENTITY_REJECTED = "IdentityRejected", "The store does not confirm spec.identity: there is no manifest of the Recording that it names, or the manifest names another namespace, name, owner or creation time. Nothing was read, written or removed. Create the Recording again with `recording-operator rebuild`.", Verdict.FINAL
    OBJECT_NOT_FOUND = "ObjectNotFound", "The Recording was rebuilt from its manifest, and the store does not have this object any more. Restore the object and change spec.retryToken, or add a source.", Verdict.FINAL
    STORE_INTEGRITY = "StoreIntegrity", "The object in the store differs from what was sent. It is not accepted.", Verdict.RETRY, Trait.MAY_RECOVER, Trait.UPLOAD_USELESS, Trait.WRONG_BYTES, Trait.REJECTS_BYTES, Trait.STREAMS_INSTEAD
    STORE_QUOTA = "StoreQuota", "The store is full. Free space, or raise its quota. The location is checked again. No attempt is spent.", Verdict.WAIT, *_Location, Trait.MAY_RECOVER, Trait.ENDS_PROBE
    STORE_UPLOAD_LOST = "StoreUploadLost", "The upload no longer exists in the store: a lifecycle rule or a person aborted it. The upload starts again; one that a client had filled has to be sent again, after a change of spec.retryToken.", Verdict.RETRY, Trait.MAY_RECOVER
    # How the bytes of a stored object were verified
    FULL_OBJECT_CRC64NVME = "FullObjectCRC64NVME", "IntegrityVerified: the CRC64NVME that the store computed for the whole object matches the bytes that were read from the source. If the store copied the object itself, it matches the checksum of the original."
    ETAG_MD5 = "ETagMD5", "IntegrityVerified: the MD5 of every part, and the ETag that the store computed from them, match the bytes that were read from the source. If the store copied the object itself, they match the ETag of the original."
    READ_BACK = "ReadBack", "IntegrityVerified: the store provides no checksum. The object was read back once after it was stored, and its checksum matches the bytes that were read from the source."
    NOT_STORED_YET = "NotStoredYet", "IntegrityVerified: there is nothing to verify yet."
    NOT_PROVED = "NotProved", "IntegrityVerified: an earlier version of the operator stored the object and did not record how it was verified."
    # The check of a StorageLocation
    PROBE_SUCCEEDED = "ProbeSucceeded", "A test write, a multipart upload and its abort succeeded."
    BUCKET_NOT_FOUND = "BucketNotFound", "The bucket does not exist.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.ENDS_PROBE
    PATH_NOT_FOUND = "PathNotFound", "The directory of a filesystem location does not exist in the operator's pods. Mount its volume (filesystem.volumes of the chart), or correct spec.filesystem.path.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR
    PATH_NOT_ALLOWED = "PathNotAllowed", "spec.filesystem.path is not below a directory that the operator's settings permit (filesystem.roots).", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR
    PATH_OVERLAPS = "PathOverlaps", "The directory of a filesystem location lies below that of an older location, or contains it. The older one is used. Choose a path beside it, or the same path and another prefix.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR
    ACCESS_DENIED = "AccessDenied", "The credentials do not permit writing objects, or listing or aborting uploads, below the prefix in the bucket. Or the filesystem is read-only, or its permissions do not allow it.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.REJECTS_CREDENTIALS, Trait.MAY_BE_ONE_OBJECT
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound", "The credentials Secret is missing in the operator's namespace, or lacks AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.ENDS_PROBE
    CREDENTIALS_INVALID = "CredentialsInvalid", "The store does not accept the credentials.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.REJECTS_CREDENTIALS
    ROLE_NOT_ASSUMED = "RoleNotAssumed", "STS does not permit the operator to assume the role of spec.s3.credentials.assumeRole. Check the trust policy of the role, the external id, and the permission sts:AssumeRole.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.ENDS_PROBE
    ENDPOINT_UNREACHABLE = "EndpointUnreachable", "The endpoint does not respond.", Verdict.WAIT, *_Location, Trait.MAY_RECOVER
    ENDPOINT_BLOCKED = "EndpointBlocked", "The operator's policy does not allow the address of the endpoint.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.ENDS_PROBE
    WRONG_REGION = "WrongRegion", "The store redirects to another region or address. Set spec.s3.region to the region in the message. If the message names none, check spec.s3.endpoint.", Verdict.WAIT, *_Location, Trait.ENDS_PROBE
    ENCRYPTION_KEY_NOT_USABLE = "EncryptionKeyNotUsable", "The store cannot use the KMS key of spec.s3.encryption or of the bucket's default encryption: it is missing, disabled or in another region, or the credentials lack kms:GenerateDataKey or kms:Decrypt.", Verdict.WAIT, *_Location, Trait.ENDS_PROBE, Trait.MAY_BE_ONE_OBJECT
    CLOCK_SKEW = "ClockSkew", "The clocks of the operator and the store differ too much. Correct the clock of the node.", Verdict.WAIT, *_Location, Trait.MAY_RECOVER, Trait.ENDS_PROBE
    STORE_UNSUPPORTED = "StoreUnsupported", "The store lacks something that safe uploads need. The message names it.", Verdict.WAIT, *_Location, Trait.NEEDS_ADMINISTRATOR, Trait.REJECTS_BYTES, Trait.STREAMS_INSTEAD
    # The lifecycle of a StorageLocation
    LIFECYCLE_APPLIED = "RulesApplied", "LifecycleApplied: the bucket's lifecycle configuration has the rules of spec.lifecycle. The bucket enforces them."
    ENFORCED_BY_OPERATOR = "EnforcedByOperator", "LifecycleApplied: the operator deletes expired objects and aborts old uploads itself, because the store has no lifecycle configuration, or spec.lifecycle.enforcedBy is Operator."
    LIFECYCLE_PARTLY_APPLIED = "RulesPartlyApplied", "LifecycleApplied: the operator deletes expired objects itself, but cannot carry out transitions and noncurrentExpireAfterDays. Remove them from spec.lifecycle, or use a store that has a lifecycle configuration."
    LIFECYCLE_REPAIRED = "LifecycleRepaired", "Another client changed or removed rules of the location in the bucket's lifecycle configuration. They were written again. If it happens repeatedly, another program manages the configuration: exclude the operator's rules there."
    LIFECYCLE_REMOVED = "LifecycleRemoved", "spec.lifecycle was removed, and so were the rules of the location in the bucket's lifecycle configuration."
    LIFECYCLE_REJECTED = "LifecycleRejected", "LifecycleApplied: the store rejects the rules, for example because it does not have the storage class of a transition, or the bucket would have more than 1,000 rules. The message says more. Nothing was changed."
    LIFECYCLE_UNSUPPORTED = "LifecycleUnsupported", "LifecycleApplied: spec.lifecycle.enforcedBy is Bucket, and the store has no lifecycle configuration, or one that cannot be changed without losing rules of others. Set enforcedBy to Operator, or set up expiry with the store's own tools."
    LIFECYCLE_OVERWRITTEN = "LifecycleOverwritten", "LifecycleApplied: after each write, the bucket's lifecycle configuration had other rules than were written. Another client overwrites it, or the store changes the rules. It is tried again at the next check."
    # A StorageReport
    REFRESHED = "Refreshed", "The report was refreshed."
    SCHEDULE_INVALID = "ScheduleInvalid", "spec.schedule or spec.timeZone is invalid, or the schedule never occurs. The message says which."
    PRICES_INVALID = "PricesInvalid", "A price profile is missing or invalid. The message says where. The numbers of the last successful refresh are kept."
    CURRENCY_MISMATCH = "CurrencyMismatch", "The prices are in different currencies, or in another currency than the budget. Create one report for each currency, and select its locations with spec.scope.storageLocations."
    REFRESH_FAILED = "RefreshFailed", "A store or the API server failed during the refresh. The numbers of the last successful refresh are kept, and the refresh is retried."
    USAGE_MIGRATED = "UsageMigrated", "An earlier version kept the account of the report in status.ledger. It was converted once to usage samples of the StorageLocations, with its days and months."
    WITHIN_BUDGET = "WithinBudget", "No threshold of spec.budget is exceeded."
    THRESHOLD_PASSED = "ThresholdPassed", "The month's cost, or its projection, has passed a threshold of spec.budget."
    # A RecordingSource
    RECEIVING = "Receiving", "Ready: the receiver accepts deliveries at status.path."
    MAPPING_INVALID = "MappingInvalid", "Ready: an expression of the RecordingSource cannot be used; the message says which. Deliveries that need it are rejected."
    NAME_TAKEN = "NameTaken", "Event on a RecordingSource: a Recording or Secret of another origin has the name that a delivery needs, so the delivery was dropped. Remove it, and let the provider repeat the delivery."
    # An EventSink
    DELIVERING = "Delivering", "Ready: events are sent. The last one was delivered, or none was sent yet."
    SINK_NOT_FOUND = "SinkNotFound", "Ready: the object in spec.ref does not exist, or has no status.address.url, or the operator may not read it. Events wait.", None, Trait.BLOCKS_SINK
    SINK_BLOCKED = "SinkBlocked", "Ready: the operator's sink policy does not allow the address of the sink. Ask the platform team. Events wait.", None, Trait.BLOCKS_SINK
    SINK_UNAVAILABLE = "SinkUnavailable", "Ready: the sink did not respond, or responded with 408, 429 or 5xx. Each event is sent up to 8 times, in about 28 hours."
    SINK_REJECTED = "SinkRejected", "Ready: the sink does not accept the events, for example with 415 because it expects another format. Correct the sink or spec.uri. Each event is sent up to 8 times, in about 28 hours."
    SINK_GONE = "SinkGone", "Ready: the sink responded with 410, which means that it wants no more events. Nothing is sent until the EventSink is changed."
    NOT_ANNOUNCED = "NotAnnounced", "An event about the Recording was not delivered to an EventSink, in any attempt or because the sink is gone. status.notifications says which one. Read the state of the Recording instead."
    # The operator
    INTERNAL_ERROR = "InternalError", "An unexpected error in the operator. Please report it with the log lines of this Recording.", Verdict.RETRY, Trait.MAY_RECOVER
    # fmt: on


def reasons_with(trait: Trait) -> frozenset[Reason]:
    """All reasons that have the trait."""
    return frozenset(reason for reason in Reason if trait in reason.traits)


def verdict_of(reason: Reason) -> Verdict:
    """What happens after an attempt has ended with `reason`. A reason without a verdict is a bug in the operator: retry."""
    return reason.verdict or Verdict.RETRY
