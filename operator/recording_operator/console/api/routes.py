"""All routes of the HTTP API."""

from typing import Final

from fastapi import APIRouter

from recording_operator.console.api import artifacts, controls, recordings
from recording_operator.console.files import serving

ROUTERS: Final[tuple[APIRouter, ...]] = (
    recordings.router,
    controls.router,
    artifacts.router,
    serving.router,
)
