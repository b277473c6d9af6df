"""How objects are written to an S3 bucket, and with which identity: parts of `spec.s3` of a StorageLocation."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import ApiModel, ObjectName
from recording_operator.api.s3_options_rules import (
    ASSUME_ROLE_RULES,
    CREDENTIALS_RULES,
    ENCRYPTION_RULES,
    ENCRYPTION_TYPE_SCHEMA,
    ENDPOINT_SCHEMA,
    EXTERNAL_ID_SCHEMA,
    LONGEST_RETENTION_DAYS,
    ROLE_ARN_SCHEMA,
    SESSION_NAME_SCHEMA,
)

DEFAULT_SESSION_NAME = "recording-operator"


class Encryption(ApiModel):
    """Server-side encryption of the objects."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ENCRYPTION_RULES))

    type: Annotated[str, WithJsonSchema(ENCRYPTION_TYPE_SCHEMA)] = Field(
        description="AES256 (the store's own keys), aws:kms, or aws:kms:dsse (two layers). With endpoint, any type of "
        "the store."
    )
    kms_key_id: Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 2048})] | None = Field(
        default=None, description="KMS key, not with type AES256. Default: the account's default key."
    )
    bucket_key_enabled: bool | None = Field(
        default=None,
        description="If true, one key of the bucket encrypts many objects, which makes fewer requests to KMS. Only "
        "with type aws:kms. Default: the bucket's default.",
    )


class ObjectLockMode(StrEnum):
    """Retention modes of S3 Object Lock."""

    GOVERNANCE = "Governance"
    COMPLIANCE = "Compliance"


class ObjectLock(ApiModel):
    """Retention of every object, from its upload on."""

    mode: ObjectLockMode = Field(
        description="Governance: clients with the permission s3:BypassGovernanceRetention can remove an object "
        "earlier. Compliance: no client can. The operator never bypasses a retention."
    )
    retain_days: Annotated[
        int,
        WithJsonSchema({"type": "integer", "format": "int32", "minimum": 1, "maximum": LONGEST_RETENTION_DAYS}),
    ] = Field(
        description="Days for which a stored object cannot be removed or overwritten. They begin when its upload "
        "begins. A change applies to new uploads."
    )


class AssumeRole(ApiModel):
    """A role that the operator assumes with AWS STS, for all requests to the bucket."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*ASSUME_ROLE_RULES))

    role_arn: Annotated[str, WithJsonSchema(ROLE_ARN_SCHEMA)] = Field(
        description="ARN of the role, such as arn:aws:iam::111122223333:role/recordings."
    )
    external_id: Annotated[str, WithJsonSchema(EXTERNAL_ID_SCHEMA)] | None = Field(
        default=None, repr=False, description="External id that the trust policy of the role requires."
    )
    session_name: Annotated[str, WithJsonSchema(SESSION_NAME_SCHEMA)] = Field(
        default=DEFAULT_SESSION_NAME, description="Name of the session, as CloudTrail shows it."
    )
    secret_name: ObjectName | None = Field(
        default=None,
        description="Secret in the operator's namespace with the access key that may assume the role, in the form of "
        "credentials.secretName. Default: the identity of the operator's pod.",
    )
    endpoint: Annotated[str, WithJsonSchema(ENDPOINT_SCHEMA)] | None = Field(
        default=None,
        description="URL of an STS that is not AWS, or of a VPC endpoint. caBundle applies to it too. Default: the STS "
        "of AWS in the region of the location.",
    )


class Credentials(ApiModel):
    """With which identity the operator uses the bucket."""

    model_config = ConfigDict(json_schema_extra={**cel.ATOMIC, **cel.rules(*CREDENTIALS_RULES)})

    secret_name: ObjectName | None = Field(
        default=None,
        description="Secret in the operator's namespace with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and optionally "
        "AWS_SESSION_TOKEN.",
    )
    assume_role: AssumeRole | None = Field(
        default=None, description="A role to assume. Its keys are renewed before they expire."
    )

    @property
    def key_secret(self) -> str | None:
        """The Secret with the access key, of the bucket or of the role; None means the identity of the process."""
        return self.assume_role.secret_name if self.assume_role is not None else self.secret_name
