"""All routes of the HTTP API."""

from typing import Final

from fastapi import APIRouter

from recording_operator.console.api import controls, recordings

ROUTERS: Final[tuple[APIRouter, ...]] = (recordings.router, controls.router)
