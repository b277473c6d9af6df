"""Rules are merged into the configuration of a bucket that others write too."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.lifecycle.rule import BucketRule
from recording_operator.lifecycle.rules import bucket_rules, id_begin
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3 import lifecycle
from recording_operator.stores.s3.lifecycle_document import parsed
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.ageing import grow_older
from tests.support.lifecycles import GLACIER_AND_EXPIRY, WEEK, a_configuration, a_location_with, foreign_rule
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import ErrorResponse, Fault, Meanwhile
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

LOCATION = a_location_with(GLACIER_AND_EXPIRY, WEEK)
OWN = id_begin(LOCATION)
RULES = bucket_rules(LOCATION)
LOGS = foreign_rule("logs")
PUT: Final = "PutBucketLifecycleConfiguration"
GET: Final = "GetBucketLifecycleConfiguration"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_SETTLE_S", 0.0)


@pytest.fixture
def bucket(strict: StrictStore) -> Any:
    """A client of the bucket whose events a test can use."""
    store = store_of(strict)
    yield store
    store.close()


def ids(strict: StrictStore) -> list[str]:
    """The ids of all rules."""
    assert strict.bucket.lifecycle is not None
    return [one.rule.rule_id for one in parsed(strict.bucket.lifecycle, least_size=None).rules]


def before_put(store: S3LocationStore, *calls: Callable[[], None]) -> None:
    """Call each of these once, just before a write reaches the store: after the configuration was read."""
    left = [*calls]

    def call(**_: Any) -> None:
        if left:
            left.pop(0)()

    store._client.meta.events.register(f"before-send.s3.{PUT}", call)  # noqa: SLF001 - to come between


def after_put(store: S3LocationStore, *calls: Callable[[], None]) -> None:
    """Call each of these once, after a write and before the configuration is read again."""
    left = [*calls]

    def call(**_: Any) -> None:
        if left:
            left.pop(0)()

    store._client.meta.events.register(f"after-call.s3.{PUT}", call)  # noqa: SLF001 - to come between


def test_into_an_empty_bucket_and_then_nothing_is_written(strict: StrictStore, bucket: S3LocationStore) -> None:
    done = bucket.apply_lifecycle(RULES, own=OWN)
    assert (done.written, done.found.missing, ids(strict)) == (True, 2, [rule.rule_id for rule in RULES])
    again = bucket.apply_lifecycle(RULES, own=OWN)
    assert (again.written, strict.count(PUT)) == (False, 1)


def test_rules_of_others_stay_as_they_are(strict: StrictStore, bucket: S3LocationStore) -> None:
    """Also with what botocore does not know, and with the bucket's setting for small objects."""
    strict.bucket.lifecycle_extensions = frozenset({"Compression"})
    new = foreign_rule("new", more="<Compression><Kind>zstd</Kind></Compression>")
    strict.bucket.lifecycle = a_configuration(LOGS, new)
    strict.bucket.lifecycle_least_size = "varies_by_storage_class"
    bucket.apply_lifecycle(RULES, own=OWN)
    assert ids(strict) == ["logs", "new", *(rule.rule_id for rule in RULES)]
    assert LOGS.encode() in strict.bucket.lifecycle
    assert new.encode() in strict.bucket.lifecycle
    assert strict.bucket.lifecycle_least_size == "varies_by_storage_class"
    bucket.apply_lifecycle((), own=OWN)
    assert strict.bucket.lifecycle == a_configuration(LOGS, new)


def test_rules_in_the_older_form_are_merged_with(strict: StrictStore, bucket: S3LocationStore) -> None:
    strict.bucket.lifecycle = a_configuration(foreign_rule("old", filters="<Prefix>logs/</Prefix>"))
    bucket.apply_lifecycle(RULES, own=OWN)
    assert not bucket.apply_lifecycle(RULES, own=OWN).written


def test_the_last_rules_are_removed_with_the_configuration(strict: StrictStore, bucket: S3LocationStore) -> None:
    bucket.apply_lifecycle(RULES, own=OWN)
    assert bucket.apply_lifecycle((), own=OWN).found.needless == 2
    assert strict.bucket.lifecycle is None
    assert not bucket.apply_lifecycle((), own=OWN).written


def test_what_a_person_changed_in_our_rules_is_repaired(strict: StrictStore, bucket: S3LocationStore) -> None:
    bucket.apply_lifecycle(RULES, own=OWN)
    assert strict.bucket.lifecycle is not None
    strict.bucket.lifecycle = strict.bucket.lifecycle.replace(b"<Days>365</Days>", b"<Days>366</Days>")
    assert bucket.apply_lifecycle(RULES, own=OWN).found.changed == 1
    assert b"<Days>365</Days>" in strict.bucket.lifecycle


def test_a_configuration_that_another_writes_after_ours_is_merged_again(
    strict: StrictStore, bucket: S3LocationStore
) -> None:
    """A person read before our write, and writes after it: the person's rules stay and ours come back."""

    def edit() -> None:
        strict.bucket.lifecycle = a_configuration(LOGS)

    after_put(bucket, edit)
    bucket.apply_lifecycle(RULES, own=OWN)
    assert ids(strict) == ["logs", *(rule.rule_id for rule in RULES)]


def test_two_operators_that_write_at_once_both_have_their_rules(strict: StrictStore, bucket: S3LocationStore) -> None:
    """Each reads, then both write: the first finds its rules missing when it reads again."""
    other = a_location_with(WEEK, name="other", prefix="other/")
    theirs = id_begin(other)
    second = store_of(strict)

    def overwrite() -> None:
        strict.bucket.lifecycle = None  # as the other read it
        second.apply_lifecycle(bucket_rules(other), own=theirs)

    after_put(bucket, overwrite)
    bucket.apply_lifecycle(RULES, own=OWN)
    second.close()
    assert {rule_id.split("/")[1] for rule_id in ids(strict)} == {"archive", "other"}


def test_a_client_that_overwrites_every_time_is_reported(strict: StrictStore, bucket: S3LocationStore) -> None:
    def edit() -> None:
        strict.bucket.lifecycle = a_configuration(LOGS)

    after_put(bucket, edit, edit, edit)
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.reason is Reason.LIFECYCLE_OVERWRITTEN
    assert strict.count(PUT) == 3
    assert ids(strict) == ["logs"]


def test_an_outdated_response_after_the_write_causes_no_second_write(
    strict: StrictStore, bucket: S3LocationStore
) -> None:
    """S3 may return the old configuration for a moment."""
    stale = Fault(operation=GET, action=ErrorResponse(status=404, code="NoSuchLifecycleConfiguration"), first=2)
    strict.fault(stale)
    bucket.apply_lifecycle(RULES, own=OWN)
    assert strict.count(PUT) == 1


def test_an_edit_between_our_read_and_our_write_is_what_remains(strict: StrictStore, bucket: S3LocationStore) -> None:
    """S3 has no conditional write of a configuration. docs/lifecycle.md says so; this test says when it changes."""

    def edit() -> None:
        strict.bucket.lifecycle = a_configuration(LOGS)

    before_put(bucket, edit)
    bucket.apply_lifecycle(RULES, own=OWN)
    assert ids(strict) == [rule.rule_id for rule in RULES]


def test_a_write_that_failed_is_merged_with_what_another_client_wrote_meanwhile(
    strict: StrictStore, bucket: S3LocationStore
) -> None:
    def edit() -> None:
        strict.bucket.lifecycle = a_configuration(LOGS)

    busy = ErrorResponse(status=503, code="SlowDown")
    strict.fault(Fault(operation=PUT, action=Meanwhile(do=edit, then=busy)))
    done = bucket.apply_lifecycle(RULES, own=OWN)
    assert (done.written, strict.count(PUT)) == (True, 2)
    assert ids(strict) == ["logs", *(rule.rule_id for rule in RULES)]


def test_writes_that_fail_again_and_again_end(strict: StrictStore, bucket: S3LocationStore) -> None:
    strict.bucket.lifecycle = before = a_configuration(LOGS)
    strict.fault(Fault(operation=PUT, action=ErrorResponse(status=503, code="SlowDown"), times=9))
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert (caught.value.reason, strict.count(PUT)) == (Reason.STORE_UNAVAILABLE, 3)
    assert strict.bucket.lifecycle == before


def test_the_limit_of_rules_counts_those_of_others(strict: StrictStore, bucket: S3LocationStore) -> None:
    strict.bucket.lifecycle = before = a_configuration(*(foreign_rule(f"r{number}") for number in range(999)))
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.reason is Reason.LIFECYCLE_REJECTED
    assert "needs 2 rules, and the bucket has 999 of others" in caught.value.message
    assert strict.bucket.lifecycle == before
    bucket.apply_lifecycle(RULES[:1], own=OWN)
    assert len(ids(strict)) == 1000


@pytest.mark.parametrize("right", ["GetLifecycleConfiguration", "PutLifecycleConfiguration"])
def test_a_missing_permission_is_named(strict: StrictStore, bucket: S3LocationStore, right: str) -> None:
    strict.denied = {right}
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.location_reason is Reason.ACCESS_DENIED
    assert f"s3:{right}" in caught.value.message


@pytest.mark.parametrize("operation", [GET, PUT])
def test_a_store_without_lifecycle_configuration(strict: StrictStore, bucket: S3LocationStore, operation: Any) -> None:
    strict.fault(Fault(operation=operation, action=ErrorResponse(status=501, code="NotImplemented")))
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.reason is Reason.LIFECYCLE_UNSUPPORTED


def test_a_class_that_the_store_does_not_have(strict: StrictStore, bucket: S3LocationStore) -> None:
    strict.bucket.storage_classes = frozenset({"STANDARD", "STANDARD_IA"})
    strict.bucket.lifecycle = before = a_configuration(LOGS)
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.reason is Reason.LIFECYCLE_REJECTED
    assert caught.value.message == (
        "The store rejected the rules (PutBucketLifecycleConfiguration: MalformedXML). Nothing was changed. Check that "
        "objects can move to GLACIER there."
    )
    assert strict.bucket.lifecycle == before


def test_an_unavailable_store_keeps_its_reason(strict: StrictStore, bucket: S3LocationStore) -> None:
    strict.fault(Fault(operation=PUT, action=ErrorResponse(status=409, code="OperationAborted"), times=9))
    with pytest.raises(StoreError) as caught:
        bucket.apply_lifecycle(RULES, own=OWN)
    assert caught.value.reason is Reason.STORE_UNAVAILABLE


def test_s3_takes_every_rule_that_the_api_server_takes(bucket: S3LocationStore) -> None:
    moves = [
        {"afterDays": 30, "storageClass": "STANDARD_IA"},
        {"afterDays": 60, "storageClass": "INTELLIGENT_TIERING"},
        {"afterDays": 61, "storageClass": "GLACIER_IR"},
        {"afterDays": 62, "storageClass": "GLACIER"},
        {"afterDays": 63, "storageClass": "DEEP_ARCHIVE"},
    ]
    whole = {"transitions": moves, "expireAfterDays": 64, "abortIncompleteAfterDays": 1, "noncurrentExpireAfterDays": 1}
    location = a_location_with(whole, template="{org}/{uid}/{artifact}")
    assert bucket.apply_lifecycle(bucket_rules(location), own=id_begin(location)).found.missing == 66


def test_recordings_expire_and_the_operators_files_stay(strict: StrictStore, bucket: S3LocationStore) -> None:
    """The template begins with a placeholder, and the rule has no prefix."""
    location = a_location_with({"expireAfterDays": 7}, prefix="", template="{org}/{uid}/{artifact}")
    bucket.apply_lifecycle(bucket_rules(location), own=id_begin(location))
    plain = Attributes(content_type="video/mp4", metadata={}, headers={})
    for key in ("acme/u/video", "Acme/u/video", "=C3=A9/u/video", "-/u/video", ".recording-operator/owner"):
        strict.bucket.put(key, b"x", plain)
    grow_older(strict.bucket, days=6)
    assert strict.bucket.current("acme/u/video") is not None
    grow_older(strict.bucket, days=1)
    assert [key for key in strict.bucket.versions if strict.bucket.current(key)] == [".recording-operator/owner"]


def test_noncurrent_versions_delete_markers_and_open_uploads_go(strict: StrictStore, bucket: S3LocationStore) -> None:
    rule = {"expireAfterDays": 7, "noncurrentExpireAfterDays": 2, "abortIncompleteAfterDays": 3}
    location = a_location_with(rule, prefix="")
    bucket.apply_lifecycle(bucket_rules(location), own=id_begin(location))
    strict.bucket.put("media/a/u/video", b"x", Attributes(content_type="video/mp4", metadata={}, headers={}))
    grow_older(strict.bucket, days=7)
    assert [one.delete_marker for one in strict.bucket.versions["media/a/u/video"]] == [False, True]
    grow_older(strict.bucket, days=2)
    assert strict.bucket.versions == {}


def test_a_recording_whose_object_has_expired_can_be_deleted(strict: StrictStore, bucket: S3LocationStore) -> None:
    """deletionPolicy Delete: there is nothing to delete, and that is no error. A noncurrent version is deleted."""
    location = a_location_with({"expireAfterDays": 7}, prefix="")
    bucket.apply_lifecycle(bucket_rules(location), own=id_begin(location))
    attributes = Attributes(content_type="video/mp4", metadata={"recording-uid": "u"}, headers={})
    kept = strict.bucket.put("media/a/u/video", b"x", attributes)
    grow_older(strict.bucket, days=7)
    assert not bucket.delete("media/a/u/video", version_id=None, recording_uid="u")
    assert bucket.delete("media/a/u/video", version_id=kept.version_id, recording_uid="u")
    assert not bucket.delete("media/a/u/video", version_id=kept.version_id, recording_uid="u")


def test_two_rules_of_our_ids_never_collide() -> None:
    rules: list[BucketRule] = []
    for name, prefix in (("a", "x/"), ("a", "y/"), ("b", "x/")):
        rules += bucket_rules(a_location_with(GLACIER_AND_EXPIRY, WEEK, name=name, prefix=prefix))
    assert len({rule.rule_id for rule in rules}) == len(rules)
