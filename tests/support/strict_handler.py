"""The HTTP side of the strict store: reads requests, checks them, applies the script's faults, writes responses."""

import re
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event, RLock
from typing import Any, Protocol

from tests.support.garble import JoinFault, garbled
from tests.support.strict_bucket import Bucket
from tests.support.strict_checksums import Checksum
from tests.support.strict_errors import S3Error, error_document, not_implemented
from tests.support.strict_faults import (
    Action,
    CutResponse,
    Drop,
    ErrorIn200,
    ErrorResponse,
    FalseHead,
    FalseSuccess,
    FlipResponse,
    Garble,
    IgnoreRange,
    LoseUpload,
    Meanwhile,
    Misjoin,
    Stall,
)
from tests.support.strict_framing import received
from tests.support.strict_limits import MOST_PUT_BYTES, check_bucket_name, check_head_size, check_key, check_owner
from tests.support.strict_multipart import put_part
from tests.support.strict_operations import false_answer, perform, rights_of, untrue
from tests.support.strict_request import Reply, S3Request, Target, check_meaning, copying, operation_of, target_of
from tests.support.strict_signature import Signer, check_signature

_REDIRECTS = {301, 307}
_NO_BODY = {"GET", "HEAD", "DELETE"}
_READ_BYTES = 256 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request and the status of its response; 0 if the connection was ended instead."""

    operation: str
    key: str
    part_number: int | None
    body_bytes: int
    status: int


class Served(Protocol):
    """The interface between a connection and its server."""

    bucket_name: str
    bucket: Bucket
    page_size: int
    region: str
    owner: str
    secure: bool
    access_key: str
    secret_key: str
    session_token: str | None
    clock_offset: timedelta
    denied: set[str]
    largest_body_bytes: float
    requests: list[SeenRequest]
    lock: RLock
    closing: Event

    def action_for(self, operation: str) -> Action | None:
        """The fault that applies to this request."""


class StrictHandler(BaseHTTPRequestHandler):
    """One connection. `strict` is set on the subclass that a server makes."""

    strict: Served
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    target: Target
    fields: dict[str, str]
    body: bytes
    checksum: Checksum | None
    operation: str
    _is_read: bool
    _bucket: Bucket
    _log: list[SeenRequest]
    _closing: Event

    def version_string(self) -> str:
        """The header `Server`."""
        return "AmazonS3"

    def log_message(self, *_: Any) -> None:
        """Do not log."""

    def handle_expect_100(self) -> bool:
        """Respond to `Expect: 100-continue` immediately."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def do_GET(self) -> None:
        """Handle a request of any method."""
        self.target = Target(bucket="", key="", query={})
        self.fields = self._joined_fields()
        self.body, self.checksum, self.operation = b"", None, "Unknown"
        self._is_read = False
        # A request belongs to the test during which it was received.
        self._bucket, self._log, self._closing = self.strict.bucket, self.strict.requests, self.strict.closing
        try:
            self.target = target_of(self.path, self.fields.get("host", ""))
            self.operation = copying(operation_of(self.command, self.target), self.fields)
            self._handle()
        except S3Error as error:
            self.close_connection |= not self._is_read  # what is left of the body would be the next request
            self._send_error(error)
        except ConnectionError:
            self._hang_up()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - http.server's names

    def _joined_fields(self) -> dict[str, str]:
        """Headers by name in lower case, decoded as UTF-8. The values of a repeated header are joined as a list."""
        joined: dict[str, str] = {}
        for name, raw in self.headers.items():
            lowered, value = name.lower(), raw.strip().encode("latin-1").decode("utf-8", "surrogateescape")
            joined[lowered] = f"{joined[lowered]},{value}" if lowered in joined else value
        return joined

    def _handle(self) -> None:
        action = self.strict.action_for(self.operation)
        if isinstance(action, Drop) and action.when == "in body":
            self._keep_cut(self.rfile.read(min(action.body_bytes, int(self.headers.get("Content-Length", 0)))))
        if isinstance(action, Drop) and action.when != "after":
            return self._hang_up()
        self._read_body()
        self._is_read = True
        if len(self.body) > self.strict.largest_body_bytes:
            return self._send_too_large()
        if isinstance(action, ErrorResponse) and action.status in _REDIRECTS:
            return self._send_answer(action)  # from an endpoint that has not the bucket: it checks nothing
        self._check()
        return self._meet(action)

    def _meet(self, action: Action | None) -> None:  # noqa: PLR0912 - a branch for each action
        match action:
            case ErrorResponse():
                self._send_answer(action)
            case Stall():
                while not (action.until.wait(0.05) or self._closing.is_set()):
                    pass
                self._hang_up()
            case FalseSuccess():
                self._send(Reply(body=false_answer(self.operation, self.target.key), headers={"ETag": '"0"'}))
            case ErrorIn200():
                if action.done:
                    self._perform()
                self._send(Reply(body=error_document(action.code), headers={}))
            case Drop():
                self._perform()
                self._hang_up()
            case CutResponse():
                self._send_cut(self._perform(), action.body_bytes)
            case FlipResponse():
                reply = self._perform()
                self._send(replace(reply, body=garbled(reply.body, "flip", 0.5)))
            case IgnoreRange():
                self.fields.pop("range", None)
                self._send(self._perform())
            case Garble():
                self.body = garbled(self.body, action.how, action.at)
                self._send(self._perform())
            case Misjoin():
                self._send(self._perform(join_fault=action.fault))
            case FalseHead():
                self._send(untrue(self._perform(), action.about))
            case LoseUpload():
                self._bucket.uploads.pop(self.target.query.get("uploadId", ""), None)
                self._send(self._perform())
            case Meanwhile():
                action.do()
                self._meet(action.then)
            case None:
                self._send(self._perform())

    def _perform(self, *, join_fault: JoinFault | None = None) -> Reply:
        strict, target = self.strict, self.target
        request = S3Request(
            operation=self.operation,
            bucket_name=target.bucket or strict.bucket_name,
            key=target.key,
            query=target.query,
            headers=self.fields,
            body=self.body,
            page_size=strict.page_size,
            region=strict.region,
            secure=strict.secure,
            checksum=self.checksum,
            denied=frozenset(strict.denied),
            join_fault=join_fault,
        )
        with strict.lock:
            return perform(request, self._bucket)

    # The body

    def _read_body(self) -> None:
        """API reference, "Common request headers": a body has a Content-Length; only `aws-chunked` may do without."""
        stated, coding = self.headers.get_all("Content-Length", []), self.fields.get("transfer-encoding")
        if (
            len(stated) > 1
            or (stated and coding is not None)
            or not all(re.fullmatch(r"[0-9]+", one) for one in stated)
        ):
            raise S3Error("BadRequest", "An error occurred when parsing the HTTP request.")
        self._check_length("x-amz-decoded-content-length")
        if coding is not None:
            self._read_chunked(coding)
        elif stated:
            self._check_length("content-length")
            self.body = self._read_exactly(int(stated[0]))
        elif self.command not in _NO_BODY and self.operation != "CreateMultipartUpload":
            raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")

    def _check_length(self, name: str) -> None:
        stated = self.fields.get(name, "0")
        if not re.fullmatch(r"[0-9]+", stated):
            raise S3Error("InvalidArgument", ArgumentName=name)
        if int(stated) > MOST_PUT_BYTES:
            message = "Your proposed upload exceeds the maximum allowed size"
            raise S3Error("EntityTooLarge", message, ProposedSize=stated, MaxSizeAllowed=MOST_PUT_BYTES)

    def _read_chunked(self, coding: str) -> None:
        if coding.lower() != "chunked" or "x-amz-decoded-content-length" not in self.fields:
            raise not_implemented("Transfer-Encoding")
        pieces = []
        while size := self._chunk_size():
            pieces.append(self._read_exactly(size))
            self.rfile.readline(3)
        self.rfile.readline(3)
        self.body = b"".join(pieces)

    def _chunk_size(self) -> int:
        line = self.rfile.readline(20)
        if not re.fullmatch(rb"[0-9a-fA-F]{1,15}\r\n", line):
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        return int(line, 16)

    def _read_exactly(self, wanted: int) -> bytes:
        chunks: list[bytes] = []
        while wanted:
            data = self.rfile.read(min(_READ_BYTES, wanted))
            if not data:
                self._keep_cut(b"".join(chunks))
                raise ConnectionResetError
            chunks.append(data)
            wanted -= len(data)
        return b"".join(chunks)

    def _keep_cut(self, body: bytes) -> None:
        """A truncated body is not stored. Some stores keep a part, padded, if no trailer was announced."""
        plain = self.headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
        if self._bucket.dialect.cut_parts == "padded" and plain and self.operation == "UploadPart":
            query, length = self.target.query, int(self.headers["Content-Length"])
            with self.strict.lock:
                number, padded = int(query["partNumber"]), body.ljust(length, b"\0")
                put_part(self._bucket, self.target.key, query["uploadId"], number, padded)

    # What is checked of every request

    def _check(self) -> None:
        strict, target, fields = self.strict, self.target, self.fields
        if len(self.headers.get_all("Host", [])) != 1:
            raise S3Error("BadRequest", "An error occurred when parsing the HTTP request.")
        check_head_size(self.headers.items())
        check_signature(
            method=self.command,
            target=self.path,
            headers=fields,
            signer=Signer(
                access_key=strict.access_key,
                secret_key=strict.secret_key,
                session_token=strict.session_token,
                region=strict.region,
            ),
            now=datetime.now(tz=UTC) + strict.clock_offset,
        )
        if target.bucket not in ("", strict.bucket_name):
            check_bucket_name(target.bucket)
            raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=target.bucket)
        check_meaning(self.operation, self.command, target, fields)
        check_owner(fields.get("x-amz-expected-bucket-owner"), strict.owner)
        if rights_of(self.operation, target.query, fields) & strict.denied:
            raise S3Error("AccessDenied", "Access Denied")
        check_key(target.key)
        dialect = self._bucket.dialect
        self.body, self.checksum = received(self.body, fields, operation=self.operation, dialect=dialect)

    # The response

    def _send(self, reply: Reply, *, request_id: str = "") -> None:
        self._seen(reply.status)
        self.send_response(reply.status)
        headers = {"x-amz-request-id": request_id or _new_id(), "x-amz-id-2": secrets.token_urlsafe(16)}
        if reply.status not in (204, 304):
            headers["Content-Length"] = str(len(reply.body))
        if reply.body.startswith(b"<?xml"):
            headers["Content-Type"] = "application/xml"
        for name, value in {**headers, **reply.headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _send_cut(self, reply: Reply, body_bytes: int) -> None:
        length = {"Content-Length": str(len(reply.body))}
        self._send(replace(reply, body=reply.body[:body_bytes], headers={**reply.headers, **length}))
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send_answer(self, answer: ErrorResponse) -> None:
        headers = dict(answer.headers) | ({"Retry-After": answer.retry_after} if answer.retry_after else {})
        message, status = answer.message or None, answer.status
        self._send_error(S3Error(answer.code, message, status=status, headers=headers, fields=answer.fields))

    def _send_too_large(self) -> None:
        """Respond like a proxy in front of the store: read the body, and return an HTML page."""
        page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
        self._send(Reply(status=413, body=page, headers={"Content-Type": "text/html"}))

    def _send_error(self, error: S3Error) -> None:
        headers: dict[str, str] = error.headers
        resource, request_id = self.path.partition("?")[0], _new_id()
        body = error_document(error.code, error.message, resource=resource, request_id=request_id, fields=error.fields)
        if self.command == "HEAD" or error.status == 304:
            body, headers = b"", {"Content-Type": "application/xml", **headers}
        self._send(Reply(status=error.status, body=body, headers=headers), request_id=request_id)

    def _hang_up(self) -> None:
        self._seen(0)
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _seen(self, status: int) -> None:
        number = self.target.query.get("partNumber", "")
        seen = SeenRequest(
            operation=self.operation,
            key=self.target.key,
            part_number=int(number) if number.isdecimal() else None,
            body_bytes=len(self.body),
            status=status,
        )
        with self.strict.lock:
            self._log.append(seen)


def _new_id() -> str:
    return secrets.token_hex(8).upper()
