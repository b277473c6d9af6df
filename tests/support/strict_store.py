"""A strict S3 server on the loopback address: checks what AWS checks, and fails by script.

with StrictStore() as s3:
    s3.fault(Fault(operation="UploadPart", action=Drop(when="after"), first=3))
    ... talk to s3.endpoint with s3.access_key and s3.secret_key ...
    assert s3.open_uploads() == []
"""

import math
import secrets
import ssl
import threading
from datetime import timedelta
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.support.strict_bucket import Bucket
from tests.support.strict_faults import Action, Fault
from tests.support.strict_handler import SeenRequest, StrictHandler


class StrictStore:
    """One bucket behind HTTP. Attributes may be changed while it runs."""

    def __init__(
        self,
        *,
        bucket_name: str = "recordings",
        bucket: Bucket | None = None,
        page_size: int = 1000,
        tls: ssl.SSLContext | None = None,
        region: str = "us-east-1",
    ) -> None:
        self.bucket_name = bucket_name
        self.bucket = bucket or Bucket()
        self.page_size = page_size
        self.region = self._first_region = region
        self.owner = "123456789012"
        self.secure = tls is not None
        self.session_token: str | None = None
        self.access_key = "AKIATEST"
        self.secret_key = self._first_secret_key = secrets.token_hex(16)
        self.clock_offset = timedelta(0)
        self.denied: set[str] = set()
        self.largest_body_bytes = math.inf
        self.requests: list[SeenRequest] = []
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._faults: list[Fault] = []
        store = self

        class Handler(StrictHandler):
            strict = store

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls is not None:
            # Handshakes belong to the connections' threads, not to the accepting one.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def fault(self, *faults: Fault) -> None:
        """Add to the script."""
        with self.lock:
            self._faults.extend(faults)

    def reset(self, bucket: Bucket) -> None:
        """Start again with this bucket. Requests that hang are ended, and all recorded requests are dropped."""
        with self.lock:
            self.closing.set()
            self.closing = threading.Event()
            self.bucket, self.requests = bucket, []
            self.denied, self.clock_offset, self.page_size = set(), timedelta(0), 1000
            self.secret_key, self.session_token = self._first_secret_key, None
            self.region, self.largest_body_bytes = self._first_region, math.inf
            self._faults.clear()

    def heal(self) -> None:
        """Remove all scripted faults."""
        with self.lock:
            self._faults.clear()

    def action_for(self, operation: str) -> Action | None:
        """The fault that applies to this request. Each scripted fault counts the request."""
        with self.lock:
            met = [fault.action for fault in self._faults if fault.meets(operation)]
        return met[0] if met else None

    def count(self, operation: str) -> int:
        """Number of requests of an operation."""
        return sum(seen.operation == operation for seen in self.requests)

    def open_uploads(self) -> list[str]:
        """Keys of the open uploads."""
        return [upload.key for upload in self.bucket.uploads.values()]

    def keys(self) -> list[str]:
        """Keys of all objects, including those hidden by a delete marker."""
        versions = self.bucket.versions
        return sorted(key for key, kept in versions.items() if any(not version.delete_marker for version in kept))
