"""The rules of a bucket that a StorageLocation's spec asks for."""

import hashlib
from collections.abc import Iterator
from typing import Final

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.api.storagelocation_lifecycle import EnforcedBy, LifecycleRule
from recording_operator.lifecycle.keys import literal_begin, recording_prefixes
from recording_operator.lifecycle.rule import BucketRule

ID_BEGIN: Final = "recording-operator"
_MOST_ID_CHARS: Final = 255
_DIGEST_CHARS: Final = 8
_MOST_NAME_CHARS: Final = _MOST_ID_CHARS - len(ID_BEGIN) - _DIGEST_CHARS - 32


def id_begin(location: StorageLocation) -> str:
    """How the ids of this location's rules begin, and of no other's.

    Locations of two clusters may have the same name, but not the same prefix in a bucket.
    """
    name = location.metadata.name
    if len(name) > _MOST_NAME_CHARS:
        name = f"{name[: _MOST_NAME_CHARS - _DIGEST_CHARS - 1]}-{_digest(name)}"
    return f"{ID_BEGIN}/{name}/{_digest(location.store.prefix)}/"


def bucket_rules(location: StorageLocation) -> tuple[BucketRule, ...]:
    """The rules of `spec.lifecycle`; none without it, or if the operator enforces them itself.

    Transitions and expiry leave the operator's own files out. Rules about open uploads and noncurrent versions do not:
    the operator needs neither of its own files.
    """
    lifecycle = location.spec.lifecycle
    if lifecycle is None or lifecycle.enforced_by is EnforcedBy.OPERATOR:
        return ()
    return tuple(made for rule in lifecycle.rules for made in _made(rule, location))


def _made(rule: LifecycleRule, location: StorageLocation) -> Iterator[BucketRule]:
    begin, base = f"{id_begin(location)}{_digest(rule.prefix)}", location.store.prefix
    if rule.transitions or rule.expire_after_days is not None:
        prefixes = (rule.prefix,) if rule.prefix else recording_prefixes(location.spec.key_template)
        for number, prefix in enumerate(prefixes):
            yield BucketRule(
                rule_id=f"{begin}/age-{number}",
                prefix=base + prefix,
                transitions=tuple(sorted((move.after_days, move.storage_class) for move in rule.transitions)),
                expire_days=rule.expire_after_days,
            )
    if rule.abort_incomplete_after_days is not None or rule.noncurrent_expire_after_days is not None:
        yield BucketRule(
            rule_id=f"{begin}/clean",
            prefix=base + rule.prefix,
            noncurrent_days=rule.noncurrent_expire_after_days,
            abort_days=rule.abort_incomplete_after_days,
            removes_markers=rule.noncurrent_expire_after_days is not None,
        )


def notes(location: StorageLocation, *, keeps_versions: bool) -> list[str]:
    """Sentences about rules that do less than they seem to."""
    found = []
    rules = location.spec.lifecycle.rules if location.spec.lifecycle else ()
    kept = [rule for rule in rules if rule.expire_after_days is not None and rule.noncurrent_expire_after_days is None]
    if keeps_versions and any(not _covered(rule, rules) for rule in kept):
        found.append(
            "The bucket keeps versions: expired objects stay as noncurrent versions, and cost, until "
            "noncurrentExpireAfterDays is set."
        )
    return [*found, *unused(location)]


def unused(location: StorageLocation) -> list[str]:
    """A sentence about prefixes that no key of the location has."""
    rules = location.spec.lifecycle.rules if location.spec.lifecycle else ()
    begin = literal_begin(location.spec.key_template)
    never = [rule.prefix for rule in rules if not _may_begin(begin, rule.prefix)]
    return [f"No key of the location begins with {', '.join(never)}, because all begin with {begin}."] if never else []


def not_by_operator(location: StorageLocation) -> list[str]:
    """Fields of the rules that the operator cannot carry out itself."""
    rules = location.spec.lifecycle.rules if location.spec.lifecycle else ()
    fields = {
        "transitions": any(rule.transitions for rule in rules),
        "noncurrentExpireAfterDays": any(rule.noncurrent_expire_after_days for rule in rules),
    }
    return [name for name, is_used in fields.items() if is_used]


def _covered(rule: LifecycleRule, rules: tuple[LifecycleRule, ...]) -> bool:
    """Whether another rule removes the noncurrent versions of this one's objects."""
    return any(one.noncurrent_expire_after_days and rule.prefix.startswith(one.prefix) for one in rules)


def _may_begin(begin: str, prefix: str) -> bool:
    return prefix.startswith(begin) or begin.startswith(prefix)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
