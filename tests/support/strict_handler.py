"""The HTTP side of the strict store: reads requests, checks their form, meets the script's faults, writes answers."""

import base64
import hashlib
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event, RLock
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.garble import JoinFault, garbled
from tests.support.strict_bucket import Bucket, S3Error, crc64nvme_of
from tests.support.strict_faults import (
    Action,
    Answer,
    Drop,
    ErrorIn200,
    FalseHead,
    FalseSuccess,
    Garble,
    LoseUpload,
    Misjoin,
    Stall,
)
from tests.support.strict_framing import unframed
from tests.support.strict_operations import (
    Reply,
    S3Request,
    error_document,
    false_answer,
    operation_of,
    perform,
    untrue,
)
from tests.support.strict_signature import check_signature

_READ_BYTES = 256 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request and what it got; status 0 where the connection was ended instead."""

    operation: str
    key: str
    part_number: int | None
    body_bytes: int
    status: int


class Served(Protocol):
    """What a connection asks of its server."""

    bucket_name: str
    bucket: Bucket
    page_size: int
    access_key: str
    secret_key: str
    clock_offset: timedelta
    denied: set[str]
    requests: list[SeenRequest]
    lock: RLock
    closing: Event

    def action_for(self, operation: str) -> Action | None:
        """The fault that meets this request."""


class StrictHandler(BaseHTTPRequestHandler):
    """One connection. `strict` is set on the subclass that a server makes."""

    strict: Served
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    query: dict[str, str]
    key: str
    body: bytes
    operation: str
    _bucket: Bucket
    _log: list[SeenRequest]
    _closing: Event

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_expect_100(self) -> bool:
        """Invite the body at once."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def do_GET(self) -> None:
        """Every method comes here."""
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, self.key = unquote(parts.path).lstrip("/").partition("/")
        self.body, self.operation = b"", operation_of(self.command, self.query)
        # A request belongs to the test during which it came.
        self._bucket, self._log, self._closing = self.strict.bucket, self.strict.requests, self.strict.closing
        try:
            self._handle(bucket)
        except S3Error as error:
            self._send_error(error)
        except ConnectionError:
            self._hang_up()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _handle(self, bucket: str) -> None:
        action = self.strict.action_for(self.operation)
        if isinstance(action, Drop) and action.when == "in body":
            self._keep_cut(self.rfile.read(min(action.body_bytes, int(self.headers.get("Content-Length", 0)))))
        if isinstance(action, Drop) and action.when != "after":
            return self._hang_up()
        self._read_body()
        self._check(bucket)
        return self._meet(action)

    def _meet(self, action: Action | None) -> None:
        match action:
            case Answer():
                self._send_error(S3Error(action.status, action.code), retry_after=action.retry_after)
            case Stall():
                while not (action.until.wait(0.05) or self._closing.is_set()):
                    pass
                self._hang_up()
            case FalseSuccess():
                self._send(Reply(body=false_answer(self.operation, self.key), headers={"ETag": '"0"'}))
            case ErrorIn200():
                if action.done:
                    self._perform()
                self._send(Reply(body=error_document(action.code), headers={}))
            case Drop():
                self._perform()
                self._hang_up()
            case Garble():
                self.body = garbled(self.body, action.how, action.at)
                self._send(self._perform())
            case Misjoin():
                self._send(self._perform(join_fault=action.fault))
            case FalseHead():
                self._send(untrue(self._perform(), action.about))
            case LoseUpload():
                self._bucket.uploads.pop(self.query.get("uploadId", ""), None)
                self._send(self._perform())
            case None:
                self._send(self._perform())

    def _perform(self, *, join_fault: JoinFault | None = None) -> Reply:
        request = S3Request(
            operation=self.operation,
            key=self.key,
            query=self.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
            page_size=self.strict.page_size,
            join_fault=join_fault,
        )
        with self.strict.lock:
            return perform(request, self._bucket)

    def _read_body(self) -> None:
        stated = self.headers.get("Content-Length")
        if stated is None:
            if self.operation in ("PutObject", "UploadPart", "CompleteMultipartUpload"):
                raise S3Error(411, "MissingContentLength")
            return
        wanted = int(stated)
        chunks: list[bytes] = []
        while wanted:
            data = self.rfile.read(min(_READ_BYTES, wanted))
            if not data:
                self._keep_cut(b"".join(chunks))
                raise ConnectionResetError
            chunks.append(data)
            wanted -= len(data)
        self.body = b"".join(chunks)

    def _keep_cut(self, body: bytes) -> None:
        """A body that is cut short is not stored; some stores keep a part, padded, where no sum was to come."""
        plain = self.headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
        if self._bucket.dialect.cut_parts == "padded" and plain and self.operation == "UploadPart":
            number, length = int(self.query["partNumber"]), int(self.headers["Content-Length"])
            with self.strict.lock:
                self._bucket.put_part(self.key, self.query["uploadId"], number, body.ljust(length, b"\0"))

    def _check(self, bucket: str) -> None:
        strict = self.strict
        if len(self.headers.get_all("Host", [])) != 1:
            raise S3Error(400, "BadRequest")
        check_signature(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            keys={strict.access_key: strict.secret_key},
            now=datetime.now(tz=UTC) + strict.clock_offset,
        )
        if self.operation in strict.denied:
            raise S3Error(403, "AccessDenied")
        if bucket != strict.bucket_name:
            raise S3Error(404, "NoSuchBucket")
        self._check_sums()

    def _check_sums(self) -> None:
        dialect = self._bucket.dialect
        payload = self.headers.get("x-amz-content-sha256", "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if payload == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
            if dialect.trailers == "refused":
                raise S3Error(501, "NotImplemented")
            if dialect.trailers != "stored":
                self.body = unframed(self.body, headers, check_sum=dialect.trailers == "checked")
        elif payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(self.body).hexdigest()):
            raise S3Error(400, "XAmzContentSHA256Mismatch")
        md5 = base64.b64encode(hashlib.md5(self.body, usedforsecurity=False).digest()).decode()
        if self.headers.get("Content-MD5") not in (None, md5):
            raise S3Error(400, "BadDigest")
        if dialect.sums == "refused" and any("checksum" in name for name in headers):
            raise S3Error(400, "InvalidArgument")
        stated = self.headers.get("x-amz-checksum-crc64nvme")
        checks = dialect.sums == "kept" and self.operation in ("PutObject", "UploadPart")
        if checks and stated not in (None, crc64nvme_of(self.body)):
            raise S3Error(400, "BadDigest")

    def _send(self, reply: Reply) -> None:
        self._seen(reply.status)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _send_error(self, error: S3Error, *, retry_after: str | None = None) -> None:
        headers = {"Content-Type": "application/xml"} | ({"Retry-After": retry_after} if retry_after else {})
        body = b"" if self.command == "HEAD" else error_document(error.code)
        self._send(Reply(status=error.status, body=body, headers=headers))

    def _hang_up(self) -> None:
        self._seen(0)
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _seen(self, status: int) -> None:
        number = self.query.get("partNumber")
        seen = SeenRequest(
            operation=self.operation,
            key=self.key,
            part_number=int(number) if number else None,
            body_bytes=len(self.body),
            status=status,
        )
        with self.strict.lock:
            self._log.append(seen)
