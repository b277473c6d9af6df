"""The store of a StorageLocation: a bucket of S3, or a directory."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.endpoints import canonical_endpoint
from recording_operator.api.meta import ApiModel, ObjectName
from recording_operator.api.names import CDN_PRIVATE_KEY
from recording_operator.api.s3_options import Credentials, Encryption, ObjectLock
from recording_operator.api.s3_options_rules import ACL_SCHEMA, ENDPOINT_SCHEMA
from recording_operator.api.storagelocation_rules import (
    BUCKET_SCHEMA,
    CA_BUNDLE_SCHEMA,
    CDN_DOMAIN_SCHEMA,
    CDN_KEY_PAIR_SCHEMA,
    FILESYSTEM_RULES,
    PATH_SCHEMA,
    PREFIX_SCHEMA,
    REGION_SCHEMA,
    S3_RULES,
    STORAGE_CLASS_SCHEMA,
    TAGS_SCHEMA,
)


class ChecksumUse(StrEnum):
    """Whether the store's own checksums are used."""

    AUTO = "Auto"
    REQUIRED = "Required"
    OFF = "Off"


class Cdn(ApiModel):
    """A CloudFront distribution whose origin is the bucket."""

    model_config = ConfigDict(json_schema_extra=cel.ATOMIC)

    domain: Annotated[str, WithJsonSchema(CDN_DOMAIN_SCHEMA)] = Field(
        description="Host name of the distribution, such as d111111abcdef8.cloudfront.net. Its origin path is empty."
    )
    key_pair_id: Annotated[str, WithJsonSchema(CDN_KEY_PAIR_SCHEMA)] = Field(
        description="Id of the public key in the distribution's trusted key group, such as K2JCJMDEHXQW5F."
    )
    private_key_secret: ObjectName = Field(
        description=f"Secret in the operator's namespace with the RSA private key in PEM under {CDN_PRIVATE_KEY}."
    )


class S3(ApiModel):
    """A bucket of AWS S3 or of a compatible store."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*S3_RULES))

    bucket: Annotated[str, WithJsonSchema(BUCKET_SCHEMA)] = Field(
        description="Name of the bucket. With endpoint, it may contain upper-case letters and '_'. Cannot be changed."
    )
    region: Annotated[str, WithJsonSchema(REGION_SCHEMA)] | None = Field(
        default=None, description="Region of the bucket, such as eu-west-2. Default: us-east-1."
    )
    endpoint: Annotated[str, WithJsonSchema(ENDPOINT_SCHEMA)] | None = Field(
        default=None,
        description="URL of a store that is not AWS, such as https://minio.example.com:9000, or "
        "https://example.com/minio/ behind a proxy. The bucket is not part of it.",
    )
    path_style: bool = Field(
        default=False, description="If true, the bucket is part of the path instead of the host name."
    )
    prefix: Annotated[str, WithJsonSchema(PREFIX_SCHEMA)] = Field(
        default="",
        description="Prefix of every key. It is empty or ends with '/'. It must not be shared between clusters. Cannot "
        "be changed.",
    )
    storage_class: Annotated[str, WithJsonSchema(STORAGE_CLASS_SCHEMA)] | None = Field(
        default=None,
        description="Storage class of the objects: one of AWS or, with endpoint, any class of the store, such as "
        "NEARLINE. Default: the bucket's default.",
    )
    encryption: Encryption | None = Field(
        default=None, description="Server-side encryption. Default: the bucket's default."
    )
    acl: Annotated[str, WithJsonSchema(ACL_SCHEMA)] | None = Field(
        default=None,
        description="Canned ACL of every object, such as bucket-owner-full-control for a bucket of another account. "
        "With endpoint, any ACL of the store. Default: none is sent.",
    )
    object_lock: ObjectLock | None = Field(
        default=None,
        description="Retention of every object. The bucket must have S3 Object Lock. Default: the bucket's default.",
    )
    tags: Annotated[dict[str, str], WithJsonSchema(TAGS_SCHEMA)] = Field(
        default_factory=dict, description="Tags for every object, at most 10."
    )
    checksums: ChecksumUse = Field(
        default=ChecksumUse.AUTO,
        description="How the store's own CRC64NVME checksums are used. Auto: if the store supports them; otherwise "
        "objects are verified by their ETags or by reading them back. Required: a store without them is "
        "rejected. Off: never.",
    )
    ca_bundle: Annotated[str, WithJsonSchema(CA_BUNDLE_SCHEMA)] | None = Field(
        default=None,
        repr=False,
        description="CA certificates (PEM) to trust for the endpoint, instead of the public ones.",
    )
    credentials: Credentials | None = Field(
        default=None,
        description="Access key, or a role to assume. Default: the identity of the operator's pod (IRSA, workload "
        "identity, instance role).",
    )
    cdn: Cdn | None = Field(
        default=None,
        description="CloudFront distribution through which files are downloaded. recording-operator presign signs its "
        "URLs. Default: URLs of the store.",
    )

    @property
    def address(self) -> str:
        """The store's address, equal for different spellings of an endpoint; empty for AWS."""
        return canonical_endpoint(self.endpoint)


class Filesystem(ApiModel):
    """A directory of a filesystem that is mounted into the operator's pods."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*FILESYSTEM_RULES))

    path: Annotated[str, WithJsonSchema(PATH_SCHEMA)] = Field(
        description="Absolute path of the directory, below a directory that the operator's settings permit "
        "(filesystem.roots). It is created if it does not exist. Two locations must not have paths of which one "
        "contains the other. Cannot be changed."
    )
    prefix: Annotated[str, WithJsonSchema(PREFIX_SCHEMA)] = Field(
        default="",
        description="Prefix of every key, which is a path below the directory. It is empty or ends with '/'. Cannot be "
        "changed.",
    )

    @property
    def bucket(self) -> str:
        """The directory."""
        return self.path

    @property
    def address(self) -> str:
        """Distinguishes directories from the buckets of every endpoint."""
        return "file:"

    @property
    def storage_class(self) -> None:
        """A filesystem has no storage classes."""
        return None

    @property
    def credentials(self) -> None:
        """A filesystem needs none."""
        return None

    @property
    def cdn(self) -> None:
        """A filesystem serves no HTTP."""
        return None


StoreSpec = S3 | Filesystem
"""The store of a location. Every kind has `bucket`, `prefix`, `address`, `storage_class`, `credentials` and `cdn`.
Only the package of the kind in stores/ reads other fields."""
