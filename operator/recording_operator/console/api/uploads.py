"""Files that clients send to the store: the open upload of an artifact, URLs for its parts, and its end.

The paths and the shape of requests and responses are those that Uppy's plugin for S3 uses with a Companion server.
"""

import base64
import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from recording_operator.api.recording import Recording
from recording_operator.checksums import to_base64
from recording_operator.console.api.addresses import NO_NUL, Address, ArtifactName, ExpectedUid
from recording_operator.console.api.models import ApiDocument
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts
from recording_operator.console.problems import Problem
from recording_operator.console.uploads.finding import UploadTarget, open_upload, wanted_upload
from recording_operator.console.uploads.finishing import finish, give_up, is_finished_as, sent_bytes, sent_parts
from recording_operator.console.uploads.signing import part_url

_MOST_PARTS: Final = 10_000
_MOST_BYTES: Final = 2**63 - 1
_MD5_BYTES: Final = 16
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,17}")
_PROBLEMS: Final = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

router = APIRouter(prefix="/api/v1/recordings/{namespace}/{name}/artifacts/{artifact}/uploads", tags=["uploads"])
companion_router = APIRouter(prefix=f"{router.prefix}/s3/multipart", include_in_schema=False)
"""The same below the paths that Uppy 6 adds to its companionEndpoint."""
sized_router = APIRouter(prefix=f"{router.prefix}/sized/{{fileSize}}/s3/multipart", include_in_schema=False)
"""The same, if the endpoint has the size of the file: Uppy says it nowhere, and only the last part is smaller."""

_UploadId = Annotated[
    str, Path(alias="uploadId", max_length=2048, pattern=NO_NUL, description="The uploadId of the open upload.")
]
_FileSize = Annotated[int | None, Field(ge=1, le=_MOST_BYTES, description="Size of the whole file in bytes.")]


def file_size(request: Request) -> int | None:
    """The size of the file, if the path has it. Raises Problem."""
    text = request.path_params.get("fileSize")
    if text is None:
        return None
    if not _DIGITS.fullmatch(text):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The size of the file in the path is not a number of bytes.")
    return int(text)


_SizeInPath = Annotated[int | None, Depends(file_size)]


class NewUpload(BaseModel):
    """What is known of the file. Other fields are ignored."""

    model_config = ConfigDict(frozen=True)

    size: _FileSize = None


class UploadDocument(ApiDocument):
    """The upload that the operator has opened for an artifact."""

    upload_id: str
    key: str = Field(description="Key of the object to be.")
    bucket: str = Field(description="Bucket, or directory, that it will be in.")
    part_size: int = Field(description="Every part but the last has exactly this size, in bytes.")
    max_size: int = Field(description="The largest file that is allowed, in bytes.")
    expires_at: datetime = Field(description="Until when the file may be sent. After that the upload is aborted.")
    md5_etags: bool = Field(
        description="Whether the ETag of a part is its MD5, as in most buckets that do not encrypt with a KMS key."
    )
    finished: bool = Field(description="Whether complete was called. Parts that are missing may still be sent.")


class PartUrlDocument(ApiDocument):
    """Where to PUT one part. The URL is a secret until it expires."""

    url: str = Field(description="PUT the bytes of the part to it, without a token.")
    headers: dict[str, str] = Field(description="Headers to send with it.")
    size: int = Field(description="The part must have exactly this size, in bytes.")
    expires_at: datetime = Field(description="When the URL stops working. The request must begin before.")
    notes: tuple[str, ...] = Field(description="Why it may expire sooner than usual.")


class SentPartDocument(BaseModel):
    """A part that the store has."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    part_number: int = Field(alias="PartNumber")
    size: int = Field(alias="Size", description="In bytes.")
    etag: str = Field(alias="ETag")
    last_modified: datetime | None = Field(alias="LastModified", description="When it was sent, if the store says it.")
    crc64nvme: str | None = Field(
        default=None, alias="ChecksumCRC64NVME", description="In base64, if the store knows it: for a directory."
    )


class FinishedFile(BaseModel):
    """What was sent. Other fields, as the `parts` of Uppy, are ignored: the store knows them."""

    model_config = ConfigDict(frozen=True)

    size: _FileSize = None
    checksum: str | None = Field(
        default=None,
        max_length=71,
        pattern=r"^[a-z0-9]+:[0-9a-f]+$",
        description="Checksum of the file as algorithm:hex, such as crc64nvme:9a3f…. If the stored object has another "
        "one, it is removed and the artifact fails.",
        examples=["crc64nvme:ae8b14860a799888"],
    )


class UploadStateDocument(ApiDocument):
    """What becomes of the file."""

    location: str = Field(description="Path of the artifact's Recording in this API.")
    bucket: str
    key: str
    phase: str = Field(description="Of the artifact: Pending, Uploading, Complete or Failed.")
    reason: str
    message: str


def target_of(address: Address, artifact: ArtifactName, uid: ExpectedUid = None) -> UploadTarget:
    """The artifact in the path."""
    return UploadTarget(namespace=address.namespace, name=address.name, artifact=artifact, uid=uid)


_Target = Annotated[UploadTarget, Depends(target_of)]


@sized_router.post("")
@companion_router.post("")
@router.post("", responses=_PROBLEMS)
def get_open_upload(
    parts: Parts,
    caller: Authenticated,
    target: _Target,
    response: Response,
    size_in_path: _SizeInPath,
    new: NewUpload | None = None,
) -> UploadDocument:
    """The upload that the operator has opened, for a client that begins or goes on.

    The artifact must have `source.upload`, and you need the right to patch the Recording. Status 409 with Retry-After:
    it is not open yet; ask again. 409 without it: there will be none.
    """
    wanted = wanted_upload(parts, caller, target)
    found = open_upload(parts, wanted)
    size_bytes = size_in_path or (new.size if new is not None else None)
    if size_bytes is not None:
        found.check_size(size_bytes)
    response.headers["Cache-Control"] = "no-store"
    return UploadDocument(
        upload_id=found.upload_id,
        key=found.key,
        bucket=found.bucket,
        part_size=found.part_size_bytes,
        max_size=found.most_bytes,
        expires_at=found.expires_at,
        md5_etags=found.location.status.capabilities.get("md5ETags", False),
        finished=found.finished_bytes is not None,
    )


@sized_router.get("/{uploadId}")
@companion_router.get("/{uploadId}")
@router.get("/{uploadId}", responses=_PROBLEMS)
def list_sent_parts(
    parts: Parts, caller: Authenticated, target: _Target, upload_id: _UploadId
) -> list[SentPartDocument]:
    """The parts that the store has. A client that goes on sends the others."""
    found = open_upload(parts, wanted_upload(parts, caller, target), upload_id=upload_id)
    return [
        SentPartDocument(
            part_number=one.part_number,
            size=one.size_bytes,
            etag=one.etag,
            last_modified=one.uploaded_at,
            crc64nvme=None if one.crc64nvme is None else to_base64(one.crc64nvme),
        )
        for one in sent_parts(parts, found)
    ]


@sized_router.get("/{uploadId}/{partNumber}")
@companion_router.get("/{uploadId}/{partNumber}")
@router.get("/{uploadId}/{partNumber}", responses=_PROBLEMS)
def get_part_url(
    parts: Parts,
    caller: Authenticated,
    target: _Target,
    request: Request,
    response: Response,
    upload_id: _UploadId,
    size_in_path: _SizeInPath,
    part_number: Annotated[int, Path(alias="partNumber", ge=1, le=_MOST_PARTS)],
    size: Annotated[
        int | None,
        Query(
            ge=1, le=_MOST_BYTES, description="Size of the part in bytes. Needed for the last one. Default: partSize."
        ),
    ] = None,
    content_md5: Annotated[
        str | None, Header(max_length=24, description="MD5 of the part in base64; the store rejects other bytes.")
    ] = None,
) -> PartUrlDocument:
    """A URL to which one part can be sent with PUT. It works for 15 minutes, and never longer than the upload.

    For a browser, the bucket has to allow PUT from the origin of the console, and to expose the header ETag (CORS).
    """
    found = open_upload(parts, wanted_upload(parts, caller, target), upload_id=upload_id)
    if size_in_path is not None:
        size = found.length_in(size_in_path, part_number)
    made = part_url(parts, caller, found, number=part_number, size_bytes=size, md5=_md5(content_md5))
    response.headers["Cache-Control"] = "no-store"
    return PartUrlDocument(
        url=parts.authenticator.clients.address_of(request, made.url),
        headers=dict(made.headers),
        size=made.size_bytes,
        expires_at=made.expires_at,
        notes=made.notes,
    )


@sized_router.post("/{uploadId}/complete", status_code=HTTPStatus.ACCEPTED)
@companion_router.post("/{uploadId}/complete", status_code=HTTPStatus.ACCEPTED)
@router.post("/{uploadId}/complete", status_code=HTTPStatus.ACCEPTED, responses=_PROBLEMS)
def complete_upload(
    parts: Parts,
    caller: Authenticated,
    target: _Target,
    upload_id: _UploadId,
    size_in_path: _SizeInPath,
    file: FinishedFile | None = None,
) -> UploadStateDocument:
    """Say that every part was sent. The operator then completes the upload and verifies the file.

    It can be said only once. Status 409 with `missing`: the parts that the store does not have. The Recording shows the
    result.
    """
    file = file or FinishedFile()
    size = size_in_path or file.size
    wanted = wanted_upload(parts, caller, target)
    if is_finished_as(wanted, size_bytes=size, checksum=file.checksum):
        return _state_of(wanted.recording, target)
    found = open_upload(parts, wanted, upload_id=upload_id)
    size_bytes = sent_bytes(parts, found, size_bytes=size)
    return _state_of(finish(parts, caller, wanted, size_bytes=size_bytes, checksum=file.checksum), target)


@sized_router.delete("/{uploadId}", status_code=HTTPStatus.ACCEPTED)
@companion_router.delete("/{uploadId}", status_code=HTTPStatus.ACCEPTED)
@router.delete("/{uploadId}", status_code=HTTPStatus.ACCEPTED, responses=_PROBLEMS)
def abort_upload(parts: Parts, caller: Authenticated, target: _Target, upload_id: _UploadId) -> UploadStateDocument:
    """Cancel the Recording, which aborts the upload with its parts. Not if other files of it are unfinished."""
    wanted = wanted_upload(parts, caller, target)
    open_upload(parts, wanted, upload_id=upload_id)
    return _state_of(give_up(parts, caller, wanted), target)


def _state_of(recording: Recording, target: UploadTarget) -> UploadStateDocument:
    status = next((one for one in recording.status.artifacts if one.name == target.artifact), None)
    return UploadStateDocument(
        location=f"/api/v1/recordings/{target.namespace}/{target.name}",
        bucket=recording.status.bucket or "",
        key=(status.key if status is not None else None) or "",
        phase=status.phase if status is not None else "Pending",
        reason=(status.reason if status is not None else None) or "",
        message=(status.message if status is not None else None) or "",
    )


def _md5(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != _MD5_BYTES:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Content-MD5 is not an MD5 in base64.")
    return digest
