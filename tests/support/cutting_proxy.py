"""An HTTP proxy in front of the API server that applies a write and then loses its response.

with CuttingProxy(server, ca_file) as proxy:
    proxy.lose("PATCH", "/recordings/weekly")    # the next such request is applied; then its connection is cut
    proxy.hold("POST", "/recordings")            # the next one is applied, and its connection stays open
    ... connect to proxy.url instead ...
    proxy.held.wait(30)

Its own side has no TLS; credentials are those of each request. Dry runs are passed on.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import urllib3

_PASSED_ON: Final = ("Authorization", "Accept", "Content-Type", "User-Agent")


class CuttingProxy:
    """Passes requests on, one by one. Watches are not supported."""

    def __init__(self, server: str, ca_file: str) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(ca_certs=ca_file, retries=False)
        self._lock = threading.Lock()
        self._order: tuple[str, str, bool] | None = None
        self.is_down = False
        """Whether connections are cut without a response, and nothing is passed on."""
        self.stays_down = False
        """Whether the proxy is down as soon as a response was lost."""
        self.held = threading.Event()
        """The request was applied, and its connection stays open."""
        self._end = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.answer(self)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def lose(self, method: str, path_end: str) -> None:
        """The next request that is like this is applied, and its connection is cut."""
        self._order = (method, path_end, False)

    def hold(self, method: str, path_end: str) -> None:
        """The next request that is like this is applied, and gets no response."""
        self._order = (method, path_end, True)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Pass a request on, and its response back."""
        request.close_connection = True
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if self.is_down:
            return
        order = self._taken(request)
        response = self._pool.request(
            request.command,
            self._server + request.path,
            body=body,
            headers={name: request.headers[name] for name in _PASSED_ON if name in request.headers},
        )
        if order is not None:
            self.is_down = self.stays_down
            if order[2]:
                self.held.set()
                self._end.wait()
            return
        request.send_response_only(response.status)
        request.send_header("Content-Type", response.headers.get("Content-Type", ""))
        request.send_header("Content-Length", str(len(response.data)))
        request.end_headers()
        request.wfile.write(response.data)

    def _taken(self, request: BaseHTTPRequestHandler) -> tuple[str, str, bool] | None:
        path, _, query = request.path.partition("?")
        with self._lock:
            order = self._order
            if order is None or request.command != order[0] or not path.endswith(order[1]) or "dryRun" in query:
                return None
            self._order = None
        return order

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, name="cutting proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._http.shutdown()
        self._http.server_close()
