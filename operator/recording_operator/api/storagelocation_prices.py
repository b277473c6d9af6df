"""What the store of a StorageLocation charges, and how its downloads are counted: `spec.prices`."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.meta import ApiModel, ObjectName
from recording_operator.api.storagelocation_rules import (
    BUCKET_SCHEMA,
    FILTER_ID_SCHEMA,
    LOG_PREFIX_SCHEMA,
    PRICES_RULES,
    PROFILE_NAME_SCHEMA,
)

DEFAULT_PROFILE: Final = "default"


class CloudWatch(ApiModel):
    """Request metrics of a bucket on AWS."""

    filter_id: Annotated[str, WithJsonSchema(FILTER_ID_SCHEMA)] = Field(
        description="Id of the bucket's metrics configuration, such as EntireBucket."
    )


class AccessLogs(ApiModel):
    """Server access logs of the bucket, in the format of S3."""

    bucket: Annotated[str, WithJsonSchema(BUCKET_SCHEMA)] = Field(
        description="Bucket that the logs are delivered to. It is read with the location's own credentials and "
        "endpoint."
    )
    prefix: Annotated[str, WithJsonSchema(LOG_PREFIX_SCHEMA)] = Field(
        default="",
        description="Part of the logs' keys before the date: for example logs/, or "
        "logs/111122223333/eu-west-2/recordings/ if the logs are partitioned by date.",
    )


class Prices(ApiModel):
    """What the store charges. Used by StorageReports."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*PRICES_RULES))

    profile: Annotated[str, WithJsonSchema(PROFILE_NAME_SCHEMA)] = Field(
        default=DEFAULT_PROFILE,
        description="Price profile, such as aws-s3/eu-west-2. docs/cost-rules.md lists them. For a filesystem, default "
        "is the profile filesystem, whose prices are 0.",
    )
    config_map: ObjectName | None = Field(
        default=None,
        description="ConfigMap in the operator's namespace with more profiles. Each entry ends with .toml.",
    )
    cloud_watch: CloudWatch | None = Field(
        default=None,
        description="Count downloads with CloudWatch (AWS only). Default: downloads are estimated, see spec.playback "
        "of a StorageReport.",
    )
    access_logs: AccessLogs | None = Field(
        default=None,
        description="Count downloads from the bucket's server access logs, by organisation. Default: downloads are "
        "estimated.",
    )
