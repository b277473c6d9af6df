"""Points of the S3 contract: a request, and the response that AWS documents."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.strict_client import Response, S3Client

KEY = "a/key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The documented response of AWS to one request, and the page. If it is an error, nothing is stored."""

    name: str
    source: str
    send: Callable[[S3Client], Response]
    status: int
    code: str = ""

    def check(self, api: S3Client) -> None:
        """Send it and compare."""
        response = self.send(api)
        assert response.outcome == (self.status, self.code), response.body
        if self.code:
            assert response.headers.get("x-amz-request-id"), "a response without a request id"
            assert api.absent(KEY), "what was refused was stored"


def refused(name: str, source: str, code: str, send: Callable[[S3Client], Response], *, status: int = 400) -> Point:
    """A request that ends in an error document."""
    return Point(name=name, source=source, send=send, status=status, code=code)


def accepted(name: str, source: str, send: Callable[[S3Client], Response], *, status: int = 200) -> Point:
    """A valid request that is similar to a rejected one."""
    return Point(name=name, source=source, send=send, status=status)
