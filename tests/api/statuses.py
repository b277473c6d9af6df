"""Every status that the models can contain, and the largest one."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.notification import MAX_NOTIFICATIONS, EventName, Notification, NotificationPhase
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Claim, Phase, RecordingStatus, SourceFacts
from recording_operator.engine.status import dump

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
TIMES = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2999, 12, 31),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.timezones(),
)
COUNTS = st.integers(min_value=0, max_value=2**31 - 1)
SIZES = st.integers(min_value=0, max_value=2**63 - 1)
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


def _fields(**strategies: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Each may be absent."""
    return {name: st.none() | strategy for name, strategy in strategies.items()}


SOURCES = st.builds(SourceFacts, **_fields(size=SIZES, etag=TEXT, last_modified=TEXT))
ARTIFACTS = st.builds(
    ArtifactStatus,
    name=NAMES,
    phase=st.sampled_from(Phase),
    attempts=COUNTS,
    **_fields(
        reason=st.sampled_from(Reason),
        message=TEXT,
        key=TEXT,
        uri=TEXT,
        bytes_done=SIZES,
        bytes_total=SIZES,
        next_retry_time=TIMES,
        etag=TEXT,
        version_id=TEXT,
        content_type=TEXT,
        checksum=TEXT,
        upload_id=TEXT,
        part_size=SIZES,
        source_revision=TEXT,
        expired_since=TIMES,
        source=SOURCES,
    ),
)
# By alias: builds() would draw the required field a second time, under its alias.
CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(["Ready", "Reconciling", "Stalled"]),
    status=st.sampled_from(ConditionStatus),
    observed_generation=st.none() | SIZES,
    lastTransitionTime=TIMES,
    reason=st.sampled_from(Reason),
    message=TEXT,
)
NOTIFICATIONS = st.builds(
    Notification,
    sink=NAMES,
    event=st.sampled_from(EventName),
    id=TEXT,
    time=TIMES,
    phase=st.sampled_from(NotificationPhase),
    attempts=COUNTS,
    **_fields(next_retry_time=TIMES, message=TEXT),
)
STATUSES = st.builds(
    RecordingStatus,
    conditions=st.lists(CONDITIONS, max_size=3, unique_by=lambda condition: condition.type).map(tuple),
    artifacts=st.lists(ARTIFACTS, max_size=3, unique_by=lambda artifact: artifact.name).map(tuple),
    notifications=st.lists(NOTIFICATIONS, max_size=3).map(tuple),
    **_fields(
        phase=st.sampled_from(Phase),
        reason=st.sampled_from(Reason),
        message=TEXT,
        observed_generation=SIZES,
        progress=TEXT,
        size=TEXT,
        bytes_done=SIZES,
        bytes_total=SIZES,
        attempts=COUNTS,
        next_retry_time=TIMES,
        expires_at=TIMES,
        started_at=TIMES,
        completed_at=TIMES,
        last_retry_token=TEXT,
        storage_location=st.just("archive"),  # as the spec
        bucket=TEXT,
        prefix=TEXT,
        manifest_uri=TEXT,
        manifest_revision=TEXT,
        settled=st.booleans(),
        claim=st.builds(Claim, holder=TEXT, transitions=SIZES),
    ),
)


def the_largest_status(names: list[str]) -> RecordingStatus:
    """Every field longer than the schema takes: the model has to cut it."""
    long = "x" * 5000
    when = datetime(2026, 11, 21, 12, tzinfo=UTC)
    artifacts = tuple(
        ArtifactStatus(
            name=name,
            phase=Phase.UPLOADING,
            reason=Reason.DELETION_POLICY_NOT_ALLOWED,
            message=long,
            key=long,
            uri=long,
            bytes_done=2**62,
            bytes_total=2**62,
            attempts=2**30,
            next_retry_time=when,
            etag=long,
            version_id=long,
            content_type=long,
            checksum=long,
            upload_id=long,
            part_size=2**62,
            source_revision=long,
            expired_since=when,
            source=SourceFacts(size=2**62, etag=long, last_modified=long),
        )
        for name in names
    )
    notification = Notification(
        sink=long, event=long, id=long, time=when, attempts=2**30, next_retry_time=when, message=long
    )
    condition = Condition(
        type="Ready", status=ConditionStatus.FALSE, last_transition_time=when, reason=Reason.UPLOADING, message=long
    )
    return RecordingStatus(
        phase=Phase.UPLOADING,
        message=long,
        progress=long,
        size=long,
        last_retry_token=long,
        storage_location="archive",
        bucket=long,
        prefix=long,
        claim=Claim(holder=long, transitions=2**62),
        conditions=(condition,),
        artifacts=artifacts,
        notifications=(notification,) * MAX_NOTIFICATIONS,
    )


def dumped(status: RecordingStatus) -> dict[str, Any]:
    """The status as it is written to the API server."""
    return dump(status)
