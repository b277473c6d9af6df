"""Signature Version 4: which requests are accepted, when and for how long."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.s3_protocol import KEY, Point, accepted, refused
from tests.support.strict_client import UNSIGNED, Response, S3Client, Signing
from tests.support.strict_store import StrictStore

HEADER_AUTH = "Authenticating Requests: Using the Authorization Header"
QUERY_AUTH = "Authenticating Requests: Using Query Parameters"
ERRORS = "Error responses"


def put(api: S3Client, **signing: object) -> Response:
    """PutObject signed in this way."""
    return api.send("PUT", KEY, body=b"x", signing=Signing(**signing))  # type: ignore[arg-type]


def tampered(api: S3Client, **headers: str | None) -> Response:
    """PutObject with these headers changed after it was signed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.send("PUT", KEY, body=b"x", headers={"x-amz-meta-a": "1"}, tampered=named)


def authorization(api: S3Client, value: str) -> Response:
    """PutObject with this Authorization."""
    return tampered(api, authorization=value)


def ago(**delta: float) -> datetime:
    """An instant in the past; negative figures are the future."""
    return datetime.now(tz=UTC) - timedelta(**delta)


def presigned(api: S3Client, *, query: str = "", **signing: object) -> Response:
    """PutObject by a presigned URL."""
    signed = Signing(**{"expires_s": 60, **signing})  # type: ignore[arg-type]
    return api.send("PUT", KEY, query, body=b"x", signing=signed)


def of_yesterday(api: S3Client) -> Response:
    """A signature of yesterday under a date of now."""
    now = ago().strftime("%Y%m%dT%H%M%SZ")
    return api.send("PUT", KEY, body=b"x", signing=Signing(date=ago(days=1)), tampered={"x-amz-date": now})


V4 = "AWS4-HMAC-SHA256"
REST = f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}"
POINTS = [
    accepted("a signed payload", HEADER_AUTH, put),
    accepted("an unsigned payload", HEADER_AUTH, lambda api: put(api, payload=UNSIGNED)),
    refused("no signature", ERRORS, "AccessDenied", lambda api: put(api, anonymous=True), status=403),
    refused(
        "another region in the scope",
        HEADER_AUTH,
        "AuthorizationHeaderMalformed",
        lambda api: put(api, region="eu-west-2"),
    ),
    refused(
        "another service in the scope", HEADER_AUTH, "AuthorizationHeaderMalformed", lambda api: put(api, service="ec2")
    ),
    refused(
        "a scope of another day",
        HEADER_AUTH,
        "AuthorizationHeaderMalformed",
        of_yesterday,
    ),
    refused(
        "a scope of three parts",
        HEADER_AUTH,
        "AuthorizationHeaderMalformed",
        lambda api: authorization(api, f"{V4} Credential=AKIA/20250101/us-east-1/s3, {REST}"),
    ),
    refused(
        "an Authorization without a Signature",
        HEADER_AUTH,
        "AuthorizationHeaderMalformed",
        lambda api: authorization(api, f"{V4} Credential=AKIA/20250101/us-east-1/s3/aws4_request, SignedHeaders=host"),
    ),
    refused(
        "another kind of Authorization", HEADER_AUTH, "InvalidArgument", lambda api: authorization(api, "Basic YTpi")
    ),
    refused("Signature Version 2", ERRORS, "InvalidRequest", lambda api: authorization(api, "AWS AKIA:c2ln")),
    refused(
        "an access key of nobody",
        ERRORS,
        "InvalidAccessKeyId",
        lambda api: put(api, access_key="AKIANOBODY"),
        status=403,
    ),
    refused(
        "another secret key", ERRORS, "SignatureDoesNotMatch", lambda api: put(api, secret_key="other"), status=403
    ),
    refused("a session token that is none", ERRORS, "InvalidToken", lambda api: put(api, token="token")),
    refused(
        "signed 16 minutes ago", ERRORS, "RequestTimeTooSkewed", lambda api: put(api, date=ago(minutes=16)), status=403
    ),
    refused(
        "signed 16 minutes ahead",
        ERRORS,
        "RequestTimeTooSkewed",
        lambda api: put(api, date=ago(minutes=-16)),
        status=403,
    ),
    accepted("signed 14 minutes ago", ERRORS, lambda api: put(api, date=ago(minutes=14))),
    refused("no date", HEADER_AUTH, "AccessDenied", lambda api: tampered(api, x_amz_date=None), status=403),
    refused(
        "a date that is none", HEADER_AUTH, "AccessDenied", lambda api: tampered(api, x_amz_date="today"), status=403
    ),
    refused(
        "a header changed after signing",
        HEADER_AUTH,
        "SignatureDoesNotMatch",
        lambda api: tampered(api, x_amz_meta_a="2"),
        status=403,
    ),
    refused(
        "a signed header that is missing",
        HEADER_AUTH,
        "SignatureDoesNotMatch",
        lambda api: tampered(api, x_amz_meta_a=None),
        status=403,
    ),
    refused(
        "an unsigned header of AWS",
        HEADER_AUTH,
        "AccessDenied",
        lambda api: tampered(api, x_amz_meta_b="3"),
        status=403,
    ),
    refused(
        "an unsigned host", HEADER_AUTH, "AccessDenied", lambda api: put(api, unsigned=frozenset({"host"})), status=403
    ),
    refused(
        "an unsigned Content-MD5",
        HEADER_AUTH,
        "AccessDenied",
        lambda api: tampered(api, content_md5="ndTkYSaMgDT1yFZOFVxnpg=="),
        status=403,
    ),
    refused(
        "a parameter changed after signing",
        HEADER_AUTH,
        "SignatureDoesNotMatch",
        lambda api: api.send(
            "PUT", KEY, "x-id=PutObject", body=b"x", tampered=dict(api_signature_of(api, "x-id=Other"))
        ),
        status=403,
    ),
    refused(
        "no x-amz-content-sha256", HEADER_AUTH, "InvalidRequest", lambda api: tampered(api, x_amz_content_sha256=None)
    ),
    refused("a payload sum that is none", HEADER_AUTH, "InvalidArgument", lambda api: put(api, payload="0" * 63)),
    refused("another payload sum", HEADER_AUTH, "XAmzContentSHA256Mismatch", lambda api: put(api, payload="0" * 64)),
    accepted("a presigned URL", QUERY_AUTH, presigned),
    refused(
        "a presigned URL that has expired",
        QUERY_AUTH,
        "AccessDenied",
        lambda api: presigned(api, date=ago(minutes=2)),
        status=403,
    ),
    refused(
        "a presigned URL of tomorrow",
        QUERY_AUTH,
        "AccessDenied",
        lambda api: presigned(api, date=ago(days=-1)),
        status=403,
    ),
    refused(
        "a presigned URL for eight days",
        QUERY_AUTH,
        "AuthorizationQueryParametersError",
        lambda api: presigned(api, expires_s=8 * 86400),
    ),
    refused(
        "a presigned URL of another region",
        QUERY_AUTH,
        "AuthorizationQueryParametersError",
        lambda api: presigned(api, region="eu-west-2"),
    ),
    refused(
        "a presigned URL with another secret",
        QUERY_AUTH,
        "SignatureDoesNotMatch",
        lambda api: presigned(api, secret_key="other"),
        status=403,
    ),
    refused(
        "a presigned URL and an unsigned header of AWS",
        QUERY_AUTH,
        "AccessDenied",
        lambda api: presigned_and(api, "x-amz-meta-a"),
        status=403,
    ),
    refused(
        "a presigned URL without its Expires",
        QUERY_AUTH,
        "AuthorizationQueryParametersError",
        lambda api: api.send(
            "PUT", KEY, f"X-Amz-Algorithm={V4}&X-Amz-Signature=0", body=b"x", signing=Signing(anonymous=True)
        ),
    ),
    refused(
        "a presigned URL and an Authorization",
        QUERY_AUTH,
        "InvalidArgument",
        lambda api: api.send(
            "PUT",
            KEY,
            body=b"x",
            signing=Signing(expires_s=60),
            tampered={"authorization": f"{V4} Credential=AKIA/20250101/us-east-1/s3/aws4_request, {REST}"},
        ),
    ),
]


def api_signature_of(api: S3Client, query: str) -> dict[str, str]:
    """The headers of a signature that belongs to a request with another query."""
    given = {"host": api.host, "content-length": "1"}
    return api.signed("PUT", f"/{api.bucket}/{KEY}?{query}", given, b"x", Signing())[1]


def presigned_and(api: S3Client, header: str) -> Response:
    """A header that comes to a presigned URL after it was made."""
    return api.send("PUT", KEY, body=b"x", signing=Signing(expires_s=60), tampered={header: "1"})


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_signatures(api: S3Client, point: Point) -> None:
    point.check(api)


@pytest.mark.parametrize(
    "payload", ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"]
)
def test_signed_chunks_are_not_implemented(strict_api: S3Client, payload: str) -> None:
    """Signature calculations: transferring payload in multiple chunks. Nothing is stored unchecked."""
    given = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "1"}
    body = b"1;chunk-signature=0\r\nx\r\n0;chunk-signature=0\r\n\r\n"
    response = strict_api.send("PUT", KEY, headers=given, body=body, signing=Signing(payload=payload))
    assert response.outcome == (501, "NotImplemented")
    assert strict_api.absent(KEY)


@pytest.mark.parametrize("number", [0, 2])
def test_a_request_has_one_host(strict_server: StrictStore, number: int) -> None:
    """RFC 9112 section 3.2: 400."""
    host, port = strict_server.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"Host: localhost\r\n" * number + b"Connection: close\r\n\r\n")
        assert sock.makefile("rb").readline().split()[1] == b"400"


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
    ],
)
def test_a_request_has_one_length(strict_server: StrictStore, lengths: str) -> None:
    """RFC 9112 section 6.3: 400, and the connection ends."""
    host, port = strict_server.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(f"PUT /recordings/a HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n".encode())
        answered = sock.makefile("rb").read()
    assert answered.split()[1] == b"400"
    assert b"\r\nConnection: close\r\n" in answered


def test_the_right_region_is_named(api: S3Client) -> None:
    assert put(api, region="eu-west-2").text("Region") == "us-east-1"


def test_a_presigned_get_and_head_are_bound_to_their_method(api: S3Client) -> None:
    api.put(KEY, b"body")
    assert api.send("GET", KEY, signing=Signing(expires_s=60)).body == b"body"
    wrong = api.send("GET", KEY, signing=Signing(expires_s=60, secret_key="other"))
    assert (wrong.status, wrong.body == b"body") == (403, False)


def test_the_document_of_an_error_names_request_and_resource(api: S3Client) -> None:
    response = api.get("absent")
    assert response.outcome == (404, "NoSuchKey")
    assert response.headers["content-type"].startswith("application/xml")
    assert response.text("RequestId") == response.headers["x-amz-request-id"]


def test_the_key_that_is_absent_is_named(api: S3Client) -> None:
    assert api.get("absent").text("Key") == "absent"


def test_temporary_keys_need_their_token(strict_server: StrictStore, strict_api: S3Client) -> None:
    strict_server.session_token = "token"
    assert put(strict_api, token="token").status == 200
    assert put(strict_api, token="other").outcome == (400, "InvalidToken")
    assert put(strict_api).outcome == (403, "InvalidAccessKeyId")
