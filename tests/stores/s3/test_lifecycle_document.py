"""The document of a lifecycle configuration is edited without a change to the rules of others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.lifecycle.rule import BucketRule
from recording_operator.stores.s3.lifecycle_document import LifecycleDocument, LifecycleDocumentError, parsed
from tests.support.lifecycles import NAMESPACE, a_configuration, foreign_rule

OWN = "recording-operator/archive/1/"
RULES = (
    BucketRule(
        rule_id=f"{OWN}age", prefix="rec/a&b/", transitions=((30, "STANDARD_IA"), (90, "GLACIER")), expire_days=365
    ),
    BucketRule(rule_id=f"{OWN}clean", prefix="rec/", noncurrent_days=3, abort_days=7, removes_markers=True),
)
FOREIGN = (
    foreign_rule("size", filters="<Filter><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan></Filter>"),
    foreign_rule(
        "all",
        filters="<Filter><And><Prefix>x/</Prefix><Tag><Key>k</Key><Value>v &amp; w</Value></Tag>"
        "<ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>",
    ),
    foreign_rule("new", more="<Compression><Kind>zstd</Kind></Compression><!-- by hand -->"),
    '<Rule   xmlns:o="urn:other"><ID>odd</ID>\n<Filter/><Status>Disabled</Status><o:More a="1"/></Rule\n>',
    foreign_rule("nöt ascii"),
)


def test_what_is_written_is_read_as_it_was() -> None:
    again = parsed(LifecycleDocument().with_rules(RULES, own=OWN), least_size=None)
    assert [one.rule.read for one in again.rules] == [*RULES]


@given(st.lists(st.sampled_from(FOREIGN), max_size=5, unique=True), st.integers(0, 5), st.integers(0, 2))
def test_rules_of_others_are_kept_byte_by_byte(foreign: list[str], place: int, count: int) -> None:
    """Wherever ours were, and whether there will be any."""
    ours = LifecycleDocument().with_rules(RULES, own=OWN).decode()
    rules = ours.partition(f"{NAMESPACE}>")[2].removesuffix("</LifecycleConfiguration>")
    before = a_configuration(*foreign[:place], rules, *foreign[place:])
    after = parsed(before, least_size=None).with_rules(RULES[:count], own=OWN)
    assert all(rule.encode() in after for rule in foreign)
    assert parsed(after, least_size=None).without(OWN) == len(foreign)
    read = [one.rule.read for one in parsed(after, least_size=None).rules if one.rule.rule_id.startswith(OWN)]
    assert read == [*RULES[:count]]


def test_our_rules_take_the_older_form_where_another_rule_has_it() -> None:
    """S3: "Filter element can only be used in Lifecycle V2"."""
    before = a_configuration(foreign_rule("old", filters="<Prefix>logs/</Prefix>"))
    after = parsed(before, least_size=None).with_rules(RULES, own=OWN)
    assert b"<Filter>" not in after
    assert [one.rule.read for one in parsed(after, least_size=None).rules][1:] == [*RULES]


@pytest.mark.parametrize(
    "change",
    [
        ("Enabled", "Disabled"),
        ("<Days>365</Days>", "<Date>2027-01-01T00:00:00Z</Date>"),
        ("<Prefix>rec/</Prefix>", "<Tag><Key>k</Key><Value>v</Value></Tag>"),
        ("</AbortIncompleteMultipartUpload>", "</AbortIncompleteMultipartUpload><New/>"),
        (
            "<NoncurrentDays>3</NoncurrentDays>",
            "<NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions>",
        ),
        ("<Days>90</Days>", "<Days>ninety</Days>"),
    ],
    ids=lambda change: change[1][:20],
)
def test_a_rule_with_something_else_is_not_ours_any_more(change: tuple[str, str]) -> None:
    text = LifecycleDocument().with_rules(RULES, own=OWN).decode()
    assert change[0] in text
    read = [one.rule.read for one in parsed(text.replace(*change).encode(), least_size=None).rules]
    assert read != [*RULES]
    assert None in read


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"<ListBucketResult/>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><LifecycleConfiguration/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><LifecycleConfiguration/>',
    ],
)
def test_what_cannot_be_edited_safely_is_not_edited(text: bytes) -> None:
    with pytest.raises(LifecycleDocumentError):
        parsed(text, least_size=None)


@pytest.mark.parametrize("text", [b"<LifecycleConfiguration/>", b"<LifecycleConfiguration></LifecycleConfiguration>"])
def test_an_empty_configuration(text: bytes) -> None:
    assert len(parsed(parsed(text, least_size=None).with_rules(RULES, own=OWN), least_size=None).rules) == 2
