"""The rules by which the API server validates `lifecycle` of a StorageLocation, with their messages.

Source: user guide of Amazon S3, "Transitioning objects using Amazon S3 Lifecycle" (order of classes, least days), and
API reference, PutBucketLifecycleConfiguration. Rules of AWS apply only without `s3.endpoint`.
"""

from typing import Any, Final

from recording_operator.api.cel import Rule
from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.storagelocation_rules import PREFIX_SCHEMA, STORAGE_CLASS_SCHEMA

MAX_RULES: Final = 20
MAX_DAYS: Final = 36500
_MAX_TRANSITIONS: Final = 5
_IA_DAYS: Final = 30

DAYS_SCHEMA: Final = {"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_DAYS}
TRANSITION_CLASS_SCHEMA: Final = STORAGE_CLASS_SCHEMA
RULE_PREFIX_SCHEMA: Final = {
    **PREFIX_SCHEMA,
    "x-kubernetes-validations": [
        *PREFIX_SCHEMA["x-kubernetes-validations"],
        Rule(
            rule=f"!self.startsWith('{RESERVED_FOLDER}')",
            message=f"must not name {RESERVED_FOLDER}, which is reserved for the operator",
        ).as_schema(),
    ],
}
RULES_LIST: Final[Any] = {
    "minItems": 1,
    "maxItems": MAX_RULES,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["prefix"],
}
TRANSITIONS_LIST: Final[Any] = {"maxItems": _MAX_TRANSITIONS, "x-kubernetes-list-type": "atomic"}

LIFECYCLE_RULE_RULES: Final = (
    Rule(
        rule="(has(self.transitions) && size(self.transitions) > 0) || has(self.expireAfterDays)"
        " || has(self.abortIncompleteAfterDays) || has(self.noncurrentExpireAfterDays)",
        message="write at least one of transitions, expireAfterDays, abortIncompleteAfterDays and "
        "noncurrentExpireAfterDays",
    ),
    Rule(
        rule="!has(self.transitions) || (self.transitions.map(t, t.afterDays).isSorted()"
        " && self.transitions.all(t, self.transitions.exists_one(u, u.afterDays == t.afterDays)))",
        message="afterDays of each transition must be greater than that of the one before",
        field_path=".transitions",
    ),
    Rule(
        rule="!has(self.transitions)"
        " || self.transitions.all(t, self.transitions.exists_one(u, u.storageClass == t.storageClass))",
        message="two transitions must not have the same storageClass",
        field_path=".transitions",
    ),
    Rule(
        rule="!has(self.transitions) || !has(self.expireAfterDays)"
        " || self.transitions.all(t, t.afterDays < self.expireAfterDays)",
        message="must be greater than afterDays of every transition",
        field_path=".expireAfterDays",
    ),
)

# The classes of AWS to which objects can move. Objects move only from an earlier class to a later one.
AWS_TRANSITION_CLASSES: Final = (
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
_CLASSES: Final = str([*AWS_TRANSITION_CLASSES])
_ON_AWS: Final = "!has(self.lifecycle) || !has(self.s3) || has(self.s3.endpoint)"
_EACH_RULE: Final = "self.lifecycle.rules.all(r, !has(r.transitions)"


def _may_follow(before: str, after: str) -> str:
    """Whether objects can move from one class of AWS to another one. An index in a list would exceed CEL's budget."""
    later = {
        "INTELLIGENT_TIERING": f"{after} != 'STANDARD_IA'",
        "ONEZONE_IA": f"{after} in ['GLACIER', 'DEEP_ARCHIVE']",
        "GLACIER_IR": f"{after} in ['GLACIER', 'DEEP_ARCHIVE']",
        "GLACIER": f"{after} == 'DEEP_ARCHIVE'",
    }
    from_each = [f"({before} == '{name}' && {condition})" for name, condition in later.items()]
    return " || ".join((f"{before} in ['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA']", *from_each))


_IN_ORDER: Final = (
    "r.transitions.all(t, r.transitions.all(u, u.afterDays <= t.afterDays"
    f" || {_may_follow('t.storageClass', 'u.storageClass')}))"
)
_BEGINS_LATER: Final = (
    "(!has(self.s3.storageClass) || r.transitions.all(t, t.storageClass != self.s3.storageClass"
    f" && ({_may_follow('self.s3.storageClass', 't.storageClass')})))"
)
_AFTER_IA: Final = (
    "r.transitions.all(t, !(t.storageClass in ['STANDARD_IA', 'ONEZONE_IA'])"
    f" || r.transitions.all(u, u.afterDays <= t.afterDays || u.afterDays >= t.afterDays + {_IA_DAYS}))"
)
AWS_LIFECYCLE_RULES: Final = (
    Rule(
        rule=f"{_ON_AWS} || {_EACH_RULE} || r.transitions.all(t, t.storageClass in {_CLASSES}))",
        message=f"on AWS, objects can move to {', '.join(AWS_TRANSITION_CLASSES)}; for another store set endpoint",
        field_path=".lifecycle",
    ),
    Rule(
        # A class that AWS does not have has its own message.
        rule=f"{_ON_AWS} || {_EACH_RULE} || r.transitions.exists(t, !(t.storageClass in {_CLASSES}))"
        f" || ({_IN_ORDER} && {_BEGINS_LATER}))",
        message="on AWS, objects move only to a later class of this order, beginning with s3.storageClass: STANDARD, "
        "STANDARD_IA, INTELLIGENT_TIERING, ONEZONE_IA, GLACIER_IR (not from ONEZONE_IA), GLACIER, DEEP_ARCHIVE",
        field_path=".lifecycle",
    ),
    Rule(
        rule=f"{_ON_AWS} || {_EACH_RULE} || r.transitions.all(t, !(t.storageClass in ['STANDARD_IA', 'ONEZONE_IA'])"
        f" || t.afterDays >= {_IA_DAYS}))",
        message=f"on AWS, objects can move to STANDARD_IA and ONEZONE_IA after {_IA_DAYS} days or more",
        field_path=".lifecycle",
    ),
    Rule(
        rule=f"{_ON_AWS} || {_EACH_RULE} || {_AFTER_IA})",
        message=f"on AWS, objects stay in STANDARD_IA and ONEZONE_IA for {_IA_DAYS} days or more before they move on",
        field_path=".lifecycle",
    ),
)
