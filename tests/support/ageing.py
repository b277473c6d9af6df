"""What S3 does to the objects of a bucket as they grow older: one run of its daily lifecycle job.

Only rules with a prefix are carried out. Source: user guide, "Lifecycle configuration elements".
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

from tests.support.strict_bucket import Bucket, Version

_LEAST_BYTES = 128 * 2**10


def grow_older(bucket: Bucket, *, days: int) -> None:
    """Make every object and upload older by some days, then carry out the rules."""
    age = timedelta(days=days)
    for key, versions in bucket.versions.items():
        bucket.versions[key] = [replace(version, modified=version.modified - age) for version in versions]
    for upload in bucket.uploads.values():
        upload.initiated -= age
    carry_out(bucket, now=datetime.now().astimezone())


def carry_out(bucket: Bucket, *, now: datetime) -> None:
    """One run of the job."""
    if bucket.lifecycle is None:
        return
    root = ElementTree.fromstring(bucket.lifecycle)  # noqa: S314 - of a test
    for part in root.iter():
        part.tag = part.tag.rpartition("}")[2]
    for rule in root.findall("Rule"):
        if rule.findtext("Status") != "Enabled":
            continue
        prefix = rule.findtext("Filter/Prefix") or rule.findtext("Prefix") or ""
        for key in [key for key in bucket.versions if key.startswith(prefix)]:
            _age_key(bucket, key, rule, now)
        abort = rule.findtext("AbortIncompleteMultipartUpload/DaysAfterInitiation")
        for upload_id, upload in [*bucket.uploads.items()]:
            if abort and upload.key.startswith(prefix) and _is_old(upload.initiated, abort, now):
                del bucket.uploads[upload_id]


def _age_key(bucket: Bucket, key: str, rule: ElementTree.Element, now: datetime) -> None:
    current = bucket.current(key)
    expiry = rule.findtext("Expiration/Days")
    noncurrent = rule.findtext("NoncurrentVersionExpiration/NoncurrentDays")
    if current is not None and expiry and _is_old(current.modified, expiry, now):
        bucket.delete(key, None)
    elif current is not None:
        _move(bucket, key, current, rule, now)
    if noncurrent and key in bucket.versions:
        kept = bucket.versions[key]
        younger = [one for one, newer in pairwise(kept) if not _is_old(newer.modified, noncurrent, now)]
        bucket.versions[key] = [*younger, kept[-1]]
    if rule.findtext("Expiration/ExpiredObjectDeleteMarker") == "true":
        kept = bucket.versions.get(key, [])
        if len(kept) == 1 and kept[0].delete_marker:
            del bucket.versions[key]


def _move(bucket: Bucket, key: str, current: Version, rule: ElementTree.Element, now: datetime) -> None:
    if len(current.body) < _LEAST_BYTES:
        return
    for move in rule.findall("Transition"):
        if _is_old(current.modified, move.findtext("Days") or "", now):
            moved = replace(
                current, attributes=replace(current.attributes, storage_class=move.findtext("StorageClass") or "")
            )
            bucket.versions[key][-1] = current = moved


def _is_old(since: datetime, days: str, now: datetime) -> bool:
    return now - since >= timedelta(days=int(days))
