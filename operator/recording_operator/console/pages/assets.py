"""Style sheets, scripts and images of the pages, from memory. Browsers keep them: their URLs contain their digest."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

PREFIX: Final = "/static"
_MEDIA_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "LICENSE": "text/plain; charset=utf-8",
}
_KEPT: Final = "public, max-age=31536000, immutable"

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file, as it is and compressed."""

    url: str
    media_type: str
    content: bytes
    compressed: bytes


class Assets:
    """All files of the package console.static."""

    def __init__(self) -> None:
        found = files("recording_operator.console.static")
        self._by_name = {asset_name: _asset(asset_name, one.read_bytes()) for asset_name, one in _named(found)}
        self._by_url = {asset.url: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """The URL of a file, such as console.css or vendored/htmx.min.js."""
        return self._by_name[name].url

    def at(self, url: str) -> Asset | None:
        """The file at a URL. There are no others: nothing is read from a path that a request names."""
        return self._by_url.get(url)


@router.get(PREFIX + "/{digest}/{name:path}")
def asset(request: Request, digest: str, name: str) -> Response:
    """A file."""
    assets: Assets = request.app.state.assets
    found = assets.at(f"{PREFIX}/{digest}/{name}")
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        return Response(found.compressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=found.media_type, headers=headers)


def _named(folder: Traversable, prefix: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _named(one, f"{prefix}{one.name}/")
        elif _suffix(one.name) in _MEDIA_TYPES:
            found.append((prefix + one.name, one))
    return found


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _asset(name: str, content: bytes) -> Asset:
    return Asset(
        url=f"{PREFIX}/{hashlib.sha256(content).hexdigest()[:16]}/{name}",
        media_type=_MEDIA_TYPES[_suffix(name)],
        content=content,
        compressed=gzip.compress(content, mtime=0),
    )
