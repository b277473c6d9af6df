"""Recordings as an operator leaves them, without one: their status is written by the test."""

from typing import Any, Final

from recording_operator.kube.resources import RECORDINGS
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.console.running import Person, RunningConsole
from tests.support.waiting import eventually

CANARIES: Final = (
    "<script>document.title='xss'</script>",
    "<img src=x onerror=\"document.title='xss'\">",
    "\"><svg onload=document.title='xss'>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:document.title='xss'",
    "a\u202eb\u0007c",
)
TITLES: Final = CANARIES[:-1]
"""Those that the API server accepts as a title."""


def make_recording(
    admin: RestClient,
    namespace: str,
    name: str,
    *,
    title: str = "",
    org: str = "acme",
    location: str | None = "archive",
    labels: dict[str, str] | None = None,
    **status: Any,
) -> str:
    """Create a Recording with a status; returns its uid."""
    body = {
        "apiVersion": RECORDINGS.api_version,
        "kind": "Recording",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            **({} if location is None else {"storageLocation": location}),
            "owner": {"org": org, "user": "u-1"},
            "title": title,
            "artifacts": [{"name": "video", "kind": "Video", "source": {"url": "https://example.com/video.mp4"}}],
        },
    }
    made = admin.request("POST", RECORDINGS.collection(namespace), body=body)
    if status:
        set_status(admin, namespace, name, **status)
    return str(made["metadata"]["uid"])


def set_status(admin: RestClient, namespace: str, name: str, **status: Any) -> None:
    """Write its status."""
    path = f"{RECORDINGS.path(namespace, name)}/status"
    admin.request("PATCH", path, body={"status": status}, content_type=MERGE_PATCH)


def uploading(percent: int, *, size_bytes: int = 1_000_000) -> dict[str, Any]:
    """The status of an upload."""
    done = size_bytes * percent // 100
    state = {"name": "video", "phase": "Uploading", "bytesDone": done, "bytesTotal": size_bytes}
    return {
        "phase": "Uploading",
        "reason": "Uploading",
        "progress": f"{percent}.0%",
        "bytesDone": done,
        "bytesTotal": size_bytes,
        "artifacts": [state],
    }


def complete(*, size_bytes: int = 1_000_000) -> dict[str, Any]:
    """The status of a Recording that is stored."""
    state = {
        "name": "video",
        "phase": "Complete",
        "reason": "Stored",
        "bytesDone": size_bytes,
        "bytesTotal": size_bytes,
        "contentType": "video/mp4",
        "checksum": "crc64nvme:0123456789abcdef",
        "integrity": "FullObjectCRC64NVME",
        "key": "acme/video.mp4",
    }
    return {"phase": "Complete", "reason": "Stored", "bytesTotal": size_bytes, "artifacts": [state]}


def failed(message: str = "video: The source responded with 404.") -> dict[str, Any]:
    """The status of one that has failed."""
    state = {"name": "video", "phase": "Failed", "reason": "SourceNotFound", "message": message}
    return {"phase": "Failed", "reason": "SourceNotFound", "message": message, "artifacts": [state]}


def wait_known(running: RunningConsole, who: Person, namespace: str, name: str, **fields: str) -> None:
    """Wait until the catalog has it, with these fields."""

    def known() -> bool:
        response = running.get(f"/api/v1/recordings/{namespace}/{name}", who=who)
        return response.status_code == 200 and all(response.json()[key] == value for key, value in fields.items())

    eventually(known, what=f"{namespace}/{name} in the catalog")
