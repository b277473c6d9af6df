"""`requests` on pinned connections, one GET at a time and without a session.

A session is what would keep one tenant's cookies for another, read `.netrc` and take proxies and certificates from the
environment. The adapter below it does none of that, and here it also keeps its hands off the TLS settings and the URL.
"""

import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict
from urllib3 import PoolManager, Retry

from recording_operator.transfer.dialer_connections import NO_TARGET, Net, pinned_pools

_Origin = tuple[str, str, int]  # scheme, host, port


class SourceAdapter(HTTPAdapter):
    """Sends requests over connections that `net` pins, with one TLS context for all. Safe for many threads."""

    def __init__(self, net: Net, *, tls: ssl.SSLContext, connections: int) -> None:
        self._net: Final = net
        self._tls: Final = tls
        self._asked_s: dict[_Origin, float] = {}
        self._lock = threading.Lock()
        # Retry(False) hands errors on as they are; 0 would wrap some in MaxRetryError.
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=Retry(False))

    def get(self, headers: Mapping[str, str]) -> Any:
        """GET the URL in the thread's context; the answer is urllib3's, its body unread.

        Raises whatever the two libraries raise (see `cause_of`), TransferError and Stopped.
        """
        url, timeouts = self._net.context.url, self._net.policy.timeouts
        request = PreparedRequest()
        # Not `prepare()`, which would quote the URL anew.
        request.method, request.url = "GET", f"{url.scheme}://{url.host_header}{url.target}"
        request.headers = CaseInsensitiveDict(headers)
        return self.send(request, stream=True, timeout=(timeouts.connect, timeouts.read), proxies={}).raw

    def drop_idle(self, *, idle_s: float) -> None:
        """Close the connections that are kept to hosts which nobody has asked for so long; those in use go on."""
        before_s = time.monotonic() - idle_s
        with self._lock:  # whoever asks from now on finds the pool gone, and makes another
            self._asked_s = {origin: asked_s for origin, asked_s in self._asked_s.items() if asked_s > before_s}
            pools = self.poolmanager.pools
            for key in pools.keys():  # noqa: SIM118 - being shared, it cannot be iterated
                if (key.key_scheme, key.key_host, key.key_port) not in self._asked_s:
                    del pools[key]

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: Any) -> None:
        """Pools of pinned connections only."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, ssl_context=self._tls)
        self.poolmanager.pool_classes_by_scheme = pinned_pools(self._net)

    def build_connection_pool_key_attributes(self, *_: Any, **__: Any) -> Any:
        """Where to connect, as the policy read it: a second parser of URLs could read another host."""
        url = self._net.context.url
        host = f"[{url.host}]" if ":" in url.host else url.host
        with self._lock:
            self._asked_s[url.scheme, host.lower(), url.port] = time.monotonic()
        return {"scheme": url.scheme, "host": host, "port": url.port}, {}

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the TLS context verifies; this would load the default bundle into it with each connection."""

    def request_url(self, *_: Any, **__: Any) -> str:
        """A placeholder; the pinned connection writes the target."""
        return NO_TARGET

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:  # noqa: ARG002 - the library's signature
        """Only what is used: cookies and encodings are not even parsed."""
        response = Response()
        response.status_code, response.raw = resp.status, resp
        return response


def cause_of(error: Exception) -> Exception:
    """What `requests` wrapped; its own errors are all OSErrors and would say nothing."""
    while isinstance(error, RequestException) and error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return error
