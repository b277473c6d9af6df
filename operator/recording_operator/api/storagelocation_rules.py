"""The rules by which the API server validates a StorageLocation, with their messages.

A rendered key has at most 1,024 bytes, S3's limit: prefix 256 + template 200 without its placeholders + the longest
value of each placeholder once (recordings and owners bound those). All characters are ASCII, so characters are bytes.
"""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.content_types import CONTENT_TYPE_PATTERN, CONTENT_TYPE_PATTERN_MESSAGE
from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.quota_rules import QUOTAS_OF_KEYS
from recording_operator.api.s3_options_rules import OBJECT_RULES, endpoint_rules

DEFAULT_KEY_TEMPLATE: Final = "{org}/{namespace}/{name}/{uid}/{artifact}{ext}"
PLACEHOLDERS: Final = ("org", "user", "project", "namespace", "name", "uid", "artifact", "ext", "year", "month", "day")
MAX_PREFIX_CHARS: Final = 256
MAX_TEMPLATE_CHARS: Final = 200

_KEY_CHARACTERS: Final = "-A-Za-z0-9!_.*()="
_KEY_CHARACTERS_MESSAGE: Final = "letters, digits and ! - _ . * ( ) ="
_NEW: Final = "create a new StorageLocation"

_BUCKET: Final = "^[A-Za-z0-9][A-Za-z0-9._-]+[A-Za-z0-9]$"
BUCKET_SCHEMA: Final = cel.string(
    Rule(
        rule=f"self.matches('{_BUCKET}')",
        message="write a bucket name: 3 to 255 letters, digits, '-', '_' and '.', beginning and ending with a letter "
        "or digit",
    ),
    Rule(
        rule="!self.endsWith('--x-s3')",
        message="directory buckets (S3 Express One Zone) are not supported; use a general purpose bucket",
    ),
    Rule(
        rule="!self.endsWith('--ol-s3') && !self.endsWith('--table-s3') && !self.endsWith('.mrap')",
        message="Object Lambda, table and multi-region access points are not supported; use the bucket's own name",
    ),
    max_length=255,
)
# The storage classes of AWS. Other stores may have others.
AWS_STORAGE_CLASSES: Final = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
STORAGE_CLASS_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')",
        message="write a storage class such as STANDARD_IA: letters, digits, '-', '_' and '.'",
    ),
    max_length=64,
)
REGION_SCHEMA: Final = cel.string(
    Rule(rule="self.matches('^[a-z0-9-]+$')", message="write a region such as eu-west-2, or leave it out"),
    max_length=64,
)
PREFIX_SCHEMA: Final = cel.string(
    Rule(rule="self == '' || self.endsWith('/')", message="must end with '/', such as recordings/"),
    Rule(
        rule=f"self.matches('^[{_KEY_CHARACTERS}/]*$')",
        message=f"use only {_KEY_CHARACTERS_MESSAGE}, and '/' between folders",
    ),
    Rule(
        rule="!self.startsWith('/') && !self.contains('//') && !self.matches('(^|/)[.]+/')",
        message="must not begin with '/' or contain '//' or a folder '.' or '..'",
    ),
    max_length=MAX_PREFIX_CHARS,
)
PROFILE_NAME_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9][A-Za-z0-9._/-]*$')",
        message="write the name of a price profile such as aws-s3/us-east-1",
    ),
    max_length=128,
)
FILTER_ID_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9._-]+$')",
        message="write the id of a metrics configuration such as EntireBucket",
    ),
    max_length=64,
)
LOG_PREFIX_SCHEMA: Final = cel.string(
    Rule(
        rule=f"self.matches('^[{_KEY_CHARACTERS}/]*$')",
        message=f"use only {_KEY_CHARACTERS_MESSAGE} and '/', such as logs/recordings/",
    ),
    max_length=512,
)
PRICES_RULES: Final = (
    Rule(
        rule="!has(self.cloudWatch) || !has(self.accessLogs)",
        message="set at most one of cloudWatch and accessLogs",
        field_path=".accessLogs",
    ),
)
CA_BUNDLE_SCHEMA: Final = cel.string(
    Rule(
        rule="self.contains('-----BEGIN CERTIFICATE-----')",
        message="write certificates in PEM, beginning with -----BEGIN CERTIFICATE-----",
    ),
    max_length=65536,
)
CDN_DOMAIN_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$')",
        message="write a host name such as d111111abcdef8.cloudfront.net, in lower case and without https://",
    ),
    max_length=253,
)
CDN_KEY_PAIR_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Z0-9]+$')",
        message="write the id of a public key or key pair such as K2JCJMDEHXQW5F",
    ),
    max_length=64,
)
# What S3 accepts in names and values of tags.
_TAG: Final = r"^[\p{L}\p{Z}\p{N}_.:/=+@-]*$"
TAGS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "maxProperties": 10,
    "additionalProperties": {"type": "string", "maxLength": 256},
    **cel.rules(
        Rule(rule="self.all(k, size(k) > 0 && size(k) <= 128)", message="a tag name has 1 to 128 characters"),
        Rule(
            rule=f"self.all(k, k.matches(r'{_TAG}') && self[k].matches(r'{_TAG}'))",
            message="write names and values of tags with letters, digits, spaces and + - = . _ : / @",
        ),
        Rule(
            rule="self.all(k, !k.lowerAscii().startsWith('aws:'))",
            message="tag names that begin with aws: are reserved for the store",
        ),
    ),
}
NAMESPACE_SCHEMA: Final = cel.label_schema("write the name of a namespace")

CONTENT_TYPE_PATTERN_SCHEMA: Final = cel.string(
    Rule(rule=f"self.matches('{CONTENT_TYPE_PATTERN}')", message=CONTENT_TYPE_PATTERN_MESSAGE),
    max_length=127,
)
LEAST_BANDWIDTH: Final = "64Ki"
BANDWIDTH_SCHEMA: Final = cel.quantity_schema(
    Rule(
        # An invalid amount has its own message.
        rule="!isQuantity(self) || quantity(self).compareTo(quantity('0')) <= 0"
        f" || quantity(self).compareTo(quantity('{LEAST_BANDWIDTH}')) >= 0",
        message=f"must be at least {LEAST_BANDWIDTH}; to stop uploads set spec.suspend of the Recordings",
    )
)
S3_RULES: Final = (
    Rule(
        rule="!has(self.storageClass) || self.storageClass != 'EXPRESS_ONEZONE'",
        message="EXPRESS_ONEZONE is the class of directory buckets, which are not supported",
        field_path=".storageClass",
    ),
    *endpoint_rules("https://minio.example.com:9000"),
    Rule(
        # An invalid name has its own message.
        rule=f"has(self.endpoint) || !self.bucket.matches('{_BUCKET}')"
        " || self.bucket.matches('^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$')",
        message="a bucket of AWS has 3 to 63 lower-case letters, digits, '-' and '.'; for another store set endpoint",
        field_path=".bucket",
    ),
    Rule(
        rule="has(self.endpoint) || (!self.bucket.contains('..') && !self.bucket.matches('^[0-9]+([.][0-9]+){3}$'))",
        message="a bucket of AWS must not contain '..' or look like an IP address; for another store set endpoint",
        field_path=".bucket",
    ),
    Rule(
        # The class of directory buckets has its own message.
        rule="has(self.endpoint) || !has(self.storageClass)"
        f" || self.storageClass in {[*AWS_STORAGE_CLASSES, 'EXPRESS_ONEZONE']}",
        message=f"AWS has the storage classes {', '.join(AWS_STORAGE_CLASSES)}; for another store set endpoint",
        field_path=".storageClass",
    ),
    *OBJECT_RULES,
    Rule(rule="self.bucket == oldSelf.bucket", message=f"bucket cannot be changed; {_NEW}", field_path=".bucket"),
    Rule(rule="self.prefix == oldSelf.prefix", message=f"prefix cannot be changed; {_NEW}", field_path=".prefix"),
)
PATH_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^(/[A-Za-z0-9_.-]+)+$')",
        message="write an absolute path such as /recordings/acme: letters, digits, '-', '_' and '.' between slashes, "
        "and no slash at the end",
    ),
    Rule(rule="!self.matches('/[.]{1,2}(/|$)')", message="must not contain a folder '.' or '..'"),
    max_length=MAX_PREFIX_CHARS,
)
FILESYSTEM_RULES: Final = (
    Rule(
        rule=f"!self.prefix.contains('{RESERVED_FOLDER}')",
        message=f"must not contain {RESERVED_FOLDER}, which is reserved for the operator",
        field_path=".prefix",
    ),
    Rule(rule="self.path == oldSelf.path", message=f"path cannot be changed; {_NEW}", field_path=".path"),
    Rule(rule="self.prefix == oldSelf.prefix", message=f"prefix cannot be changed; {_NEW}", field_path=".prefix"),
)
EXPRESSION_RULES: Final = (
    Rule(
        rule="self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0"
        " : !has(self.values) || size(self.values) == 0",
        message="In and NotIn need values; Exists and DoesNotExist take none",
        field_path=".values",
    ),
)
RETRY_DELAY_SCHEMA: Final = cel.duration_schema(
    Rule(
        rule="!self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') || duration(self) >= duration('1s')",
        message="must be at least 1s",
    )
)
RETRY_RULES: Final = (
    Rule(
        rule="!self.untilExpiry || size(self.delays) > 0",
        message="untilExpiry repeats the last delay; write at least one in delays",
        field_path=".untilExpiry",
    ),
)
LOCATION_SPEC_RULES: Final = (
    Rule(rule="has(self.s3) != has(self.filesystem)", message="set exactly one of s3 and filesystem"),
    Rule(
        rule="has(self.s3) == has(oldSelf.s3)",
        message=f"a bucket cannot become a directory, or a directory a bucket; {_NEW}",
    ),
    Rule(
        rule="has(self.s3) || !has(self.prices) || (!has(self.prices.cloudWatch) && !has(self.prices.accessLogs))",
        message="cloudWatch and accessLogs need s3; downloads from a filesystem are estimated",
        field_path=".prices",
    ),
    Rule(
        rule="has(self.s3) || !has(self.lifecycle) || self.lifecycle.enforcedBy != 'Bucket'",
        message="a filesystem has no lifecycle configuration; write Operator or Auto",
        field_path=".lifecycle.enforcedBy",
    ),
    Rule(
        rule="self.keyTemplate == oldSelf.keyTemplate",
        message=f"keyTemplate cannot be changed; {_NEW}",
        field_path=".keyTemplate",
    ),
    *QUOTAS_OF_KEYS,
)
_KNOWN: Final = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
_ONLY_KNOWN: Final = f"use only the placeholders {_KNOWN}"
_ONCE: Final = " && ".join(f"self.indexOf('{{{name}}}') == self.lastIndexOf('{{{name}}}')" for name in PLACEHOLDERS)
KEY_TEMPLATE_SCHEMA: Final = cel.string(
    Rule(rule="self.contains('{uid}')", message="must contain {uid}, so that two recordings never share a key"),
    Rule(
        rule="self.contains('{artifact}')", message="must contain {artifact}, so that two artifacts never share a key"
    ),
    Rule(
        rule=rf"self.matches('^([^{{}}]|[{{]({'|'.join(PLACEHOLDERS)})[}}])*$')",
        message=_ONLY_KNOWN,
    ),
    Rule(rule=_ONCE, message="must not contain a placeholder twice"),
    Rule(rule="!self.contains('{ext}') || self.endsWith('{ext}')", message="{ext} must be at the end"),
    Rule(
        rule=f"self.matches('^[{_KEY_CHARACTERS}/{{}}]*$')",
        message=f"use only {_KEY_CHARACTERS_MESSAGE}, placeholders, and '/' between folders",
    ),
    Rule(
        rule="!self.startsWith('/') && !self.endsWith('/') && !self.contains('//') && !self.contains('..')"
        " && !self.matches('(^|/)[.]?(/|$|[{]ext)')",
        message="must not begin or end with '/', or contain '//', '..' or a segment with only '.' or {ext}",
    ),
    Rule(
        rule=f"!self.contains('{RESERVED_FOLDER}')",
        message=f"must not contain {RESERVED_FOLDER}, which is reserved for the operator",
    ),
    max_length=MAX_TEMPLATE_CHARS,
)
