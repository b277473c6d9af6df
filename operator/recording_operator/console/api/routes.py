"""All routes of the HTTP API."""

from typing import Final

from fastapi import APIRouter

from recording_operator.console.api import (
    artifacts,
    callers,
    controls,
    creating,
    events,
    exporting,
    locations,
    recordings,
    reports,
    uploads,
    usage,
)
from recording_operator.console.files import serving
from recording_operator.console.uploads import receiving

ROUTERS: Final[tuple[APIRouter, ...]] = (
    recordings.router,
    controls.router,
    artifacts.router,
    events.router,
    creating.router,
    exporting.router,
    locations.router,
    reports.router,
    usage.router,
    callers.router,
    serving.router,
    uploads.router,
    uploads.companion_router,
    uploads.sized_router,
    receiving.router,
)
