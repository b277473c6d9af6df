"""The error codes of S3: status, message, and error document.

Source: API reference, "Error responses", https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

# Code to status. A message is written where clients or people are known to read it.
STATUSES: Mapping[str, int] = {
    "AccessControlListNotSupported": 400,
    "AccessDenied": 403,
    "AuthorizationHeaderMalformed": 400,
    "AuthorizationQueryParametersError": 400,
    "BadDigest": 400,
    "BadRequest": 400,
    "BucketNotEmpty": 409,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "ExpiredToken": 400,
    "IncompleteBody": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidBucketOwnerAWSAccountID": 400,
    "InvalidChunkSizeError": 400,
    "InvalidDigest": 400,
    "InvalidObjectState": 403,
    "InvalidPart": 400,
    "InvalidPartNumber": 416,
    "InvalidPartOrder": 400,
    "InvalidRange": 416,
    "InvalidRedirectLocation": 400,
    "InvalidRequest": 400,
    "InvalidStorageClass": 400,
    "InvalidTag": 400,
    "InvalidToken": 400,
    "InvalidURI": 400,
    "KeyTooLongError": 400,
    "MalformedTrailerError": 400,
    "MalformedXML": 400,
    "MaxMessageLengthExceeded": 400,
    "MetadataTooLarge": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "ObjectLockConfigurationNotFoundError": 404,
    "PreconditionFailed": 412,
    "RestoreAlreadyInProgress": 409,
    "RequestHeaderSectionTooLarge": 400,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "XAmzContentSHA256Mismatch": 400,
}


class S3Error(Exception):
    """A response with an error document. `fields` are further elements of it, such as `Region`."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, object] | None = None,
        **more: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or code
        self.status = STATUSES[code] if status is None else status
        self.headers = dict(headers or {})
        self.fields = {**(fields or {}), **more}


def invalid_argument(name: str, value: object, message: str | None = None) -> S3Error:
    """A parameter or header with a value that S3 does not accept."""
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def not_implemented(header: str) -> S3Error:
    """A header or parameter of a feature that is not implemented here."""
    message = "A header you provided implies functionality that is not implemented"
    return S3Error("NotImplemented", message, Header=header)


def error_document(
    code: str,
    message: str | None = None,
    *,
    resource: str = "",
    request_id: str = "",
    fields: Mapping[str, object] = {},
) -> bytes:
    """An error as S3 writes it."""
    elements = {"Code": code, "Message": message or code, **fields}
    elements |= {"Resource": resource, "RequestId": request_id, "HostId": request_id}
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in elements.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
