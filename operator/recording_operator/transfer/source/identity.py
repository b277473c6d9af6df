"""The identity of a source: its URL without the parts that only grant access.

Providers return a file's URL many times, each time with a fresh signature. Two URLs name the same source if they differ
only in the signature. If another parameter is mistaken for a signature, two sources have the same identity. Therefore,
callers that use the identity compare the content too.
"""

from typing import Final
from urllib.parse import unquote_plus

from recording_operator.egress.errors import InvalidUrlError
from recording_operator.egress.url import parse_url
from recording_operator.transfer.source.errors import source_error

# Never content, regardless of the other parameters. Names in lower case.
_SIGNATURES: Final = (
    "signature", "sig", "hmac", "sign", "q-signature", "auth_key", "token", "access_token", "accesstoken",
    "id_token", "download_token", "jwt", "auth", "authorization", "api_key", "apikey", "hdnea", "hdnts", "hdntl",
    "__hdnea__", "__token__", "__gda__", "bcdn_token", "verify", "security-token", "security_token", "securitytoken",
    "session_token", "sessiontoken", "x-oss-signature", "x-oss-security-token", "x-cos-security-token",
)  # fmt: skip
_SIGNED_PREFIXES: Final = ("x-amz-", "x-goog-")
# Parameters that are part of a signature if the URL has one. Without a signature, they may be content.
_BESIDE_SIGNATURES: Final = (
    "expires", "expire", "expiry", "expiration", "exp", "e", "validfrom", "validto", "valid_from", "valid_until",
    "ttl", "ts", "timestamp", "nonce", "awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "accesskeyid", "keyid",
    "keyname", "key-pair-id", "policy", "hash-algorithm", "x-id", "se", "sp", "sv", "sr", "st", "spr", "si", "sip",
    "skoid", "sktid", "skt", "ske", "sks", "skv", "sdd", "saoid", "suoid", "scid", "ss", "srt", "q-sign-algorithm",
    "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list", "x-oss-signature-version",
    "x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-additional-headers", "token_path", "token_countries",
    "urlprefix",
)  # fmt: skip


def source_identity(url: str) -> str:
    """The URL without its signature, in one spelling. Raises TransferError(SourceInvalid).

    It may still hold secrets, such as those in a path: it is hashed before it is kept.
    """
    try:
        place = parse_url(url)
    except InvalidUrlError as error:
        raise source_error(error) from None
    path, _, query = place.target.partition("?")
    fields = [(unquote_plus(field.partition("=")[0]).lower(), field) for field in query.split("&") if field]
    signed = any(_signs(name) for name, _ in fields)
    kept = sorted(field for name, field in fields if not (_signs(name) or (signed and name in _BESIDE_SIGNATURES)))
    here = f"{place.scheme}://{place.host_header}{path}"
    return f"{here}?{'&'.join(kept)}" if kept else here


def _signs(name: str) -> bool:
    return name in _SIGNATURES or name.startswith(_SIGNED_PREFIXES)
