"""When objects expire, who deletes them, and how often they are looked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.storagelocation_lifecycle import EnforcedBy
from recording_operator.lifecycle.expiry import (
    abort_after,
    earliest_expiry,
    enforcer,
    expires_at,
    is_looked_for,
)
from tests.support.lifecycles import WEEK, a_location_with

ENDED = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
UID = "3f0c2f5e-7f1b-4a54-9d0e-0b8f2a6c1d11"
YEAR: dict[str, Any] = {"expireAfterDays": 365}


def said(by: str | None, *, generation: int = 1) -> dict[str, Any]:
    """A status that says who carries the rules out."""
    at = "2026-11-01T00:00:00Z"
    condition = {"type": "LifecycleApplied", "status": "True", "lastTransitionTime": at, "reason": "RulesApplied"}
    status: dict[str, Any] = {"conditions": [{**condition, "message": "", "observedGeneration": generation}]}
    if by is not None:
        status["lifecycle"] = {"enforcedBy": by, "appliedTime": at, "rules": 1}
    return status


@pytest.mark.parametrize(
    ("enforced_by", "status", "expected"),
    [
        ("Auto", said("Bucket"), EnforcedBy.BUCKET),
        ("Auto", said("Operator"), EnforcedBy.OPERATOR),
        ("Auto", said("Operator", generation=7), None),
        ("Auto", said(None), None),
        ("Auto", {}, None),
        ("Bucket", said("Bucket"), EnforcedBy.BUCKET),
        ("Bucket", {}, None),
        ("Operator", {}, EnforcedBy.OPERATOR),
    ],
)
def test_who_deletes(enforced_by: str, status: dict[str, Any], expected: EnforcedBy | None) -> None:
    assert enforcer(a_location_with(WEEK, enforced_by=enforced_by, status=status)) is expected


def test_nobody_deletes_without_rules() -> None:
    assert enforcer(a_location_with(status=said("Operator"))) is None


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("rec/temp/a", 7),
        ("rec/media/a", 365),
        ("rec/tempo/a", 365),
        ("other/temp/a", None),
    ],
)
def test_the_earliest_expiry_counts(key: str, days: int | None) -> None:
    location = a_location_with(YEAR, WEEK)
    expected = None if days is None else ENDED + days * DAY
    assert expires_at(location, key, ended_at=ENDED) == expected


def test_a_rule_without_expiry_expires_nothing() -> None:
    location = a_location_with({"abortIncompleteAfterDays": 2})
    assert expires_at(location, "rec/a", ended_at=ENDED) is None
    assert (abort_after(location, "rec/a"), abort_after(location, "a")) == (2 * DAY, None)


@pytest.mark.parametrize(
    ("key", "days"),
    [
        (f"rec/temp/{UID}/metadata.json", 7),
        (f"rec/media/{UID}/metadata.json", 365),
        (f"rec/.recording-operator/manifests/{UID}.json", 7),
    ],
)
def test_a_manifest_is_read_when_an_object_in_it_can_have_expired(key: str, days: int) -> None:
    assert earliest_expiry(a_location_with(YEAR, WEEK), key) == days * DAY


def test_a_manifest_above_the_folder_of_a_rule_can_list_objects_below_it() -> None:
    rule = {"prefix": f"media/{UID}/temp/", "expireAfterDays": 7}
    assert earliest_expiry(a_location_with(rule), f"rec/media/{UID}/metadata.json") == 7 * DAY
    assert earliest_expiry(a_location_with(rule), "rec/other/metadata.json") is None


@pytest.mark.parametrize("by", [EnforcedBy.BUCKET, EnforcedBy.OPERATOR])
@given(
    sweeps=st.lists(st.floats(min_value=0.02, max_value=3), min_size=1, max_size=200),
    before=st.floats(min_value=0, max_value=3),
)
def test_a_few_looks_and_none_too_early(by: EnforcedBy, sweeps: list[float], before: float) -> None:
    """In many sweeps, an object that is never deleted is looked for a few times, further and further apart."""
    now, since, looks = ENDED - before * DAY, None, list[datetime]()
    for days in sweeps:
        now += days * DAY
        if is_looked_for(ENDED, by, since=since, now=now):
            looks.append(now)
        since = now
    first = ENDED if by is EnforcedBy.OPERATOR else ENDED + DAY
    assert all(look >= first for look in looks)
    assert bool(looks) == (now >= first)
    age = max((now - first) / DAY, 0)
    assert len(looks) <= 3 + int(age).bit_length()


def test_a_process_that_has_looked_at_nothing_looks_at_once() -> None:
    assert is_looked_for(ENDED, EnforcedBy.BUCKET, since=None, now=ENDED + 300 * DAY)
    assert not is_looked_for(ENDED, EnforcedBy.BUCKET, since=None, now=ENDED + DAY / 2)
