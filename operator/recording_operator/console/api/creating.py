"""Creates Recordings, in the name of the caller. The URLs of their sources go into a Secret."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
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
from recording_operator.console.problems import Problem
from recording_operator.kube.errors import AlreadyExists, KubeError
from recording_operator.kube.resources import RECORDINGS, Resources
from recording_operator.user_actions.creating import RightMissing, check_writes, create_all
from recording_operator.user_actions.drafting import Placed, url_problem, urls_into_secret, with_suffix

_TRIES: Final = 3
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
            {"name": "video", "kind": "Video", "source": {"url": "https://media.example.com/v.mp4?signature=abc"}}
        ],
    },
}

_logger = logging.getLogger(__name__)

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
        description="Beginning of the name, instead of the whole name. Five characters are added.",
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


class _Logged:
    """Logs what did not go as planned. The caller learns of it by the problem."""

    def unknown(self, recording: Mapping[str, Any], *, is_suspended: bool) -> None:
        """The response says that the API server is unavailable."""

    def created(self, recording: Mapping[str, Any]) -> None:
        """No request of the console ends halfway."""

    def taken_back(self, recording: Mapping[str, Any]) -> None:
        """It is as if nothing had happened."""

    def left(self, recording: Mapping[str, Any], error: KubeError) -> None:
        """A person may have to delete it."""
        metadata, why = recording["metadata"], str(error)
        extra = {"namespace": metadata["namespace"], "recording": metadata["name"]}
        _logger.warning(
            "A Recording that could not be completed is suspended and was not deleted: %s", why, extra=extra
        )


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
def create_recording(
    parts: Parts,
    caller: Authenticated,
    response: Response,
    wanted: NewRecordingDocument,
    *,
    dry_run: DryRun = False,
    urls_in_spec: Annotated[
        bool,
        Query(
            alias="urlsInSpec",
            description="Leave URLs in the spec, where anyone who can read the Recording can read them.",
        ),
    ] = False,
) -> RecordingDocument:
    """Create a Recording with the caller's own token. The API server checks it; unknown fields are an error.

    The URLs of its sources go into a Secret that is deleted with the Recording: both are created, or neither. This
    needs the rights to create Secrets, and to patch and delete Recordings.
    """
    _check_urls(wanted.spec)
    what = f"Recording {wanted.namespace}/{wanted.name or wanted.generate_name}"
    with in_name_of(parts, caller, what=what) as resources:
        if urls_in_spec or not _with_secret(wanted, name="").secrets:
            has_urls = not urls_in_spec and _has_urls(wanted.spec.get("artifacts"))
            is_dry = dry_run or has_urls
            stored = resources.create(
                RECORDINGS, wanted.manifest, namespace=wanted.namespace, dry_run=is_dry, is_strict=True
            )
            if has_urls:
                raise _would_stay()
        else:
            stored = _create_with_secret(resources, wanted, dry_run=dry_run)
    created = document_of_stored(stored)
    if not dry_run:
        response.headers["Location"] = f"{router.prefix}/{created.namespace}/{created.name}"
    return created


def _create_with_secret(resources: Resources, wanted: NewRecordingDocument, *, dry_run: bool) -> dict[str, Any]:
    """Create the Recording and its Secret. If one of their names is taken, others are tried, as far as they are free.

    Raises KubeError, Problem.
    """
    for attempt in range(_TRIES):
        name = wanted.name or with_suffix((wanted.generate_name or "").rstrip("-."))
        placed = _with_secret(wanted, name=with_suffix(name) if attempt else name)
        manifest = wanted.manifest
        manifest["metadata"].pop("generateName", None)
        manifest["metadata"]["name"] = name
        manifest["spec"] = {**wanted.spec, "artifacts": placed.artifacts}
        try:
            checked = check_writes(resources, manifest, placed.secrets, is_strict=True)
            if _has_urls(placed.artifacts):
                raise _would_stay()
            return checked if dry_run else create_all(resources, manifest, placed.secrets, observer=_Logged())
        except RightMissing as missing:
            raise Problem(
                HTTPStatus.FORBIDDEN, f"You may not {missing.right}, which is needed to put URLs into a Secret."
            ) from None
        except AlreadyExists as error:
            is_taken = wanted.name is not None and error.path.endswith(f"/{RECORDINGS.plural}")
            if is_taken or attempt == _TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


def _with_secret(wanted: NewRecordingDocument, *, name: str) -> Placed:
    """The artifacts with their URLs moved into a Secret of this name. What is no artifact stays as it is."""
    artifacts = wanted.spec.get("artifacts")
    if not isinstance(artifacts, list) or not all(map(_is_artifact, artifacts)):
        return Placed(artifacts=[])  # the API server says what is wrong
    return urls_into_secret(artifacts, secret_name=name)


def _check_urls(spec: Mapping[str, Any]) -> None:
    """Raise Problem for URLs that the operator cannot use: the API server does not see those in Secrets."""
    artifacts = spec.get("artifacts")
    given: Iterable[Any] = artifacts if isinstance(artifacts, list) else ()
    errors = [
        {"problem": f"spec.artifacts[{number}].source.url: it {problem}"}
        for number, one in enumerate(given)
        if _is_artifact(one) and (url := (one.get("source") or {}).get("url")) and (problem := url_problem(url))
    ]
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The operator cannot use it.", errors=errors)


def _is_artifact(given: Any) -> bool:
    """Whether it has the types of an artifact, as far as its URL is concerned."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        return False
    source = given.get("source")
    if source is None:
        return True
    return isinstance(source, dict) and (source.get("url") is None or isinstance(source["url"], str))


def _has_urls(artifacts: Any) -> bool:
    """Whether a URL is in what goes into the spec, whatever else is there."""
    given: Iterable[Any] = artifacts if isinstance(artifacts, list) else ()
    sources = (one.get("source") for one in given if isinstance(one, dict))
    return any(isinstance(one, dict) and one.get("url") for one in sources)


def _would_stay() -> Problem:
    """For URLs that could not be moved into a Secret, although the API server accepts them where they are."""
    detail = "Its URLs cannot be put into a Secret. To leave them in the spec: urlsInSpec=true"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
