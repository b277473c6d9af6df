"""Counting a listing."""

import tracemalloc
import uuid
from datetime import timedelta

import pytest

from recording_operator.api.keytemplate import key_pattern
from recording_operator.costs.arrivals import Window
from recording_operator.costs.index import RecordingIndex
from recording_operator.costs.keyspaces import KeyClaim
from recording_operator.costs.library import find_profile
from recording_operator.costs.usage import UNKNOWN, Holding, LocationTally, Scope, Usage, writes_of
from tests.costs.building import LOCATION, at

NOW = at("2026-11-21T09:00")
OLD = NOW - timedelta(days=100)
UID = str(uuid.UUID(int=7))
GONE = str(uuid.UUID(int=8 << 64))
WITH_ORG = "{org}/{user}/{uid}/{artifact}{ext}"


def tally(
    usage: Usage,
    *,
    template: str = WITH_ORG,
    prefix: str = "r/",
    scope: Scope | None = None,
    claims: tuple[KeyClaim, ...] = (),
    profile: str = "aws-s3/us-east-1",
) -> LocationTally:
    index = RecordingIndex(listed_from=NOW)
    index.add(UID, org="acme", namespace="team")
    return LocationTally(
        usage,
        location=LOCATION,
        prefix=prefix,
        key_template=template,
        claims=claims,
        profile=find_profile(profile),
        index=index,
        scope=scope or Scope(),
        window=Window(since=at("2026-11-01"), now=NOW),
    )


def test_the_organisation_is_read_from_the_key_and_the_namespace_from_the_recording() -> None:
    usage = Usage()
    tally(usage).add(f"r/globex/u-1/{UID}/video.mp4", size_bytes=10, storage_class="STANDARD", last_modified=OLD)
    assert list(usage.held) == [Holding(LOCATION, "STANDARD", "globex", "team")]


def test_without_the_organisation_in_the_key_the_recording_tells_it() -> None:
    usage = Usage()
    counting = tally(usage, template="{namespace}/{name}/{uid}/{artifact}{ext}")
    counting.add(f"r/other/standup/{UID}/video.mp4", size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add(f"r/other/standup/{GONE}/video.mp4", size_bytes=5, storage_class=None, last_modified=OLD)
    assert set(usage.held) == {
        Holding(LOCATION, "STANDARD", "acme", "other"),
        Holding(LOCATION, "STANDARD", UNKNOWN, "other"),
    }


def test_an_organisation_that_is_ambiguous_in_the_key_is_not_guessed() -> None:
    usage = Usage()
    counting = tally(usage, template="{org}-{user}/{uid}/{artifact}")
    counting.add(f"r/a-b-c/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert {holding.org for holding in usage.held} == {"acme"}


def test_objects_without_a_recording_are_orphans_unless_stored_after_the_list() -> None:
    usage = Usage()
    counting = tally(usage)
    counting.add(f"r/acme/u/{GONE}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    counting.add(f"r/acme/u/{UID}/video", size_bytes=100, storage_class=None, last_modified=OLD)
    counting.add(f"r/acme/u/{GONE}/late", size_bytes=1000, storage_class=None, last_modified=NOW)
    assert usage.orphaned_bytes == 10


@pytest.mark.parametrize(
    "key", ["r/notes.txt", "r/acme/u/no-uid/video", f"s/acme/u/{UID}/video", "r/.recording-operator/owner"]
)
def test_keys_that_do_not_match_the_template_are_foreign(key: str) -> None:
    usage = Usage()
    tally(usage).add(key, size_bytes=10, storage_class=None, last_modified=OLD)
    assert usage.foreign_bytes == 10
    assert not usage.held


def test_the_prefix_of_another_location_is_left_to_it() -> None:
    usage = Usage()
    counting = tally(
        usage,
        prefix="",
        claims=(KeyClaim("r/", key_pattern(prefix="r/", template=WITH_ORG)),),
        template="{org}/{user}/{uid}/{artifact}",
    )
    counting.add(f"r/acme/u/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert not usage.held
    assert not usage.foreign_bytes, "it is in the other's numbers"


def test_an_organisation_named_like_the_prefix_of_another_location_is_counted() -> None:
    usage = Usage()
    claim = KeyClaim("r/", key_pattern(prefix="r/", template=WITH_ORG))
    counting = tally(usage, prefix="", claims=(claim,), template="{org}/{user}/{uid}/{artifact}")
    counting.add(f"r/u/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert [holding.org for holding in usage.held] == ["r"]


def test_bytes_of_unknown_owners_are_unattributed_if_they_may_be_in_scope() -> None:
    usage = Usage()
    counting = tally(usage, scope=Scope(namespaces=frozenset({"team"})), profile="wasabi")
    gone = UID.replace("0", "9")
    counting.add(f"r/acme/u/{gone}/video", size_bytes=10, storage_class=None, last_modified=at("2026-11-20T08:00"))
    counting.add(f"r/acme/u/{UID}/video", size_bytes=7, storage_class=None, last_modified=at("2026-11-20T08:00"))
    assert sum(amount.size_bytes for amount in usage.held.values()) == 7
    assert usage.unattributed_bytes == 10
    assert sum(usage.unattributed_young.values()) == 10
    assert sum(usage.young.values()) == 7


def test_bytes_of_known_other_owners_are_not_unattributed() -> None:
    usage = Usage()
    counting = tally(usage, scope=Scope(orgs=frozenset({"globex"}), namespaces=frozenset({"team"})))
    counting.add(f"r/acme/u/{UID.replace('0', '9')}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert usage.unattributed_bytes == 0


def test_scope() -> None:
    usage = Usage()
    counting = tally(usage, scope=Scope(orgs=frozenset({"acme"})))
    for org in ("acme", "globex"):
        counting.add(f"r/{org}/u/{UID}/video", size_bytes=10, storage_class=None, last_modified=OLD)
    assert {holding.org for holding in usage.held} == {"acme"}


def test_uploads_since_the_window_by_day_with_the_requests_that_the_etag_tells() -> None:
    usage = Usage()
    counting = tally(usage)
    counting.add(
        f"r/acme/u/{UID}/video", size_bytes=10, storage_class=None, last_modified=at("2026-11-20T08:00"), etag='"x-31"'
    )
    counting.add(f"r/acme/u/{UID}/audio", size_bytes=5, storage_class=None, last_modified=OLD, etag='"x"')
    [(upload, amount)] = usage.arrivals.by_day.items()
    assert (upload.org, upload.day, amount.size_bytes, amount.objects) == ("acme", at("2026-11-20").date(), 10, 33)


@pytest.mark.parametrize(("etag", "writes"), [('"abc"', 1), ("abc-2", 4), ('"abc-10000"', 10002), ("", 1), ("a-b", 1)])
def test_writes_of_an_etag(etag: str, writes: int) -> None:
    assert writes_of(etag) == writes


def test_small_objects_are_rounded_up_as_their_class_is_billed() -> None:
    usage = Usage()
    tally(usage).add(f"r/a/u/{UID}/v", size_bytes=10, storage_class="STANDARD_IA", last_modified=OLD)
    [amount] = usage.held.values()
    assert (amount.size_bytes, amount.billable_bytes) == (10, 131_072)


def test_memory_does_not_grow_with_the_objects() -> None:
    usage, counting = Usage(), None
    counting = tally(usage)

    def count(first: int, last: int) -> int:
        for number in range(first, last):
            uid = uuid.UUID(int=number)
            counting.add(f"r/org-{number % 50}/u/{uid}/v", size_bytes=1, storage_class=None, last_modified=OLD)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        few, many = count(0, 2_000), count(2_000, 20_000)
    finally:
        tracemalloc.stop()
    assert sum(amount.objects for amount in usage.held.values()) == 20_000
    assert many - few < 50_000


def test_a_recording_takes_a_score_of_bytes() -> None:
    tracemalloc.start()
    try:
        index = RecordingIndex()
        for number in range(50_000):
            index.add(str(uuid.UUID(int=number << 64)), org=f"org-{number % 100}", namespace="team")
        assert index.owner(str(uuid.UUID(int=49_999 << 64))) == ("org-99", "team", True)
        assert index.owner(str(uuid.UUID(int=50_000 << 64))) == (None, None, False)
        assert tracemalloc.get_traced_memory()[0] < 50_000 * 24
    finally:
        tracemalloc.stop()


def test_an_escaped_organisation_is_counted_by_its_own_name() -> None:
    usage = Usage()
    counting = tally(usage, scope=Scope(orgs=frozenset({"jo@example.com"})))
    for org in ("jo=40example.com", "jo=3D40example.com", "acme"):
        counting.add(f"r/{org}/-/{UID}/a.mp4", size_bytes=10, storage_class="STANDARD", last_modified=OLD)
    assert list(usage.held) == [Holding(LOCATION, "STANDARD", "jo@example.com", "team")]
