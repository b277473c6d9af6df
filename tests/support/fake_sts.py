"""A small STS over HTTP: checks the signature and the parameters of AssumeRole, and fails as it is told.

Source: STS API reference, AssumeRole, and "Common Errors".
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

ROLE = "arn:aws:iam::111122223333:role/recordings"
EXTERNAL_ID = "CANARY-external-id"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([a-z0-9-]+)/sts/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKeys:
    """Temporary keys of the role."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error response."""

    code: str
    status: int = 403


class FakeSts:
    """One role. `refusal` is the response instead of keys; `on_issued` receives each new set of keys."""

    def __init__(self, on_issued: Callable[[IssuedKeys], None] = lambda _: None) -> None:
        self.access_key, self.secret_key, self.session_token = "AKIABASE", "CANARY-base-secret", ""
        self.lifetime = timedelta(hours=1)
        self.clock_offset = timedelta(0)
        self.refusal: Refusal | None = None
        self.external_id: str | None = EXTERNAL_ID
        self.on_issued = on_issued
        self.issued: list[IssuedKeys] = []
        self.sessions: list[str] = []
        self.regions: list[str] = []
        self.lock = threading.Lock()
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Do not log."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, text = sts.respond(headers, body)
                self.send_response_only(status)
                self.send_header("Date", format_datetime(datetime.now(UTC) + sts.clock_offset, usegmt=True))
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def respond(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Status and document."""
        given = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        with self.lock:
            refusal = self.refusal or self._refusal(headers, body, given)
            return _error(refusal) if refusal is not None else self._issue(given)

    def _refusal(self, headers: dict[str, str], body: bytes, given: dict[str, str]) -> Refusal | None:
        if (given.pop("Action", ""), given.pop("Version", "")) != ("AssumeRole", "2011-06-15"):
            return Refusal(code="InvalidAction", status=400)
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None:
            return Refusal(code="MissingAuthenticationToken")
        signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(datetime.now(UTC) + self.clock_offset - signed_at) > timedelta(minutes=5):
            return Refusal(code="SignatureDoesNotMatch")
        if found[1] != self.access_key or headers.get("x-amz-security-token", "") != self.session_token:
            return Refusal(code="InvalidClientTokenId")
        if _signature(found, headers, body, self.secret_key) != found[5]:
            return Refusal(code="SignatureDoesNotMatch")
        self.regions.append(found[3])
        role, session = given.pop("RoleArn", ""), given.pop("RoleSessionName", "")
        if not re.fullmatch(r"[\w+=,.@-]{2,64}", session):
            return Refusal(code="ValidationError", status=400)
        self.sessions.append(session)
        allowed = given.pop("ExternalId", None) == self.external_id and role == ROLE
        if given:
            return Refusal(code="ValidationError", status=400)
        return None if allowed else Refusal(code="AccessDenied")

    def _issue(self, _: dict[str, str]) -> tuple[int, str]:
        keys = IssuedKeys(
            access_key=f"ASIA{secrets.token_hex(8).upper()}",
            secret_key=f"CANARY-{secrets.token_hex(16)}",
            token=f"CANARY-{secrets.token_hex(32)}",
        )
        self.issued.append(keys)
        self.on_issued(keys)
        end = datetime.now(UTC) + self.clock_offset + self.lifetime
        return 200, (
            f'<AssumeRoleResponse xmlns="{_NAMESPACE}"><AssumeRoleResult><AssumedRoleUser>'
            f"<Arn>arn:aws:sts::111122223333:assumed-role/recordings/s</Arn><AssumedRoleId>ARO:s</AssumedRoleId>"
            f"</AssumedRoleUser><Credentials><AccessKeyId>{keys.access_key}</AccessKeyId>"
            f"<SecretAccessKey>{keys.secret_key}</SecretAccessKey><SessionToken>{keys.token}</SessionToken>"
            f"<Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></AssumeRoleResult>"
            "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"
        )


def _error(refusal: Refusal) -> tuple[int, str]:
    message = f"User: arn:aws:iam::111122223333:user/base is not authorized to perform: sts:AssumeRole on {ROLE}"
    return refusal.status, (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{refusal.code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )


def _signature(claim: re.Match[str], headers: dict[str, str], body: bytes, secret_key: str) -> str:
    """AWS Signature Version 4 of a POST to `/`."""
    _, date, region, names, _ = claim.groups()
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date}/{region}/sts/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
