"""The one list of reasons that a status, an Event or a metric may carry.

Reasons are CamelCase and closed: tools may branch on them. The sentence of each is the text of docs/troubleshooting.md.
What follows from a reason (try again, give up, wait) is decided in `engine/verdicts.py`.
"""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a Recording, an artifact or a StorageLocation is as it is."""

    # Life of a Recording
    QUEUED = "Queued"
    UPLOADING = "Uploading"
    STORED = "Stored"
    PARTIALLY_STORED = "PartiallyStored"
    SUSPENDED = "Suspended"
    CANCELLED = "Cancelled"
    DELETING = "Deleting"
    DELETION_BLOCKED = "DeletionBlocked"
    INTERRUPTED = "Interrupted"
    # The StorageLocation of a Recording
    LOCATION_NOT_FOUND = "LocationNotFound"
    LOCATION_NOT_ALLOWED = "LocationNotAllowed"
    LOCATION_NOT_READY = "LocationNotReady"
    DELETION_POLICY_NOT_ALLOWED = "DeletionPolicyNotAllowed"
    # Secrets that a Recording names
    SECRET_NOT_FOUND = "SecretNotFound"
    SECRET_NOT_USABLE = "SecretNotUsable"
    # The source
    SOURCE_EXPIRED = "SourceExpired"
    SOURCE_NOT_READY = "SourceNotReady"
    SOURCE_NOT_FOUND = "SourceNotFound"
    SOURCE_FORBIDDEN = "SourceForbidden"
    SOURCE_BLOCKED = "SourceBlocked"
    SOURCE_INVALID = "SourceInvalid"
    SOURCE_UNRESOLVABLE = "SourceUnresolvable"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    SOURCE_TLS_ERROR = "SourceTLSError"
    SOURCE_REDIRECT_LIMIT = "SourceRedirectLimit"
    SOURCE_TOO_SLOW = "SourceTooSlow"
    SOURCE_TOO_LARGE = "SourceTooLarge"
    SOURCE_EMPTY = "SourceEmpty"
    SOURCE_RESET = "SourceReset"
    SOURCE_TRUNCATED = "SourceTruncated"
    SOURCE_CHANGED = "SourceChanged"
    SOURCE_PROTOCOL_ERROR = "SourceProtocolError"
    UNEXPECTED_CONTENT = "UnexpectedContent"
    SIZE_MISMATCH = "SizeMismatch"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    INTEGRITY_UNVERIFIABLE = "IntegrityUnverifiable"
    # The store
    STORE_UNAVAILABLE = "StoreUnavailable"
    STORE_DENIED = "StoreDenied"
    STORE_KEY_CONFLICT = "StoreKeyConflict"
    STORE_INTEGRITY = "StoreIntegrity"
    STORE_QUOTA = "StoreQuota"
    STORE_UPLOAD_LOST = "StoreUploadLost"
    # What proves the bytes of a stored object
    FULL_OBJECT_CRC64NVME = "FullObjectCRC64NVME"
    ETAG_MD5 = "ETagMD5"
    READ_BACK = "ReadBack"
    NOT_STORED_YET = "NotStoredYet"
    NOT_PROVED = "NotProved"
    # The probe of a StorageLocation
    PROBE_SUCCEEDED = "ProbeSucceeded"
    PROBING = "Probing"
    BUCKET_NOT_FOUND = "BucketNotFound"
    ACCESS_DENIED = "AccessDenied"
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    ENDPOINT_UNREACHABLE = "EndpointUnreachable"
    ENDPOINT_BLOCKED = "EndpointBlocked"
    WRONG_REGION = "WrongRegion"
    ENCRYPTION_KEY_NOT_USABLE = "EncryptionKeyNotUsable"
    CLOCK_SKEW = "ClockSkew"
    STORE_UNSUPPORTED = "StoreUnsupported"
    # A StorageReport
    REFRESHED = "Refreshed"
    SCHEDULE_INVALID = "ScheduleInvalid"
    PRICES_INVALID = "PricesInvalid"
    CURRENCY_MISMATCH = "CurrencyMismatch"
    REFRESH_FAILED = "RefreshFailed"
    WITHIN_BUDGET = "WithinBudget"
    THRESHOLD_PASSED = "ThresholdPassed"
    # Ours
    INTERNAL_ERROR = "InternalError"


REASON_DOCS: Final[dict[Reason, str]] = {
    Reason.QUEUED: "Waits for a free upload slot; nothing to do.",
    Reason.UPLOADING: "Bytes are moving.",
    Reason.STORED: "Every artifact is in the store and was proved there.",
    Reason.PARTIALLY_STORED: "Every required artifact is stored; an optional one failed, see status.artifacts.",
    Reason.SUSPENDED: "spec.suspend is true. What is stored so far is kept; set it to false to go on.",
    Reason.CANCELLED: "spec.cancel is true: the upload was aborted. Set it to false to start again.",
    Reason.DELETING: "The Recording is being deleted; its upload is aborted first.",
    Reason.DELETION_BLOCKED: "The Recording is being deleted, and the store does not let its objects be removed (deletionPolicy Delete); the message says why. It is tried again. Repair the location, or set deletionPolicy to Retain to let the Recording go without its objects.",
    Reason.INTERRUPTED: "The operator stopped or moved during the upload; it goes on where it stopped. No attempt is spent.",
    Reason.LOCATION_NOT_FOUND: "No StorageLocation has the name in spec.storageLocation. Create it; the Recording waits.",
    Reason.LOCATION_NOT_ALLOWED: "The StorageLocation does not admit this namespace. Ask its owner to add it to spec.allowedNamespaces.",
    Reason.LOCATION_NOT_READY: "The StorageLocation's own check fails (kubectl describe storagelocation). The Recording waits and spends no attempt.",
    Reason.DELETION_POLICY_NOT_ALLOWED: "spec.deletionPolicy Delete is not among the location's deletionPolicies. Use Retain, or ask its owner.",
    Reason.SECRET_NOT_FOUND: "A Secret (or its key) that the source names does not exist in the Recording's namespace, or the operator may not read it.",
    Reason.SECRET_NOT_USABLE: "The Secret lacks the opt-in label recordings.dev/source-headers=true, or its annotation recordings.dev/allowed-hosts does not name the source's host.",
    Reason.SOURCE_EXPIRED: "The URL has expired. Apply a fresh URL: the upload goes on where it stopped, until the location's retry.refreshGrace is over.",
    Reason.SOURCE_NOT_READY: "The source says that the recording is not ready (202, 409, 423, 425, or a short note in its place) or that the URL is not valid yet. Where it says when, no attempt is spent before the URL expires.",
    Reason.SOURCE_NOT_FOUND: "The source responded with 404 or 410. After 404 it is tried again, because providers publish late; 410 fails at once. Check the URL with its provider and apply a fresh one.",
    Reason.SOURCE_FORBIDDEN: "The source refused the request (400, 401, 403) and the URL has not expired. Check the URL, its signature or the headers.",
    Reason.SOURCE_BLOCKED: "The operator's source policy does not allow this URL or where it leads. Ask the platform team.",
    Reason.SOURCE_INVALID: "The URL cannot be used: write an absolute https URL without user name, password or fragment.",
    Reason.SOURCE_UNRESOLVABLE: "The host name of the source does not resolve.",
    Reason.SOURCE_UNREACHABLE: "No connection to the source could be made.",
    Reason.SOURCE_UNAVAILABLE: "The source responded with 408, 421, 429 or 5xx; it is tried again.",
    Reason.SOURCE_TLS_ERROR: "The source's TLS certificate or protocol is not acceptable; there is no switch to skip the check.",
    Reason.SOURCE_REDIRECT_LIMIT: "The source redirects more often than the policy allows.",
    Reason.SOURCE_TOO_SLOW: "The source sent less than the minimum rate of the policy, again and again.",
    Reason.SOURCE_TOO_LARGE: "The artifact is larger than the location or the operator allows.",
    Reason.SOURCE_EMPTY: "The source sent no bytes. It is tried again, because providers publish late. If there is nothing to store, set source.size to 0.",
    Reason.SOURCE_RESET: "The connection to the source broke; it goes on from the last stored part.",
    Reason.SOURCE_TRUNCATED: "The source ends at the same byte, before its length, every time. Ask its provider for the file anew.",
    Reason.SOURCE_CHANGED: "The source's content changed during the upload, again after a restart.",
    Reason.SOURCE_PROTOCOL_ERROR: "The source answered in a way that HTTP does not allow here (for example a wrong Content-Range).",
    Reason.UNEXPECTED_CONTENT: "What arrives is not what spec.artifacts declares, for example a login page instead of a video. Apply a fresh URL, or declare it with contentType if it is meant.",
    Reason.SIZE_MISMATCH: "The size differs from the one in the spec, or from what the source stated.",
    Reason.CHECKSUM_MISMATCH: "The bytes do not have the checksum in the spec.",
    Reason.INTEGRITY_UNVERIFIABLE: "The source states no length and ends by closing the connection: a cut could not be told from the end. Give size or checksum. Or the object is in an archive class, and what is asked for would need reading it back.",
    Reason.STORE_UNAVAILABLE: "The store failed or did not answer; it is asked again.",
    Reason.STORE_DENIED: "The store refused the operator's credentials. The location is checked again; no attempt is spent.",
    Reason.STORE_KEY_CONFLICT: "An object is at the key that is not of this Recording, or does not have the bytes that it should have. Nothing was overwritten or removed: remove it by hand, then change spec.retryToken.",
    Reason.STORE_INTEGRITY: "The store's object is not what was sent; it is not accepted.",
    Reason.STORE_QUOTA: "The store's quota is used up.",
    Reason.STORE_UPLOAD_LOST: "The store no longer knows the upload (aborted by a lifecycle rule or a person); it starts anew.",
    Reason.FULL_OBJECT_CRC64NVME: "IntegrityVerified: the store computed the CRC64NVME of the whole object, and it is that of the bytes that were read from the source.",
    Reason.ETAG_MD5: "IntegrityVerified: the MD5 of every part, and the object's ETag that the store made of them, are those of the bytes that were read from the source.",
    Reason.READ_BACK: "IntegrityVerified: the store shows no checksum, so the object was read once after it was stored; it has the checksum of the bytes that were read from the source.",
    Reason.NOT_STORED_YET: "IntegrityVerified: there is nothing to prove yet.",
    Reason.NOT_PROVED: "IntegrityVerified: stored by an earlier version of the operator, which did not write down by what it was proved.",
    Reason.PROBE_SUCCEEDED: "A test write, a multipart upload and its abort succeeded.",
    Reason.PROBING: "The location's check is running.",
    Reason.BUCKET_NOT_FOUND: "The bucket does not exist.",
    Reason.ACCESS_DENIED: "The credentials may not write, list, or abort in the bucket under the prefix.",
    Reason.CREDENTIALS_NOT_FOUND: "The credentials Secret is missing in the operator's namespace, or lacks AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY.",
    Reason.CREDENTIALS_INVALID: "The store does not accept the credentials.",
    Reason.ENDPOINT_UNREACHABLE: "The endpoint does not answer.",
    Reason.ENDPOINT_BLOCKED: "The operator's policy does not allow the endpoint's address.",
    Reason.WRONG_REGION: "The store redirects to another region or address. Write the region that the message names as spec.s3.region; where it names none, check spec.s3.endpoint.",
    Reason.ENCRYPTION_KEY_NOT_USABLE: "The store cannot use the KMS key of spec.s3.encryption or of the bucket's default encryption: it is missing, disabled or in another region, or the credentials lack kms:GenerateDataKey or kms:Decrypt.",
    Reason.CLOCK_SKEW: "The operator's clock and the store's differ too much; set the node's time.",
    Reason.STORE_UNSUPPORTED: "The store lacks something that safe uploads need; the message names it.",
    Reason.REFRESHED: "The report was counted anew.",
    Reason.SCHEDULE_INVALID: "spec.schedule or spec.timeZone is no time that ever comes; the message says which.",
    Reason.PRICES_INVALID: "A price profile is missing or has a fault; the message says where. The last good numbers stay.",
    Reason.CURRENCY_MISMATCH: "The prices are in different currencies, or not in the budget's. Give each currency a report of its own with spec.scope.storageLocations.",
    Reason.REFRESH_FAILED: "A store or the API server did not answer while counting. The last good numbers stay, and it is tried again.",
    Reason.WITHIN_BUDGET: "No threshold of the budget is passed.",
    Reason.THRESHOLD_PASSED: "The month's cost, or its projection, has passed a threshold of spec.budget.",
    Reason.INTERNAL_ERROR: "A fault of the operator itself. Please report it with the log lines of this Recording.",
}
