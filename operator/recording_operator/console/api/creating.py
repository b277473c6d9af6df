"""Creates Recordings, in the name of the caller."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.api.recording import Recording
from recording_operator.api.schema import structural_schema
from recording_operator.console.api.addresses import LABEL, SUBDOMAIN, DryRun
from recording_operator.console.api.caller_rights import in_name_of
from recording_operator.console.api.controls import document_of_stored
from recording_operator.console.api.models import RecordingDocument
from recording_operator.console.openapi import problems
from recording_operator.console.parts import Authenticated, Parts
from recording_operator.kube.resources import RECORDINGS

_PREFIX: Final = r"^[a-z0-9]([-.a-z0-9]*)$"
_SPEC: Final = structural_schema(Recording)["properties"]["spec"]
_EXAMPLE: Final[dict[str, Any]] = {
    "namespace": "team-a",
    "generateName": "weekly-sync-",
    "labels": {"team": "sales"},
    "spec": {
        "owner": {"org": "acme"},
        "title": "Weekly sync",
        "artifacts": [
            {"name": "video", "kind": "Video", "source": {"urlSecretRef": {"name": "weekly-sync", "key": "video"}}}
        ],
    },
}

router = APIRouter(prefix="/api/v1/recordings", tags=["changes"])


class NewRecordingDocument(BaseModel):
    """A Recording to create: its name, and the spec as in its manifest."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={"examples": [_EXAMPLE]},
    )

    namespace: str = Field(pattern=LABEL, max_length=63, description="Namespace.")
    name: str | None = Field(default=None, pattern=SUBDOMAIN, max_length=253, description="Name.")
    generate_name: str | None = Field(
        default=None,
        pattern=_PREFIX,
        max_length=248,
        description="Beginning of the name, instead of the whole name. The API server adds five characters.",
    )
    labels: dict[str, str] = Field(default_factory=dict, max_length=64, description="Labels.")
    spec: Annotated[dict[str, Any], WithJsonSchema(_SPEC)] = Field(
        repr=False, description="As in the manifest of a Recording."
    )

    @model_validator(mode="after")
    def _has_one_name(self) -> "NewRecordingDocument":
        if (self.name is None) == (self.generate_name is None):
            raise ValueError("give either name or generateName")
        return self

    @property
    def manifest(self) -> dict[str, Any]:
        """The object for the API server."""
        named = {"name": self.name} if self.name is not None else {"generateName": self.generate_name}
        return {
            "apiVersion": API_VERSION,
            "kind": RECORDING_KIND,
            "metadata": {"namespace": self.namespace, "labels": self.labels, **named},
            "spec": self.spec,
        }


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def create_recording(
    parts: Parts, caller: Authenticated, response: Response, wanted: NewRecordingDocument, dry_run: DryRun = False
) -> RecordingDocument:
    """Create a Recording with the caller's own token. The API server checks it; unknown fields are an error.

    Anyone who can read the Recording can read the URLs in its spec: prefer urlSecretRef.
    """
    what = f"Recording {wanted.namespace}/{wanted.name or wanted.generate_name}"
    with in_name_of(parts, caller, what=what) as resources:
        stored = resources.create(
            RECORDINGS, wanted.manifest, namespace=wanted.namespace, dry_run=dry_run, is_strict=True
        )
    created = document_of_stored(stored)
    if not dry_run:
        response.headers["Location"] = f"{router.prefix}/{created.namespace}/{created.name}"
    return created
