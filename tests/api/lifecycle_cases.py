"""StorageLocations with lifecycle rules: some that the API server accepts, and some that it rejects."""

from typing import Any, Final

from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, unsupported
from tests.api.manifests import JsonObject, a_location, with_filesystem

ENDPOINT: Final = {"endpoint": "https://minio.example.com"}
AWS_CLASSES: Final = (
    "on AWS, objects can move to STANDARD_IA, INTELLIGENT_TIERING, ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE; for "
    "another store set endpoint"
)
AWS_ORDER: Final = (
    "on AWS, objects move only to a later class of this order, beginning with s3.storageClass: STANDARD, STANDARD_IA, "
    "INTELLIGENT_TIERING, ONEZONE_IA, GLACIER_IR (not from ONEZONE_IA), GLACIER, DEEP_ARCHIVE"
)
IA_AFTER: Final = "on AWS, objects stay in STANDARD_IA and ONEZONE_IA for 30 days or more before they move on"
IA_LEAST: Final = "on AWS, objects can move to STANDARD_IA and ONEZONE_IA after 30 days or more"
RISING: Final = "afterDays of each transition must be greater than that of the one before"
RULE: Final = "spec.lifecycle.rules[0]"


def with_rules(*rules: JsonObject, **s3: Any) -> JsonObject:
    """A location with these rules."""
    return a_location(s3=s3, lifecycle={"rules": list(rules)})


def moves(*pairs: tuple[int, str], **more: Any) -> JsonObject:
    """A rule with these transitions."""
    listed = [{"afterDays": days, "storageClass": name} for days, name in pairs]
    return {"transitions": listed, **more}


GOOD_LIFECYCLES: Final = {
    "lifecycle: Glacier and the end": with_rules(moves((90, "GLACIER"), expireAfterDays=365)),
    "lifecycle: two prefixes": with_rules({"expireAfterDays": 365}, {"prefix": "temp/", "expireAfterDays": 7}),
    "lifecycle: every class": with_rules(
        moves(
            (30, "STANDARD_IA"), (60, "INTELLIGENT_TIERING"), (61, "GLACIER_IR"), (62, "GLACIER"), (63, "DEEP_ARCHIVE")
        )
    ),
    "lifecycle: from a class": with_rules(moves((1, "GLACIER")), storageClass="STANDARD_IA"),
    "lifecycle: without a class of the order": with_rules(moves((30, "ONEZONE_IA")), storageClass="REDUCED_REDUNDANCY"),
    "lifecycle: aborts only": with_rules({"abortIncompleteAfterDays": 7}),
    "lifecycle: versions only": with_rules({"prefix": "a/b/", "noncurrentExpireAfterDays": 36500}),
    "lifecycle: of another store": with_rules(moves((1, "COLDLINE"), (2, "NEARLINE")), **ENDPOINT),
    "lifecycle: by the operator": a_location(lifecycle={"rules": [{"expireAfterDays": 7}], "enforcedBy": "Operator"}),
    "lifecycle: of a directory": with_filesystem(lifecycle={"rules": [{"expireAfterDays": 7}]}),
    "lifecycle: as many rules as may be": with_rules(
        *({"prefix": f"{number}/", **moves((90, "GLACIER"), (180, "DEEP_ARCHIVE"))} for number in range(20))
    ),
}
BAD_LIFECYCLES: Final = (
    Case("lifecycle without rules", a_location(lifecycle={}), blocked(missing("spec.lifecycle.rules"))),
    Case(
        "lifecycle of a directory by a bucket",
        with_filesystem(lifecycle={"rules": [{"expireAfterDays": 7}], "enforcedBy": "Bucket"}),
        rejected(
            "spec.lifecycle.enforcedBy",
            "a filesystem has no lifecycle configuration; write Operator or Auto",
        ),
    ),
    Case(
        "lifecycle by somebody else",
        a_location(lifecycle={"rules": [{"expireAfterDays": 7}], "enforcedBy": "Me"}),
        blocked(unsupported("spec.lifecycle.enforcedBy", "Me", "Auto", "Bucket", "Operator")),
    ),
    Case(
        "lifecycle with a rule that does nothing",
        with_rules({"prefix": "a/"}),
        rejected(
            RULE,
            "write at least one of transitions, expireAfterDays, abortIncompleteAfterDays and "
            "noncurrentExpireAfterDays",
        ),
    ),
    Case(
        "lifecycle with a rule that has no transitions",
        with_rules({"transitions": []}),
        rejected(
            RULE,
            "write at least one of transitions, expireAfterDays, abortIncompleteAfterDays and "
            "noncurrentExpireAfterDays",
        ),
    ),
    Case(
        "lifecycle with a prefix twice",
        with_rules({"expireAfterDays": 1}, {"expireAfterDays": 2}),
        'spec.lifecycle.rules[1]: Duplicate value: {"prefix":""}',
    ),
    Case(
        "lifecycle with no days",
        with_rules({"expireAfterDays": 0}),
        out_of_bounds(f"{RULE}.expireAfterDays", 0, "be greater than or equal to 1"),
    ),
    Case(
        "lifecycle with the folder of the operator",
        with_rules({"prefix": ".recording-operator/usage/", "expireAfterDays": 1}),
        rejected(
            f"{RULE}.prefix",
            "must not name .recording-operator, which is reserved for the operator",
            value=".recording-operator/usage/",
        ),
    ),
    Case(
        "lifecycle with a prefix that is no folder",
        with_rules({"prefix": "acme", "expireAfterDays": 1}),
        rejected(f"{RULE}.prefix", "must end with '/', such as recordings/", value="acme"),
    ),
    Case(
        "lifecycle that expires before it moves",
        with_rules(moves((90, "GLACIER"), expireAfterDays=90)),
        rejected(f"{RULE}.expireAfterDays", "must be greater than afterDays of every transition"),
    ),
    Case(
        "lifecycle with days that fall",
        with_rules(moves((90, "COLD"), (30, "COLDER")), **ENDPOINT),
        rejected(f"{RULE}.transitions", RISING),
    ),
    Case(
        "lifecycle with days that stay",
        with_rules(moves((90, "COLD"), (90, "COLDER")), **ENDPOINT),
        rejected(f"{RULE}.transitions", RISING),
    ),
    Case(
        "lifecycle with a class twice",
        with_rules(moves((30, "COLD"), (90, "COLD")), **ENDPOINT),
        rejected(f"{RULE}.transitions", "two transitions must not have the same storageClass"),
    ),
    Case(
        "lifecycle with a class of another store",
        with_rules(moves((30, "NEARLINE"))),
        rejected("spec.lifecycle", AWS_CLASSES),
    ),
    Case("lifecycle to STANDARD", with_rules(moves((30, "STANDARD"))), rejected("spec.lifecycle", AWS_CLASSES)),
    Case(
        "lifecycle back from an archive",
        with_rules(moves((1, "GLACIER"), (30, "STANDARD_IA"))),
        rejected("spec.lifecycle", AWS_ORDER),
    ),
    Case(
        "lifecycle from one zone to GLACIER_IR",
        with_rules(moves((30, "ONEZONE_IA"), (60, "GLACIER_IR"))),
        rejected("spec.lifecycle", AWS_ORDER),
    ),
    Case(
        "lifecycle to the class that objects have",
        with_rules(moves((30, "GLACIER_IR")), storageClass="GLACIER_IR"),
        rejected("spec.lifecycle", AWS_ORDER),
    ),
    Case(
        "lifecycle to STANDARD_IA too early",
        with_rules({"prefix": "b/", "expireAfterDays": 1}, moves((29, "STANDARD_IA"))),
        rejected("spec.lifecycle", IA_LEAST),
    ),
    Case(
        "lifecycle on from STANDARD_IA too early",
        with_rules(moves((30, "STANDARD_IA"), (59, "GLACIER"))),
        rejected("spec.lifecycle", IA_AFTER),
    ),
)
