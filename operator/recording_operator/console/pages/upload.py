"""The page that sends files from a browser to the store: as new Recordings, or for one that waits for its file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from recording_operator.api.names import STORAGE_LOCATION_PLURAL
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.console.api.addresses import Address, ArtifactName
from recording_operator.console.auth.access import Action
from recording_operator.console.auth.callers import Caller
from recording_operator.console.headers import CONTENT_SECURITY_POLICY
from recording_operator.console.pages.origins import part_origins, usable_in
from recording_operator.console.pages.rendering import Rendered
from recording_operator.console.pages.states import page_url
from recording_operator.console.parts import ConsoleParts, Parts, SignedIn
from recording_operator.console.uploads.finding import UploadTarget, wanted_upload
from recording_operator.user_actions.file_types import known_types

_MOST_NAMESPACES: Final = 500
_ACCOUNT: Final = "system:serviceaccount:"
_TYPES: Final[Mapping[str, list[str]]] = {
    extension: [kind.value, media_type] for extension, (kind, media_type) in known_types().items()
}
_NO_TOKEN: Final = "Sign in with your own token to upload."  # noqa: S105 - a sentence
_NO_NAMESPACE: Final = (
    "You may not create Recordings in any namespace that the console knows. Ask your administrator for the verbs "
    "create and patch on recordings. If you have them, name your namespace."
)

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """An artifact that waits for its file."""

    namespace: str
    name: str
    artifact: str
    title: str
    uid: str
    kind: str
    content_types: tuple[str, ...]
    max_size: int
    expires: datetime | None

    @property
    def url(self) -> str:
        """The page of its Recording."""
        return page_url(self.namespace, self.name)


@router.get("/upload")
def upload(
    page: Rendered, parts: Parts, visit: SignedIn, namespace: Annotated[str, Query(max_length=63)] = ""
) -> Response:
    """The page for new Recordings. `namespace`: one that the console may not know."""
    namespaces = _namespaces(parts, visit.caller, namespace) if visit.caller.token is not None else []
    known = parts.locations.all()
    may_list = parts.access.may(visit.caller, Action(verb="list", resource=STORAGE_LOCATION_PLURAL))
    missing = _NO_TOKEN if visit.caller.token is None else "" if namespaces else _NO_NAMESPACE
    return page.whole(
        "upload.html",
        title="Upload",
        active="upload",
        visit=visit,
        waiting=None,
        namespaces=namespaces,
        locations=[one.metadata.name for one in known] if may_list else None,
        may_choose=any(one.spec.placement.weight for one in known),
        types=_TYPES,
        may=visit.caller.token is not None,
        missing=missing,
        asks_namespace=bool(missing) and visit.caller.token is not None,
        headers=_policy(usable_in(namespaces, known)),
    )


@router.get("/upload/{namespace}/{name}/{artifact}")
def upload_artifact(
    page: Rendered, parts: Parts, visit: SignedIn, address: Address, artifact: ArtifactName
) -> Response:
    """The page for a Recording that waits for a file."""
    target = UploadTarget(namespace=address.namespace, name=address.name, artifact=artifact)
    wanted = wanted_upload(parts, visit.caller, target)
    meta, upload = wanted.recording.metadata, wanted.upload
    location = parts.locations.get(wanted.recording.location or "")
    waiting = WaitingFile(
        namespace=address.namespace,
        name=address.name,
        artifact=artifact,
        title=wanted.recording.spec.title or address.name,
        uid=meta.uid,
        kind=wanted.artifact.kind.value,
        content_types=upload.content_types,
        max_size=upload.max_size,
        expires=wanted.status.upload_expires_at,
    )
    return page.whole(
        "upload.html",
        title=f"Upload to {waiting.title}",
        active="upload",
        visit=visit,
        waiting=waiting,
        types=_TYPES,
        may=visit.caller.token is not None,
        missing="" if visit.caller.token is not None else _NO_TOKEN,
        asks_namespace=False,
        headers=_policy(usable_in([address.namespace], parts.locations.all()) if location is None else (location,)),
    )


def _namespaces(parts: ConsoleParts, caller: Caller, wanted: str) -> list[str]:
    """Where the caller may create Recordings, among the one that is wanted and those that the console knows."""
    found = set(parts.reader.namespaces())
    for location in parts.locations.all():
        found.update(location.spec.allowed_namespaces.names)
    if caller.username.startswith(_ACCOUNT):
        found.add(caller.username.removeprefix(_ACCOUNT).partition(":")[0])
    names = sorted(found)[:_MOST_NAMESPACES]
    if wanted and wanted not in names:
        names.append(wanted)
    visible = parts.access.visible(caller, names, verb="create")
    return [name for name in names if visible.everything or name in visible.since]


def _policy(locations: Iterable[StorageLocation]) -> dict[str, str]:
    """The page may send to this console and to the stores only."""
    origins = " ".join(["'self'", *sorted({origin for one in locations for origin in part_origins(one)})])
    return {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; connect-src {origins}"}
