"""URLs of stored files."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from recording_operator.console.api.addresses import Address, ArtifactName, ExpectedUid
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.files.presigning import LONGEST, USUAL, UrlRequest, presigned_url
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts

router = APIRouter(prefix="/api/v1/recordings", tags=["files"])

_PROBLEMS: Final = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE)
_EXAMPLE: Final = "https://recordings.s3.eu-west-1.amazonaws.com/prod/weekly/video.mp4?X-Amz-Signature=…"


class ArtifactUrlDocument(ApiDocument):
    """A URL with which anyone can download a file until it expires. It is a secret."""

    url: str = Field(description="The URL. It works with GET, without a token.", examples=[_EXAMPLE])
    expires_at: datetime = Field(description="When it stops working.")
    notes: tuple[str, ...] = Field(description="Why it may expire sooner than requested.")
    file_name: str = Field(description="Name for the saved file.", examples=["weekly-sync-video.mp4"])
    content_type: str = Field(description="Media type of the stored file; empty if it is not known.")
    size_bytes: int | None = Field(description="Size in bytes, if it is known.")


@router.get("/{namespace}/{name}/artifacts/{artifact}/url", responses=_PROBLEMS)
def get_artifact_url(
    parts: Parts,
    caller: Authenticated,
    request: Request,
    response: Response,
    address: Address,
    artifact: ArtifactName,
    *,
    expires_in: Annotated[
        int,
        Query(alias="expiresIn", ge=1, le=int(LONGEST.total_seconds()), description="For how many seconds it works."),
    ] = int(USUAL.total_seconds()),
    download: Annotated[bool, Query(description="Browsers save the file instead of showing it.")] = False,
    cdn: Annotated[bool, Query(description="false: of the store itself, also if the location has a CDN.")] = True,
    uid: ExpectedUid = None,
) -> ArtifactUrlDocument:
    """A URL of a stored file. Needs the right to presign recordings in the namespace.

    A Recording that is no longer in Kubernetes is found, too, as long as its StorageLocation exists.
    """
    wanted = UrlRequest(
        namespace=address.namespace,
        name=address.name,
        artifact=artifact,
        uid=uid,
        expires=timedelta(seconds=expires_in),
        is_download=download,
        may_use_cdn=cdn,
    )
    made = presigned_url(parts, caller, wanted)
    response.headers["Cache-Control"] = "no-store"
    return ArtifactUrlDocument(
        url=parts.authenticator.clients.address_of(request, made.url),
        expires_at=made.expires_at,
        notes=made.notes,
        file_name=made.file_name,
        content_type=made.content_type,
        size_bytes=made.size_bytes,
    )
