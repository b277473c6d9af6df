"""The rules by which the API server validates how objects are written to an S3 bucket, and with which identity."""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule

# Object Lock accepts at most 100 years: API reference, PutObjectLockConfiguration, "DefaultRetention".
LONGEST_RETENTION_DAYS: Final = 36500
AWS_ENCRYPTION_TYPES: Final = ("AES256", "aws:kms", "aws:kms:dsse")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
AWS_ACLS: Final = (
    "private",
    "public-read",
    "public-read-write",
    "aws-exec-read",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
_ENDPOINT: Final = (
    f"^https?://({_LABEL}([.]{_LABEL})*[.]?|[[][0-9A-Fa-f:.]+[]])(:0{{0,4}}[1-9][0-9]{{0,4}})?"
    "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$"
)
ENDPOINT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "maxLength": 512}


def endpoint_rules(example: str) -> tuple[Rule, ...]:
    """Rules for a field `endpoint`, on its parent, because a message must not contain an endpoint with a password."""
    return (
        Rule(
            rule=f"!has(self.endpoint) || (self.endpoint.matches('{_ENDPOINT}')"
            " && isURL(self.endpoint)"
            " && (url(self.endpoint).getPort() == '' || int(url(self.endpoint).getPort()) <= 65535))",
            message=f"must be a URL without user name or query, such as {example}",
            field_path=".endpoint",
        ),
        Rule(
            rule="!has(self.endpoint) || !self.endpoint.matches('^https?://[^/@]*_')",
            message="the host of an endpoint must not contain '_', which S3 clients do not accept",
            field_path=".endpoint",
        ),
    )


ENCRYPTION_TYPE_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9][A-Za-z0-9:/._-]*$')",
        message="write an encryption type such as AES256, aws:kms or aws:kms:dsse",
    ),
    max_length=64,
)
ENCRYPTION_RULES: Final = (
    Rule(
        rule="!has(self.kmsKeyId) || self.type != 'AES256'",
        message="kmsKeyId needs type aws:kms or aws:kms:dsse",
        field_path=".kmsKeyId",
    ),
    Rule(
        rule="!has(self.bucketKeyEnabled) || self.type == 'aws:kms'",
        message="bucketKeyEnabled needs type aws:kms",
        field_path=".bucketKeyEnabled",
    ),
)
ACL_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[a-z][a-z-]*$')",
        message="write a canned ACL such as bucket-owner-full-control",
    ),
    max_length=64,
)
# Rules of spec.s3, whose endpoint says whether the names of AWS apply.
OBJECT_RULES: Final = (
    Rule(
        # An invalid type has its own message.
        rule=f"has(self.endpoint) || !has(self.encryption) || self.encryption.type in {[*AWS_ENCRYPTION_TYPES]}"
        " || !self.encryption.type.matches('^[A-Za-z0-9][A-Za-z0-9:/._-]*$')",
        message=f"AWS has the encryption types {', '.join(AWS_ENCRYPTION_TYPES)}; for another store set endpoint",
        field_path=".encryption.type",
    ),
    Rule(
        rule=f"has(self.endpoint) || !has(self.acl) || self.acl in {[*AWS_ACLS]}"
        " || !self.acl.matches('^[a-z][a-z-]*$')",
        message=f"AWS has the canned ACLs {', '.join(AWS_ACLS)}; for another store set endpoint",
        field_path=".acl",
    ),
    Rule(
        rule="has(self.endpoint) || !has(self.objectLock) || self.checksums != 'Off'",
        message="AWS accepts objects with objectLock only with their checksums; set checksums to Auto or Required",
        field_path=".objectLock",
    ),
)
_ROLE: Final = "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$"
ROLE_ARN_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^arn:[A-Za-z0-9_+=,.@:/*-]+$')",
        message="write the ARN of a role such as arn:aws:iam::111122223333:role/recordings",
    ),
    max_length=2048,
)
EXTERNAL_ID_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9_+=,.@:/-]*$')",
        message="an external id has letters, digits and _ + = , . @ : / -",
    ),
    max_length=1224,
    minLength=2,
)
SESSION_NAME_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z0-9_+=,.@-]*$')",
        message="a session name has letters, digits and _ + = , . @ -",
    ),
    max_length=64,
    minLength=2,
)
ASSUME_ROLE_RULES: Final = (
    *endpoint_rules("https://sts.example.com"),
    Rule(
        # An invalid ARN has its own message.
        rule=f"has(self.endpoint) || self.roleArn.matches('{_ROLE}') || !self.roleArn.matches('^arn:')",
        message="a role of AWS is arn:aws:iam::ACCOUNT:role/NAME, with an account of 12 digits; for another STS set "
        "endpoint",
        field_path=".roleArn",
    ),
)
CREDENTIALS_RULES: Final = (
    Rule(
        rule="has(self.secretName) != has(self.assumeRole)",
        message="set exactly one of secretName and assumeRole; the access key that assumes a role is "
        "assumeRole.secretName",
    ),
)
