"""A client that sends a file through the console, as a browser does."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.console.conftest import Reply, Visitor
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Someone who sends the file of an artifact."""

    visitor: Visitor
    namespace: str
    name: str
    artifact: str = "video"

    @property
    def path(self) -> str:
        """Where the uploads are."""
        return f"/recordings/{self.namespace}/{self.name}/artifacts/{self.artifact}/uploads"

    def begin(self, body: Any = None) -> Reply:
        """Ask for the upload once."""
        return self.visitor.post(self.path, body)

    def opened(self) -> dict[str, Any]:
        """The upload, when it is open."""
        replies: list[Reply] = []

        def is_open() -> bool:
            replies.append(self.begin())
            last = replies[-1]
            if last.status == 409:
                assert "retry-after" in last.headers, last.body
                return False
            assert last.status == 200, last.body
            return True

        eventually(is_open, what="an open upload")
        return replies[-1].document

    def parts(self, upload_id: str) -> Reply:
        """The parts that the store has."""
        return self.visitor.get(f"{self.path}/{upload_id}")

    def listed(self, upload_id: str) -> list[dict[str, Any]]:
        """The parts in the response."""
        reply = self.parts(upload_id)
        assert reply.status == 200, reply.body
        found: list[dict[str, Any]] = json.loads(reply.body)
        return found

    def url(self, upload_id: str, number: int, *, size: int | None = None, md5: bytes | None = None) -> Reply:
        """The URL of one part."""
        query = "" if size is None else f"?size={size}"
        headers = {} if md5 is None else {"Content-MD5": base64.b64encode(md5).decode()}
        return self.visitor.get(f"{self.path}/{upload_id}/{number}{query}", **headers)

    def send(self, body: bytes, *, only: Iterable[int] | None = None) -> dict[str, Any]:
        """Send the parts of the file, or some of them. Returns the upload."""
        upload = self.opened()
        size = int(upload["partSize"])
        for number in range(1, -(-len(body) // size) + 1) if only is None else only:
            part = body[(number - 1) * size : number * size]
            md5 = hashlib.md5(part, usedforsecurity=False).digest()
            made = self.url(upload["uploadId"], number, size=len(part), md5=md5)
            assert made.status == 200, made.body
            assert put(made.document, part) == 200
        return upload

    def complete(self, upload_id: str, **file: Any) -> Reply:
        """Say that everything is sent."""
        return self.visitor.post(f"{self.path}/{upload_id}/complete", file)

    def abort(self, upload_id: str) -> Reply:
        """Give up."""
        return self.visitor.call("DELETE", f"{self.path}/{upload_id}")


def put(made: Mapping[str, Any], body: bytes, **headers: str) -> int:
    """PUT a part to its URL, without a token. Returns the status; with 200 there is an ETag."""
    request = Request(made["url"], body, {**made["headers"], **headers}, method="PUT")
    try:
        with urlopen(request, timeout=30) as response:
            assert response.headers["ETag"]
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code
