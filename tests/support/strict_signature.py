"""Checks a request's AWS Signature Version 4, as S3 does.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.support.strict_bucket import S3Error

_LARGEST_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<sum>\w+)"
)


def check_signature(
    *, method: str, target: str, headers: Mapping[str, str], keys: Mapping[str, str], now: datetime
) -> None:
    """Raises S3Error as AWS answers: AccessDenied, InvalidAccessKeyId, RequestTimeTooSkewed, SignatureDoesNotMatch."""
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        raise S3Error(403, "AccessDenied")
    secret = keys.get(found["key"])
    if secret is None:
        raise S3Error(403, "InvalidAccessKeyId")
    date = headers.get("x-amz-date", "")
    signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - signed_at) > _LARGEST_SKEW:
        raise S3Error(403, "RequestTimeTooSkewed")
    canonical = _canonical_request(method, target, headers, found["signed"])
    text = f"AWS4-HMAC-SHA256\n{date}\n{found['scope']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in found["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found["sum"]):
        raise S3Error(403, "SignatureDoesNotMatch")


def _canonical_request(method: str, target: str, headers: Mapping[str, str], signed: str) -> str:
    parts = urlsplit(target)
    path = quote(unquote(parts.path), safe="/-_.~")
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(parts.query, True))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed.split(";"))
    return f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{headers.get('x-amz-content-sha256', '')}"
