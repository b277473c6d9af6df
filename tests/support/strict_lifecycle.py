"""The lifecycle configuration of a strict bucket: what S3 accepts, and what it does to objects as they grow older.

Source: API reference, PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle,
LifecycleRule and its parts; user guide, "Lifecycle configuration elements" and "Transitioning objects using Amazon S3
Lifecycle".
"""

from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

from tests.support.strict_bucket import Bucket
from tests.support.strict_errors import S3Error
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import malformed, parsed

_MOST_RULES = 1000
_MOST_ID_CHARS = 255
_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
_IA = ("STANDARD_IA", "ONEZONE_IA")
_IA_DAYS = 30
_LEAST_SIZE = "x-amz-transition-default-minimum-object-size"
_LEAST_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")
_ACTIONS = {
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
}
_FILTERS = {"Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan", "And"}


def get_lifecycle(_: S3Request, bucket: Bucket) -> Reply:
    """GetBucketLifecycleConfiguration: the document as it was written."""
    if bucket.lifecycle is None:
        raise S3Error("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
    return Reply(body=bucket.lifecycle, headers={_LEAST_SIZE: bucket.lifecycle_least_size})


def put_lifecycle(request: S3Request, bucket: Bucket) -> Reply:
    """PutBucketLifecycleConfiguration. It replaces the whole configuration; without the header, its default applies."""
    summed = "content-md5" in request.headers or any(name.startswith("x-amz-checksum-") for name in request.headers)
    if not summed:
        message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        raise S3Error("InvalidRequest", message)
    least_size = request.headers.get(_LEAST_SIZE, _LEAST_SIZES[0])
    if least_size not in _LEAST_SIZES:
        raise S3Error("InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize found")
    root = parsed(request.body, "LifecycleConfiguration")
    _check(root, bucket)
    bucket.lifecycle, bucket.lifecycle_least_size = request.body, least_size
    return Reply(headers={_LEAST_SIZE: least_size})


def delete_lifecycle(_: S3Request, bucket: Bucket) -> Reply:
    """DeleteBucketLifecycle."""
    bucket.lifecycle, bucket.lifecycle_least_size = None, _LEAST_SIZES[0]
    return Reply(status=204)


def _check(root: Element, bucket: Bucket) -> None:
    rules = root.findall("Rule")
    if not 1 <= len(rules) <= _MOST_RULES or len(rules) != len(root):
        raise malformed()
    ids = [rule.findtext("ID") for rule in rules if rule.findtext("ID")]
    if len(set(ids)) != len(ids):
        raise S3Error("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    if any(rule.find("Prefix") is not None for rule in rules) and any(
        rule.find("Filter") is not None for rule in rules
    ):
        raise S3Error("InvalidRequest", "Filter element can only be used in Lifecycle V2.")
    for rule in rules:
        _check_rule(rule, bucket)


def _check_rule(rule: Element, bucket: Bucket) -> None:
    known = _ACTIONS | {"ID", "Status", "Filter", "Prefix"} | bucket.lifecycle_extensions
    names = [child.tag for child in rule]
    once = [name for name in names if name not in ("Transition", "NoncurrentVersionTransition")]
    if not set(names) <= known or len(set(once)) != len(once):
        raise malformed()
    if len(rule.findtext("ID") or "") > _MOST_ID_CHARS:
        raise S3Error("InvalidArgument", "ID length should not exceed allowed limit of 255")
    if rule.findtext("Status") not in ("Enabled", "Disabled") or ("Filter" in names) == ("Prefix" in names):
        raise malformed()
    if not set(names) & (_ACTIONS | bucket.lifecycle_extensions):
        raise S3Error("InvalidRequest", "At least one action needs to be specified in a rule")
    filters = {child.tag for child in _filters(rule)}
    if not filters <= _FILTERS:
        raise malformed()
    _check_transitions(rule.findall("Transition"), bucket)
    _check_expiration(rule, filters)
    _check_abort(rule, filters)
    noncurrent = rule.find("NoncurrentVersionExpiration")
    if noncurrent is not None:
        _days(noncurrent, "NoncurrentDays", least=1)


def _filters(rule: Element) -> Iterator[Element]:
    found = rule.find("Filter")
    if found is None:
        return
    if len(found) > 1:
        raise malformed()
    for child in found:
        if child.tag == "And" and len(child) < 2:
            raise malformed()
        yield from child if child.tag == "And" else [child]


def _check_transitions(moves: list[Element], bucket: Bucket) -> None:
    places = []
    for move in moves:
        name, days = move.findtext("StorageClass") or "", _days(move, "Days", least=0)
        if name not in _CLASSES or name not in bucket.storage_classes:
            raise malformed()
        if name in _IA and days < _IA_DAYS:
            message = f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{name}'"
            raise S3Error("InvalidArgument", message)
        places.append((days, _CLASSES.index(name), name))
    names = {name for _, _, name in places}
    if len(names) != len(places):
        raise S3Error("InvalidArgument", "StorageClass must not be the same in two Transition actions")
    places.sort()
    for (days, place, name), (next_days, next_place, next_name) in pairwise(places):
        if next_place < place or next_days == days or {name, next_name} == {"ONEZONE_IA", "GLACIER_IR"}:
            raise S3Error("InvalidArgument", f"'Days' in the Transition action for StorageClass '{next_name}' is wrong")
        if name in _IA and next_days < days + _IA_DAYS:
            message = (
                f"'Days' in the Transition action for StorageClass '{next_name}' must be 30 days more than '{name}'"
            )
            raise S3Error("InvalidArgument", message)


def _check_expiration(rule: Element, filters: set[str]) -> None:
    expiry = rule.find("Expiration")
    if expiry is None:
        return
    if len(expiry) != 1 or expiry[0].tag not in ("Days", "Date", "ExpiredObjectDeleteMarker"):
        raise malformed()
    if expiry[0].tag == "ExpiredObjectDeleteMarker" and filters - {"Prefix"}:
        raise S3Error("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with tags or sizes.")
    if expiry[0].tag == "Days":
        days = _days(expiry, "Days", least=1)
        if any(_days(move, "Days", least=0) >= days for move in rule.findall("Transition")):
            message = "'Days' in the Expiration action must be greater than 'Days' in the Transition action"
            raise S3Error("InvalidArgument", message)


def _check_abort(rule: Element, filters: set[str]) -> None:
    abort = rule.find("AbortIncompleteMultipartUpload")
    if abort is None:
        return
    _days(abort, "DaysAfterInitiation", least=1)
    if filters - {"Prefix"}:
        raise S3Error("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with tags or sizes.")


def _days(parent: Element, name: str, *, least: int) -> int:
    text = parent.findtext(name) or ""
    if not text.isdecimal():
        raise malformed()
    if int(text) < least:
        raise S3Error("InvalidArgument", f"'{name}' for {parent.tag} action must be a positive integer")
    return int(text)
