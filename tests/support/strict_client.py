"""A simple S3 client for contract tests, which can also send requests that a correct client would never send.

Signatures are those of awscrt, an implementation that shares nothing with the strict store's own check.
"""

import hashlib
import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from awscrt import auth
from awscrt.http import HttpHeaders, HttpRequest

UNSIGNED = "UNSIGNED-PAYLOAD"
TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """How a request is signed. Values that are None are correct.

    `expires_s` makes a presigned URL. `unsigned` headers are sent without being signed. `payload` is the value of
    `x-amz-content-sha256`. `anonymous` sends no signature at all.
    """

    access_key: str | None = None
    secret_key: str | None = None
    token: str | None = None
    region: str | None = None
    service: str = "s3"
    date: datetime | None = None
    payload: str | None = None
    expires_s: int | None = None
    unsigned: frozenset[str] = frozenset()
    anonymous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Status, headers by name in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def root(self) -> ElementTree.Element:
        """The document, without namespaces."""
        root = ElementTree.fromstring(self.body)  # noqa: S314 - a server of ours
        for part in root.iter():
            part.tag = part.tag.rpartition("}")[2]
        return root

    @property
    def code(self) -> str:
        """The code of an error document; empty if there is none."""
        return (self.root.findtext("Code") or "") if b"<Error>" in self.body else ""

    @property
    def outcome(self) -> tuple[int, str]:
        """Status and code."""
        return self.status, self.code

    def text(self, path: str) -> str:
        """The text of one element."""
        return self.root.findtext(path) or ""

    def texts(self, path: str) -> list[str]:
        """The texts of all such elements."""
        return [found.text or "" for found in self.root.findall(path)]


class S3Client:
    """One bucket of one server."""

    def __init__(self, *, endpoint: str, bucket: str, access_key: str, secret_key: str, region: str) -> None:
        self.host = urlsplit(endpoint).netloc
        self.bucket = bucket
        self._keys = (access_key, secret_key)
        self._region = region
        self._connection = http.client.HTTPConnection(self.host, timeout=30)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def send(
        self,
        method: str,
        key: str = "",
        query: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        length: bool = True,
        path: str | None = None,
        signing: Signing = Signing(),
        tampered: Mapping[str, str | None] | None = None,
        chunked: bool = False,
    ) -> Response:
        """Send a request. `path` in place of bucket and key; `tampered` headers change after the signature was made."""
        where = quote(f"/{self.bucket}/{key}" if key else f"/{self.bucket}", safe="/~") if path is None else path
        target = f"{where}?{query}" if query else where
        given = {"host": self.host, **{name.lower(): value for name, value in (headers or {}).items()}}
        if length and not chunked and (body or method in ("PUT", "POST")):
            given.setdefault("content-length", str(len(body)))
        if not signing.anonymous:
            target, given = self.signed(method, target, given, body, signing)
        for name, value in (tampered or {}).items():
            given.pop(name, None)
            given |= {} if value is None else {name: value}
        return self._exchange(method, target, given, body, chunked=chunked)

    def signed(
        self, method: str, target: str, headers: dict[str, str], body: bytes, signing: Signing
    ) -> tuple[str, dict[str, str]]:
        request = HttpRequest(method, target, HttpHeaders([*headers.items()]))
        presigned = signing.expires_s is not None
        payload = signing.payload or (UNSIGNED if presigned else hashlib.sha256(body).hexdigest())
        provider = auth.AwsCredentialsProvider.new_static(
            signing.access_key or self._keys[0], signing.secret_key or self._keys[1], signing.token
        )
        kind = auth.AwsSignatureType
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=kind.HTTP_REQUEST_QUERY_PARAMS if presigned else kind.HTTP_REQUEST_HEADERS,
            credentials_provider=provider,
            region=signing.region or self._region,
            service=signing.service,
            date=signing.date or datetime.now(tz=UTC),
            should_sign_header=lambda name: name.lower() not in signing.unsigned,
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
            signed_body_value=payload,
            signed_body_header_type=(
                auth.AwsSignedBodyHeaderType.NONE if presigned else auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
            ),
            expiration_in_seconds=signing.expires_s,
        )
        signed = auth.aws_sign_request(request, config).result(timeout=30)
        return signed.path, {name.lower(): value for name, value in signed.headers}

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, chunked: bool
    ) -> Response:
        connection = self._connection
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        if chunked:
            connection.putheader("transfer-encoding", "chunked")
        connection.endheaders(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body)
        response = connection.getresponse()
        read = response.read()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Response(status=response.status, headers=fields, body=read)

    # What a careful client sends

    def put(self, key: str, body: bytes = b"body", **headers: str) -> Response:
        """PutObject; names of headers with underscores."""
        return self.send("PUT", key, headers=_named(headers), body=body)

    def get(self, key: str, query: str = "", **headers: str) -> Response:
        """GetObject, or any other GET request."""
        return self.send("GET", key, query, headers=_named(headers))

    def head(self, key: str, query: str = "", **headers: str) -> Response:
        """HeadObject."""
        return self.send("HEAD", key, query, headers=_named(headers))

    def create(self, key: str, **headers: str) -> str:
        """CreateMultipartUpload: the id."""
        return self.send("POST", key, "uploads=", headers=_named(headers)).text("UploadId")

    def part(self, key: str, upload_id: str, number: int | str, body: bytes = b"part", **headers: str) -> Response:
        """UploadPart."""
        return self.send("PUT", key, f"partNumber={number}&uploadId={upload_id}", headers=_named(headers), body=body)

    def complete(self, key: str, upload_id: str, parts: Sequence[Mapping[str, object]], **headers: str) -> Response:
        """CompleteMultipartUpload of parts whose elements are given."""
        rows = "".join(
            f"<Part>{''.join(f'<{name}>{value}</{name}>' for name, value in part.items())}</Part>" for part in parts
        )
        body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        return self.send("POST", key, f"uploadId={upload_id}", headers=_named(headers), body=body)

    def absent(self, key: str) -> bool:
        """Whether there is no object at the key."""
        return self.head(key).status == http.HTTPStatus.NOT_FOUND


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
