"""StorageLocations that the API server rejects, with the expected messages. Those of buckets are in bad_s3."""

from typing import Final

from tests.api.bad_s3 import FOLDERS
from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, too_long, unsupported, wrong_type
from tests.api.manifests import a_location, with_filesystem

DURATION: Final = "write a duration such as 30s, 10m or 720h (units: ms, s, m, h; days are not a unit: write 24h)"
QUANTITY: Final = "write an amount of bytes such as 500Gi, 10M or 1048576"
CONTENT_TYPE: Final = (
    "write a media type in lower case without parameters, such as video/mp4, or a family such as video/*"
)
ONE_STORE: Final = "set exactly one of s3 and filesystem"
PATH: Final = (
    "write an absolute path such as /recordings/acme: letters, digits, '-', '_' and '.' between slashes, and no slash "
    "at the end"
)
PATH_DOTS: Final = "must not contain a folder '.' or '..'"
DOWNLOADS: Final = "cloudWatch and accessLogs need s3; downloads from a filesystem are estimated"

BAD_LOCATIONS: Final = (
    Case(
        "orphans deleted without manifests",
        a_location(orphans={"action": "Delete"}, manifest={"enabled": False}),
        rejected(
            "spec.orphans",
            "Delete needs manifest.enabled: without manifests, the objects of every Recording that was removed from "
            "Kubernetes would be orphans",
        ),
    ),
    Case(
        "orphans deleted at once",
        a_location(orphans={"action": "Delete", "olderThan": "1h"}),
        rejected("spec.orphans.olderThan", "must be at least 24h", value="1h"),
    ),
    Case("neither s3 nor filesystem", {**a_location(), "spec": {}}, rejected("spec", ONE_STORE)),
    Case("s3 and filesystem", a_location(filesystem={"path": "/x"}), rejected("spec", ONE_STORE)),
    Case("path missing", with_filesystem(path=None), blocked(missing("spec.filesystem.path"))),
    Case("path relative", with_filesystem(path="a"), rejected("spec.filesystem.path", PATH, value="a")),
    Case("path root", with_filesystem(path="/"), rejected("spec.filesystem.path", PATH, value="/")),
    Case("path ends /", with_filesystem(path="/a/"), rejected("spec.filesystem.path", PATH, value="/a/")),
    Case("path //", with_filesystem(path="/a//b"), rejected("spec.filesystem.path", PATH, value="/a//b")),
    Case("path space", with_filesystem(path="/a b"), rejected("spec.filesystem.path", PATH, value="/a b")),
    Case("path ..", with_filesystem(path="/a/../b"), rejected("spec.filesystem.path", PATH_DOTS, value="/a/../b")),
    Case("path .", with_filesystem(path="/a/."), rejected("spec.filesystem.path", PATH_DOTS, value="/a/.")),
    Case("path long", with_filesystem(path="/" + "a" * 256), blocked(too_long("spec.filesystem.path", 256))),
    Case(
        "prefix of a directory",
        with_filesystem(prefix="a/../"),
        rejected("spec.filesystem.prefix", FOLDERS, value="a/../"),
    ),
    Case(
        "prefix reserved",
        with_filesystem(prefix="a/.recording-operator/"),
        rejected("spec.filesystem.prefix", "must not contain .recording-operator, which is reserved for the operator"),
    ),
    Case(
        "cloudWatch of a directory",
        with_filesystem(prices={"cloudWatch": {"filterId": "all"}}),
        rejected("spec.prices", DOWNLOADS),
    ),
    Case(
        "accessLogs of a directory",
        with_filesystem(prices={"accessLogs": {"bucket": "logs"}}),
        rejected("spec.prices", DOWNLOADS),
    ),
    Case(
        "weight negative",
        a_location(placement={"weight": -1}),
        out_of_bounds("spec.placement.weight", -1, "be greater than or equal to 0"),
    ),
    Case(
        "weight over 1000",
        a_location(placement={"weight": 1001}),
        out_of_bounds("spec.placement.weight", 1001, "be less than or equal to 1000"),
    ),
    Case(
        "contentTypes with a parameter",
        a_location(limits={"contentTypes": ["text/plain; charset=utf-8"]}),
        rejected("spec.limits.contentTypes[0]", CONTENT_TYPE, value="text/plain; charset=utf-8"),
    ),
    Case(
        "contentTypes of everything",
        a_location(limits={"contentTypes": ["*/*"]}),
        rejected("spec.limits.contentTypes[0]", CONTENT_TYPE, value="*/*"),
    ),
    Case(
        "contentTypes in upper case",
        a_location(limits={"contentTypes": ["video/MP4"]}),
        rejected("spec.limits.contentTypes[0]", CONTENT_TYPE, value="video/MP4"),
    ),
    Case(
        "maxArtifactSize 10GBs",
        a_location(limits={"maxArtifactSize": "10GBs"}),
        rejected("spec.limits.maxArtifactSize", QUANTITY, value="10GBs"),
    ),
    Case(
        "maxArtifactSize 500GB",
        a_location(limits={"maxArtifactSize": "500GB"}),
        rejected("spec.limits.maxArtifactSize", QUANTITY, value="500GB"),
    ),
    Case(
        "maxArtifactSize as a number",
        a_location(limits={"maxArtifactSize": 5}),
        blocked(wrong_type("spec.limits.maxArtifactSize", "string", got="integer")),
    ),
    Case(
        "maxArtifactSize negative",
        a_location(limits={"maxArtifactSize": "-1Gi"}),
        rejected("spec.limits.maxArtifactSize", QUANTITY, value="-1Gi"),
    ),
    Case(
        "maxArtifactSize 0",
        a_location(limits={"maxArtifactSize": "0"}),
        rejected("spec.limits.maxArtifactSize", QUANTITY, value="0"),
    ),
    Case(
        "bandwidthPerSecond 0",
        a_location(limits={"bandwidthPerSecond": "0"}),
        rejected("spec.limits.bandwidthPerSecond", QUANTITY, value="0"),
    ),
    Case(
        "bandwidthPerSecond below what keeps connections alive",
        a_location(limits={"bandwidthPerSecond": "63Ki"}),
        rejected(
            "spec.limits.bandwidthPerSecond",
            "must be at least 64Ki; to stop uploads set spec.suspend of the Recordings",
            value="63Ki",
        ),
    ),
    Case(
        "bandwidthPerSecond as a rate",
        a_location(limits={"bandwidthPerSecond": "100Mi/s"}),
        rejected("spec.limits.bandwidthPerSecond", QUANTITY, value="100Mi/s"),
    ),
    Case(
        "concurrentUploads 0",
        a_location(limits={"concurrentUploads": 0}),
        out_of_bounds("spec.limits.concurrentUploads", 0, "be greater than or equal to 1"),
    ),
    Case(
        "concurrentUploads as text",
        a_location(limits={"concurrentUploads": "4"}),
        blocked(wrong_type("spec.limits.concurrentUploads", "integer", got="string")),
    ),
    Case(
        "quota of nobody",
        a_location(quotas=[{"bytes": "1Gi"}]),
        rejected("spec.quotas[0].org", "write either org or namespace"),
    ),
    Case(
        "quota of both",
        a_location(quotas=[{"org": "acme", "namespace": "team-a", "bytes": "1Gi"}]),
        rejected("spec.quotas[0].org", "write either org or namespace"),
    ),
    Case(
        "quota of nothing",
        a_location(quotas=[{"org": "acme"}]),
        rejected("spec.quotas[0].bytes", "write bytes, recordings or both"),
    ),
    Case(
        "quota of days",
        a_location(quotas=[{"org": "acme", "bytes": "500GB"}]),
        rejected("spec.quotas[0].bytes", QUANTITY, value="500GB"),
    ),
    Case(
        "quota of a namespace in upper case",
        a_location(quotas=[{"namespace": "Team-A", "bytes": "1Gi"}]),
        rejected("spec.quotas[0].namespace", "write the name of a namespace", value="Team-A"),
    ),
    Case(
        "quota of an organisation with a space",
        a_location(quotas=[{"org": "acme ", "bytes": "1Gi"}]),
        rejected("spec.quotas[0].org", "write the organisation as in spec.owner.org of its Recordings", value="acme "),
    ),
    Case(
        "quota of no recordings",
        a_location(quotas=[{"org": "acme", "recordings": 0}]),
        out_of_bounds("spec.quotas[0].recordings", 0, "be greater than or equal to 1"),
    ),
    Case(
        "quota with an unknown action",
        a_location(quotas=[{"org": "acme", "recordings": 1, "action": "Warn"}]),
        blocked(unsupported("spec.quotas[0].action", "Warn", "Hold", "Fail")),
    ),
    Case(
        "quota of recordings that are not listed one after the other",
        a_location(keyTemplate="{org}/{artifact}/{uid}", quotas=[{"org": "acme", "recordings": 1}]),
        rejected(
            "spec.quotas",
            "a quota of recordings needs a keyTemplate with {uid} before {artifact}; use a quota of bytes",
        ),
    ),
    *(
        Case(
            f"quota of {article} that is not in the keys",
            a_location(keyTemplate=template, quotas=[{owner: "acme", "bytes": "1Gi"}]),
            rejected(
                "spec.quotas",
                f"a quota of {article} needs a keyTemplate with the folder {{{owner}}}: it counts objects after their "
                "Recordings are gone",
            ),
        )
        for owner, article, template in (
            ("org", "an organisation", "x-{org}/{namespace}/{uid}/{artifact}"),
            ("namespace", "a namespace", "{org}/{uid}/{artifact}"),
        )
    ),
    Case(
        "delay 2 minutes",
        a_location(retry={"delays": ["2 minutes"]}),
        rejected("spec.retry.delays[0]", DURATION, value="2 minutes"),
    ),
    Case(
        "delay 120",
        a_location(retry={"delays": [120]}),
        blocked(wrong_type("spec.retry.delays[0]", "string", got="integer")),
    ),
    Case(
        "delay 0s",
        a_location(retry={"delays": ["0s"]}),
        rejected("spec.retry.delays[0]", "must be at least 1s", value="0s"),
    ),
    Case(
        "delay 500ms",
        a_location(retry={"delays": ["500ms"]}),
        rejected("spec.retry.delays[0]", "must be at least 1s", value="500ms"),
    ),
    Case(
        "delay 11",
        a_location(retry={"delays": ["1s"] * 11}),
        blocked("spec.retry.delays: Too many: 11: must have at most 10 items"),
    ),
    Case(
        "untilExpiry",
        a_location(retry={"delays": [], "untilExpiry": True}),
        rejected("spec.retry.untilExpiry", "untilExpiry repeats the last delay; write at least one in delays"),
    ),
    Case(
        "grace 1 hour",
        a_location(retry={"refreshGrace": "1 hour"}),
        rejected("spec.retry.refreshGrace", DURATION, value="1 hour"),
    ),
    Case(
        "deletionPolicies empty",
        a_location(deletionPolicies=[]),
        out_of_bounds("spec.deletionPolicies", 0, "have at least 1 items"),
    ),
    Case(
        "deletionPolicies twice the same",
        a_location(deletionPolicies=["Retain", "Retain"]),
        'spec.deletionPolicies[1]: Duplicate value: "Retain"',
    ),
    Case(
        "deletionPolicies unknown",
        a_location(deletionPolicies=["Keep"]),
        blocked(unsupported("spec.deletionPolicies[0]", "Keep", "Retain", "Delete")),
    ),
    Case(
        "namespace in upper case",
        a_location(allowedNamespaces={"names": ["Team"]}),
        rejected("spec.allowedNamespaces.names[0]", "write the name of a namespace", value="Team"),
    ),
    Case(
        "namespace *",
        a_location(allowedNamespaces={"names": ["*"]}),
        rejected("spec.allowedNamespaces.names[0]", "write the name of a namespace", value="*"),
    ),
    Case(
        "allowedNamespaces as a list",
        a_location(allowedNamespaces=["a"]),
        blocked(wrong_type("spec.allowedNamespaces", "object", got="array")),
    ),
    Case(
        "selector In without values",
        a_location(allowedNamespaces={"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
        rejected(
            "spec.allowedNamespaces.selector.matchExpressions[0].values",
            "In and NotIn need values; Exists and DoesNotExist take none",
        ),
    ),
    Case(
        "selector Exists with values",
        a_location(
            allowedNamespaces={"selector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}}
        ),
        rejected(
            "spec.allowedNamespaces.selector.matchExpressions[0].values",
            "In and NotIn need values; Exists and DoesNotExist take none",
        ),
    ),
    Case(
        "selector with an unknown operator",
        a_location(
            allowedNamespaces={"selector": {"matchExpressions": [{"key": "a", "operator": "=", "values": ["x"]}]}}
        ),
        blocked(
            unsupported(
                "spec.allowedNamespaces.selector.matchExpressions[0].operator",
                "=",
                "In",
                "NotIn",
                "Exists",
                "DoesNotExist",
            )
        ),
    ),
)
