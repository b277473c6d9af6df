"""The S3 store of `recording-operator copy`."""

from recording_operator.stores.copy_target import CopyTarget
from recording_operator.stores.s3.ambient import ambient_endpoint
from recording_operator.stores.s3.bucket_names import check_is_general_purpose, check_name
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore


def open_copy_target(target: CopyTarget) -> S3LocationStore:
    """Create a client with the ambient identity. No request is sent.

    Raises ValueError for an invalid argument or configuration, LocationError for a bucket of an unsupported kind, and
    StoreError (CredentialsNotFound) if only half of a key pair is configured.
    """
    where = ambient_endpoint(given=target.endpoint)
    store = S3LocationStore(
        S3Options(
            bucket=target.bucket,
            region=target.region,
            endpoint=where.url,
            path_style=where.path_style,
            ca_bundle_pem=target.ca_bundle_pem,
        )
    )
    check_name(target.bucket, endpoint=where.url)
    check_is_general_purpose(target.bucket)
    return store
