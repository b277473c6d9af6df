"""Who the caller is."""

from fastapi import APIRouter
from pydantic import Field

from recording_operator.console.api.models import ApiDocument
from recording_operator.console.parts import Authenticated

router = APIRouter(prefix="/api/v1", tags=["caller"])


class CallerDocument(ApiDocument):
    """The caller, as the API server knows it."""

    username: str = Field(examples=["system:serviceaccount:team-a:uploader"])
    groups: tuple[str, ...]
    can_write: bool = Field(
        description="Whether changes are possible: not for a caller that only an authenticating proxy names."
    )


@router.get("/whoami")
def get_caller(caller: Authenticated) -> CallerDocument:
    """Who you are."""
    return CallerDocument(username=caller.username, groups=caller.groups, can_write=caller.token is not None)
