"""The lifecycle configuration of a bucket: what S3 accepts."""

import base64
import hashlib
from functools import partial

import pytest

from tests.support.lifecycles import a_configuration, foreign_rule
from tests.support.s3_protocol import KEY, Point, accepted, refused
from tests.support.strict_client import Response, S3Client
from tests.support.strict_store import StrictStore

PUT = "PutBucketLifecycleConfiguration"
RULE = "LifecycleRule"
MOVES = "user guide: Transitioning objects using Amazon S3 Lifecycle"
FOREVER = "<Filter/>"
SIZE = "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>"
TAG = "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
ABORT = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
MARKERS = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"


def move(days: int, name: str) -> str:
    return f"<Transition><Days>{days}</Days><StorageClass>{name}</StorageClass></Transition>"


def rule(more: str, *, filters: str = FOREVER, status: str = "Enabled") -> str:
    return f"<Rule><ID>r</ID>{filters}<Status>{status}</Status>{more}</Rule>"


def put(api: S3Client, *rules: str) -> Response:
    """Write a configuration."""
    return api.send("PUT", "", "lifecycle=", body=a_configuration(*rules), headers=_summed(a_configuration(*rules)))


def _summed(body: bytes) -> dict[str, str]:
    return {"content-md5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}


def ok(name: str, source: str, *rules: str) -> Point:
    return accepted(name, source, partial(_put_all, rules=rules))


def bad(name: str, source: str, code: str, *rules: str) -> Point:
    return refused(name, source, code, partial(_put_all, rules=rules))


def _put_all(api: S3Client, rules: tuple[str, ...]) -> Response:
    return put(api, *rules)


POINTS = [
    ok("a rule", RULE, foreign_rule("r")),
    ok("a disabled rule", RULE, rule(ABORT, status="Disabled")),
    ok("a rule with every action", RULE, rule(move(30, "STANDARD_IA") + move(60, "GLACIER") + ABORT)),
    ok("1,000 rules", PUT, *(foreign_rule(str(number)) for number in range(1000))),
    ok("rules of the older form", RULE, *(foreign_rule(str(n), filters="<Prefix>a/</Prefix>") for n in range(2))),
    bad("1,001 rules", PUT, "MalformedXML", *(foreign_rule(str(number)) for number in range(1001))),
    bad("no rules", PUT, "MalformedXML"),
    bad("two rules of one id", RULE, "InvalidArgument", foreign_rule("r"), foreign_rule("r")),
    bad("an id of 256 characters", RULE, "InvalidArgument", foreign_rule("r" * 256)),
    bad("rules of both forms", RULE, "InvalidRequest", foreign_rule("a"), foreign_rule("b", filters="<Prefix/>")),
    bad("a rule without an action", RULE, "InvalidRequest", rule("")),
    bad("a rule without a filter", RULE, "MalformedXML", foreign_rule("r", filters="")),
    bad("a status that is none", RULE, "MalformedXML", rule(ABORT, status="On")),
    bad("an element that is none", RULE, "MalformedXML", rule(ABORT + "<Fnord/>")),
    bad("an And of one", "LifecycleRuleFilter", "MalformedXML",
        foreign_rule("r", filters="<Filter><And><Prefix>a</Prefix></And></Filter>")),
    bad("aborts by size", "AbortIncompleteMultipartUpload", "InvalidRequest", rule(ABORT, filters=SIZE)),
    bad("aborts by tag", "AbortIncompleteMultipartUpload", "InvalidRequest", rule(ABORT, filters=TAG)),
    bad("delete markers by tag", "LifecycleExpiration", "InvalidRequest", rule(MARKERS, filters=TAG)),
    bad("expiry after no days", "LifecycleExpiration", "InvalidArgument",
        rule("<Expiration><Days>0</Days></Expiration>")),
    bad("expiry after days and of markers", "LifecycleExpiration", "MalformedXML",
        rule("<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>")),
    bad("expiry before a move", MOVES, "InvalidArgument",
        rule(move(30, "STANDARD_IA") + "<Expiration><Days>30</Days></Expiration>")),
    bad("STANDARD_IA after 29 days", MOVES, "InvalidArgument", rule(move(29, "STANDARD_IA"))),
    ok("GLACIER after no days", MOVES, rule(move(0, "GLACIER"))),
    bad("GLACIER 29 days after STANDARD_IA", MOVES, "InvalidArgument",
        rule(move(30, "STANDARD_IA") + move(59, "GLACIER"))),
    bad("back from GLACIER", MOVES, "InvalidArgument", rule(move(1, "GLACIER") + move(90, "STANDARD_IA"))),
    bad("ONEZONE_IA to GLACIER_IR", MOVES, "InvalidArgument", rule(move(30, "ONEZONE_IA") + move(90, "GLACIER_IR"))),
    bad("one class twice", MOVES, "InvalidArgument", rule(move(1, "GLACIER") + move(2, "GLACIER"))),
    bad("a class that is none", "Transition", "MalformedXML", rule(move(1, "STANDARD"))),
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_lifecycle(strict_api: S3Client, point: Point) -> None:
    """Only with the strict store: versitygw has no lifecycle configuration."""
    point.check(strict_api)


def test_versitygw_has_no_lifecycle_configuration(api: S3Client, server: str) -> None:
    responses = [api.get("", "lifecycle="), put(api, foreign_rule("r")), api.send("DELETE", "", "lifecycle=")]
    expected = {"strict": [404, 200, 204], "versitygw": [501, 501, 501]}
    assert [response.status for response in responses] == expected[server]


def test_a_configuration_is_replaced_as_a_whole(strict_api: S3Client) -> None:
    assert strict_api.get("", "lifecycle=").outcome == (404, "NoSuchLifecycleConfiguration")
    put(strict_api, foreign_rule("a"), foreign_rule("b"))
    put(strict_api, foreign_rule("c"))
    assert strict_api.get("", "lifecycle=").texts("Rule/ID") == ["c"]
    assert strict_api.send("DELETE", "", "lifecycle=").status == 204
    assert strict_api.get("", "lifecycle=").code == "NoSuchLifecycleConfiguration"


def test_the_smallest_size_that_moves_is_reset_by_a_write_without_it(strict_api: S3Client) -> None:
    """PutBucketLifecycleConfiguration, x-amz-transition-default-minimum-object-size."""
    name, body = "x-amz-transition-default-minimum-object-size", a_configuration(foreign_rule("r"))
    headers = {name: "varies_by_storage_class", **_summed(body)}
    assert strict_api.send("PUT", "", "lifecycle=", body=body, headers=headers).status == 200
    assert strict_api.get("", "lifecycle=").headers[name] == "varies_by_storage_class"
    put(strict_api, foreign_rule("r"))
    assert strict_api.get("", "lifecycle=").headers[name] == "all_storage_classes_128K"


def test_a_configuration_needs_a_checksum(strict_api: S3Client) -> None:
    body = a_configuration(foreign_rule("r"))
    assert strict_api.send("PUT", "", "lifecycle=", body=body).outcome == (400, "InvalidRequest")


def test_reading_and_writing_need_separate_permissions(strict_server: StrictStore, strict_api: S3Client) -> None:
    strict_server.denied = {"PutLifecycleConfiguration"}
    assert strict_api.get("", "lifecycle=").status == 404
    assert put(strict_api, foreign_rule("r")).outcome == (403, "AccessDenied")
    assert strict_api.send("DELETE", "", "lifecycle=").outcome == (403, "AccessDenied")
    strict_server.denied = {"GetLifecycleConfiguration"}
    assert strict_api.get("", "lifecycle=").outcome == (403, "AccessDenied")


def test_an_object_is_not_touched(strict_api: S3Client) -> None:
    strict_api.put(KEY)
    assert put(strict_api, foreign_rule("r")).status == 200
    assert strict_api.get(KEY).status == 200
