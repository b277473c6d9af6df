"""Checks a request's AWS Signature Version 4, in its header or its query, as S3 does.

Source: API reference, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)",
"Authenticating Requests: Using Query Parameters" and "Error responses".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, unquote

from tests.support.strict_errors import S3Error

_ALGORITHM = "AWS4-HMAC-SHA256"
_LARGEST_SKEW = timedelta(minutes=15)
_LONGEST_VALIDITY_S = 7 * 24 * 3600
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]*), ?"
    r"SignedHeaders=(?P<signed>[^,]*), ?Signature=(?P<sum>[^,]*)"
)
_QUERY_NAMES = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
_CONTENT_SHA256 = re.compile(
    r"UNSIGNED-PAYLOAD|STREAMING-(UNSIGNED-PAYLOAD-TRAILER|AWS4-(HMAC|ECDSA-P256)-SHA256-PAYLOAD(-TRAILER)?)|[0-9a-f]{64}"
)
# With a signature in the header these are signed where they are sent, beside every `x-amz-*`.
_SIGNED_IF_SENT = {"content-type", "content-md5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The credentials that are accepted: the key pair, its session token if it has one, and the bucket's region."""

    access_key: str
    secret_key: str
    session_token: str | None
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The signature of a request and its parameters. `malformed` is the error code for a wrong scope."""

    credential: str
    signed: str
    signature: str
    date: str
    payload: str
    malformed: str


def check_signature(*, method: str, target: str, headers: Mapping[str, str], signer: Signer, now: datetime) -> None:
    """Check the signature. Raises the same errors as AWS."""
    query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    claim = _claim(headers, query)
    signed_at = _instant(claim.date)
    access_key, scope = _scope(claim, signer)
    _check_time(signed_at, query if _is_presigned(query) else {}, now)
    _check_keys(access_key, headers.get("x-amz-security-token") or query.get("X-Amz-Security-Token"), signer)
    _check_signed_names(claim.signed, headers, presigned=_is_presigned(query))
    canonical = _canonical_request(method, target, headers, claim)
    text = f"{_ALGORITHM}\n{claim.date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{signer.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex().encode(), claim.signature.encode()):
        message = "The request signature we calculated does not match the signature you provided."
        raise S3Error("SignatureDoesNotMatch", message, AWSAccessKeyId=access_key, StringToSign=text)


def _is_presigned(query: Mapping[str, str]) -> bool:
    return "X-Amz-Algorithm" in query or "X-Amz-Signature" in query


def _claim(headers: Mapping[str, str], query: Mapping[str, str]) -> _Claim:
    stated = headers.get("authorization")
    if stated is not None and (_is_presigned(query) or "Signature" in query):
        raise S3Error("InvalidArgument", "Only one auth mechanism allowed")
    if _is_presigned(query):
        return _claim_of_query(headers, query)
    if "AWSAccessKeyId" in query or (stated or "").startswith("AWS "):
        raise S3Error("InvalidRequest", f"Please use {_ALGORITHM}.")
    if stated is None:
        raise S3Error("AccessDenied", "Access Denied")
    if not stated.startswith(f"{_ALGORITHM} "):
        raise S3Error("InvalidArgument", "Unsupported Authorization Type", ArgumentName="Authorization")
    found = _AUTHORIZATION.fullmatch(stated)
    if found is None:
        raise S3Error("AuthorizationHeaderMalformed", "The authorization header is malformed.")
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    _check_payload_name(payload)
    return _Claim(
        credential=found["credential"],
        signed=found["signed"],
        signature=found["sum"],
        date=_date_of(headers),
        payload=payload,
        malformed="AuthorizationHeaderMalformed",
    )


def _claim_of_query(headers: Mapping[str, str], query: Mapping[str, str]) -> _Claim:
    missing = [name for name in _QUERY_NAMES if not query.get(name)]
    if query.get("X-Amz-Algorithm") != _ALGORITHM or missing:
        raise S3Error("AuthorizationQueryParametersError", f'X-Amz-Algorithm only supports "{_ALGORITHM}"')
    payload = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    _check_payload_name(payload)
    return _Claim(
        credential=query["X-Amz-Credential"],
        signed=query["X-Amz-SignedHeaders"],
        signature=query["X-Amz-Signature"],
        date=query["X-Amz-Date"],
        payload=payload,
        malformed="AuthorizationQueryParametersError",
    )


def _check_payload_name(payload: str) -> None:
    if not _CONTENT_SHA256.fullmatch(payload):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a sha256 value."
        raise S3Error("InvalidArgument", message, ArgumentName="x-amz-content-sha256", ArgumentValue=payload)


def _date_of(headers: Mapping[str, str]) -> str:
    """`x-amz-date`, or else `Date`, in the format of the string that is signed."""
    stated = headers.get("x-amz-date")
    if stated is not None:
        return stated
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except ValueError:
        raise _no_date() from None


def _instant(date: str) -> datetime:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _no_date() from None


def _no_date() -> S3Error:
    return S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")


def _scope(claim: _Claim, signer: Signer) -> tuple[str, str]:
    """Access key and the rest of the credential, each part of it checked."""
    access_key, *scope = claim.credential.split("/")
    if len(scope) != len(("date", "region", "service", "aws4_request")) or not access_key:
        message = 'expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        raise S3Error(claim.malformed, f"The Credential is mal-formed; {message}")
    date, region, service, terminal = scope
    if date != claim.date[:8]:
        raise S3Error(claim.malformed, f"Invalid credential date {date!r}; it is not that of X-Amz-Date.")
    if region != signer.region:
        message = f"The authorization header is malformed; the region '{region}' is wrong; expecting '{signer.region}'"
        raise S3Error(claim.malformed, message, Region=signer.region, headers={"x-amz-bucket-region": signer.region})
    if service != "s3":
        raise S3Error(claim.malformed, f'incorrect service "{service}". This endpoint belongs to "s3".')
    if terminal != "aws4_request":
        raise S3Error(claim.malformed, f'incorrect terminal "{terminal}". This endpoint uses "aws4_request".')
    return access_key, "/".join(scope)


def _check_time(signed_at: datetime, presigned: Mapping[str, str], now: datetime) -> None:
    if not presigned:
        if abs(now - signed_at) > _LARGEST_SKEW:
            message = "The difference between the request time and the current time is too large."
            raise S3Error("RequestTimeTooSkewed", message, ServerTime=now.isoformat())
        return
    stated = presigned["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]+", stated) or not 1 <= int(stated) <= _LONGEST_VALIDITY_S:
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be from 1 to 604800 seconds")
    if now - signed_at > timedelta(seconds=int(stated)):
        raise S3Error("AccessDenied", "Request has expired", ServerTime=now.isoformat())
    if signed_at - now > _LARGEST_SKEW:
        raise S3Error("AccessDenied", "Request is not yet valid", ServerTime=now.isoformat())


def _check_keys(access_key: str, token: str | None, signer: Signer) -> None:
    if access_key != signer.access_key or (signer.session_token and not token):
        raise S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    if token != signer.session_token:
        raise S3Error("InvalidToken", "The provided token is malformed or otherwise invalid.")


def _check_signed_names(signed: str, headers: Mapping[str, str], *, presigned: bool) -> None:
    names = set(signed.split(";"))
    due = {name for name in headers if name.startswith("x-amz-")} | {"host"}
    if presigned:
        due -= {"x-amz-content-sha256"}
    else:
        due |= _SIGNED_IF_SENT & set(headers)
    if due - names:
        message = "There were headers present in the request which were not signed"
        raise S3Error("AccessDenied", message, HeadersNotSigned=", ".join(sorted(due - names)))


def _canonical_request(method: str, target: str, headers: Mapping[str, str], claim: _Claim) -> str:
    raw_path, _, raw_query = target.partition("?")
    path = quote(unquote(raw_path), safe="/-_.~")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(raw_query, keep_blank_values=True)
        if name != "X-Amz-Signature"
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    names = claim.signed.split(";")
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    return f"{method}\n{path}\n{query}\n{lines}\n{claim.signed}\n{claim.payload}"
