"""Uploads from clients: how an artifact declares one, how the client says that it has sent all, and the rules."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.content_types import CONTENT_TYPE_PATTERN, CONTENT_TYPE_PATTERN_MESSAGE
from recording_operator.api.meta import ApiModel, ByteCount, Bytes, Duration

MOST_CONTENT_TYPES: Final = 16
_OTHER: Final = "add an artifact with another name"


def _upload(rule: str, message: str, field: str = "") -> Rule:
    """A rule about the upload. It belongs to the source, because its message must not repeat a misplaced URL."""
    return Rule(rule=f"!has(self.upload) || {rule}", message=message, field_path=f".upload{field}")


def _same(field: str) -> str:
    now, before = f"self.upload.{field}", f"oldSelf.upload.{field}"
    return f"(has({now}) == has({before}) && (!has({now}) || {now} == {before}))"


def upload_rules(*, checksum_pattern: str, checksum_message: str, unless: str) -> tuple[Rule, ...]:
    """The rules of a source. `unless`: the source may be replaced by any other."""
    return (
        _upload(
            "(!has(self.headersSecretRef) && !has(self.expiresAt) && !has(self.provider) && !has(self.size)"
            " && !has(self.checksum))",
            "headersSecretRef, expiresAt, provider, size and checksum belong to other sources; leave them out with "
            "upload, and set size and checksum in upload.finish",
        ),
        _upload(
            f"!has(self.upload.contentTypes) || self.upload.contentTypes.all(t, t.matches('{CONTENT_TYPE_PATTERN}'))",
            CONTENT_TYPE_PATTERN_MESSAGE,
            ".contentTypes",
        ),
        _upload(
            "!has(self.upload.finish) || !isQuantity(self.upload.maxSize) || !quantity(self.upload.maxSize).isInteger()"
            " || quantity(self.upload.maxSize).asInteger() >= self.upload.finish.size",
            "is larger than upload.maxSize",
            ".finish.size",
        ),
        _upload(
            "!has(self.upload.finish) || !has(self.upload.finish.checksum)"
            f" || self.upload.finish.checksum.matches('{checksum_pattern}')",
            checksum_message,
            ".finish.checksum",
        ),
        Rule(
            rule=f"({unless}) || (has(self.upload) == has(oldSelf.upload) && (!has(self.upload)"
            f" || ({_same('maxSize')} && {_same('expiresAfter')} && {_same('contentTypes')})))",
            message=f"upload cannot be added, changed or removed, except that finish is added; {_OTHER}",
            field_path=".upload",
        ),
        Rule(
            rule="!has(self.upload) || !has(oldSelf.upload) || !has(oldSelf.upload.finish)"
            " || (has(self.upload.finish) && self.upload.finish == oldSelf.upload.finish)",
            message=f"finish is set once and cannot be changed; {_OTHER}",
            field_path=".upload.finish",
        ),
    )


_EXPIRES_AFTER_SCHEMA: Final = cel.duration_schema(
    Rule(
        rule="duration(self) >= duration('1s') && duration(self) <= duration('720h')",
        message="must be 1s to 720h",
    )
)
_FINISH_SIZE_SCHEMA: Final[dict[str, Any]] = {"type": "integer", "format": "int64", "minimum": 1}


class UploadFinish(ApiModel):
    """What the client has sent."""

    size: Annotated[ByteCount, WithJsonSchema(_FINISH_SIZE_SCHEMA)] = Field(
        description="Size of the file in bytes, at most maxSize."
    )
    checksum: Annotated[str, WithJsonSchema(cel.string(max_length=71))] | None = Field(
        default=None,
        description="Checksum of the file as algorithm:hex. Algorithms: crc64nvme, sha256, md5, crc32. If the checksum "
        "of the stored object differs, it is removed and the artifact fails. With crc64nvme, the object usually need "
        "not be read for this.",
    )


class SourceUpload(ApiModel):
    """A file that a client sends to the store itself, in the parts of a multipart upload that the operator opens."""

    max_size: Bytes = Field(description="Maximum size of the file, such as 2Gi. A quota counts it until the end.")
    expires_after: Annotated[Duration, WithJsonSchema(_EXPIRES_AFTER_SCHEMA)] = Field(
        default=timedelta(hours=24),
        description="How long after the upload was opened the client may send the file, 1s to 720h. After that the "
        "upload is aborted and the artifact fails.",
    )
    content_types: Annotated[
        tuple[Annotated[str, WithJsonSchema(cel.string(max_length=127))], ...],
        Field(json_schema_extra={"maxItems": MOST_CONTENT_TYPES, "x-kubernetes-list-type": "atomic"}),
    ] = Field(
        default=(),
        description="Media types that the client may send, such as video/* or application/pdf. The first bytes of the "
        "file decide. Default: what the artifact's kind and contentType allow.",
    )
    finish: UploadFinish | None = Field(
        default=None,
        description="Set it once, when the client has sent every part. Then the operator completes the upload and "
        "verifies the object. Cannot be changed.",
    )
