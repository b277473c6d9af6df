"""The rules of a bucket follow from the spec of a location."""

import pytest

from recording_operator.lifecycle.rule import BucketRule
from recording_operator.lifecycle.rules import bucket_rules, id_begin, notes
from tests.support.lifecycles import GLACIER_AND_EXPIRY, WEEK, a_location_with


def test_the_rules_of_two_services_before_this_one() -> None:
    """Glacier after 90 days and the end after a year; a week for what is temporary."""
    location = a_location_with(GLACIER_AND_EXPIRY, WEEK)
    year, week = bucket_rules(location)
    assert (year.prefix, year.transitions, year.expire_days) == ("rec/media/", ((90, "GLACIER"),), 365)
    assert (week.prefix, week.transitions, week.expire_days) == ("rec/temp/", (), 7)


def test_ids_begin_with_the_operator_and_the_location() -> None:
    location = a_location_with(GLACIER_AND_EXPIRY, WEEK, {"prefix": "a/", "abortIncompleteAfterDays": 7})
    ids = [rule.rule_id for rule in bucket_rules(location)]
    assert all(one.startswith("recording-operator/archive/") for one in ids)
    assert all(one.startswith(id_begin(location)) for one in ids)
    assert len(set(ids)) == len(ids)


def test_ids_of_other_locations_are_different() -> None:
    """Also in another cluster that has a location of this name, and for a name that begins with this one."""
    begin = id_begin(a_location_with(WEEK))
    others = [
        a_location_with(WEEK, prefix="other/"),
        a_location_with(WEEK, name="archive-2"),
        a_location_with(WEEK, name="arch"),
    ]
    for other in others:
        assert not any(rule.rule_id.startswith(begin) for rule in bucket_rules(other))


def test_an_id_has_at_most_255_characters() -> None:
    first, second = (a_location_with(WEEK, name="n" * 252 + last) for last in "ab")
    assert all(len(rule.rule_id) <= 255 for rule in bucket_rules(first))
    assert id_begin(first) != id_begin(second)


def test_age_and_cleaning_are_separate_rules() -> None:
    """Age leaves out the operator's files, with one rule for each first character; cleaning does not need to."""
    rule = {"expireAfterDays": 30, "abortIncompleteAfterDays": 7, "noncurrentExpireAfterDays": 3}
    *age, clean = bucket_rules(a_location_with(rule, template="{year}/{uid}/{artifact}"))
    assert [one.prefix for one in age] == [f"rec/{digit}" for digit in range(10)]
    assert {(one.expire_days, one.abort_days, one.noncurrent_days) for one in age} == {(30, None, None)}
    assert clean == BucketRule(
        rule_id=clean.rule_id, prefix="rec/", noncurrent_days=3, abort_days=7, removes_markers=True
    )


def test_without_lifecycle_there_are_no_rules() -> None:
    assert bucket_rules(a_location_with()) == ()


@pytest.mark.parametrize("keeps_versions", [True, False])
def test_a_bucket_that_keeps_versions_keeps_what_expired(*, keeps_versions: bool) -> None:
    noted = notes(a_location_with(WEEK, template="{org}/{uid}/{artifact}"), keeps_versions=keeps_versions)
    assert bool(noted) == keeps_versions
    assert all("noncurrentExpireAfterDays" in note for note in noted)


def test_a_rule_for_all_keys_removes_versions_of_a_narrower_rule() -> None:
    template = "{org}/{uid}/{artifact}"
    everywhere = a_location_with(WEEK, {"noncurrentExpireAfterDays": 1}, template=template)
    elsewhere = a_location_with(WEEK, {"prefix": "acme/", "noncurrentExpireAfterDays": 1}, template=template)
    assert notes(everywhere, keeps_versions=True) == []
    assert len(notes(elsewhere, keeps_versions=True)) == 1


def test_a_prefix_that_no_key_has_is_mentioned() -> None:
    (note,) = notes(a_location_with(WEEK, {"prefix": "media/acme/", "expireAfterDays": 1}), keeps_versions=False)
    assert note == "No key of the location begins with temp/, because all begin with media/."
