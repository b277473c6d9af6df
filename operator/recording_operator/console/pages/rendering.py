"""Renders templates. Every value is escaped, and pages are never kept by a cache."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from recording_operator.api.units import format_bytes
from recording_operator.cells import clean
from recording_operator.console.auth.authentication import Visit
from recording_operator.console.pages import words
from recording_operator.console.pages.assets import Assets
from recording_operator.console.parts import parts_of

_HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "Vary": "Cookie, HX-Request"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds a page."""

    title: str
    active: str = ""
    """The item of the navigation."""
    username: str = ""
    csrf: str = ""
    notice: str = ""
    """What everyone must know, such as that the data is old."""


class Renderer:
    """The templates."""

    def __init__(self, assets: Assets, *, version: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("recording_operator.console.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            bytes=format_bytes,
            clean=clean,
            count=words.count,
            exact_time=words.exact_time,
            gigabytes=words.gigabytes,
            moment=words.moment,
            amount=words.amount,
        )
        self._environment.globals.update(asset=assets.url, version=version)

    def text(self, template: str, **values: Any) -> str:
        """The text of a page or of a part of one."""
        return self._environment.get_template(template).render(**values)


def is_fragment(request: Request) -> bool:
    """Whether a script of the page wants a part of it. The browser's own reload wants the page."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


class PageRenderer:
    """Renders the page of a request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._renderer: Renderer = request.app.state.renderer
        self._parts = parts_of(request)
        self.now = self._parts.now()

    def whole(
        self,
        template: str,
        *,
        title: str,
        active: str = "",
        visit: Visit | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page."""
        frame = Frame(
            title=title,
            active=active,
            username="" if visit is None else visit.caller.username,
            csrf="" if visit is None else visit.csrf,
            notice="" if visit is None else self._parts.notice() or "",
        )
        return self._response(template, status=status, headers=headers, frame=frame, **values)

    def fragment(
        self,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A part of a page."""
        return self._response(template, status=status, headers=headers, **values)

    def _response(
        self, template: str, *, status: HTTPStatus, headers: Mapping[str, str] | None, **values: Any
    ) -> Response:
        text = self._renderer.text(template, now=self.now, **values)
        return HTMLResponse(text, status.value, headers={**_HEADERS, **(headers or {})})


Rendered = Annotated[PageRenderer, Depends(PageRenderer)]
