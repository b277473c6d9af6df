"""Says in the spec of a Recording that a client has sent the file of an artifact. Pure functions."""

from collections.abc import Mapping
from typing import Any


def finish_of(recording: Mapping[str, Any], artifact: str) -> dict[str, Any] | None:
    """What a client has said about the file of the artifact."""
    for one in (recording.get("spec") or {}).get("artifacts") or ():
        if one["name"] == artifact:
            finish: dict[str, Any] | None = ((one.get("source") or {}).get("upload") or {}).get("finish")
            return finish
    return None


def finishing(recording: Mapping[str, Any], artifact: str, finish: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that adds `finish` to the upload of the artifact, in exactly this state of the Recording.

    The list of artifacts is replaced as a whole, so it must not have changed since it was read.
    """
    metadata = recording["metadata"]
    artifacts = [_finished(one, finish) if one["name"] == artifact else one for one in recording["spec"]["artifacts"]]
    condition = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return {"metadata": condition, "spec": {"artifacts": artifacts}}


def _finished(artifact: Mapping[str, Any], finish: Mapping[str, Any]) -> dict[str, Any]:
    source = artifact["source"]
    return {**artifact, "source": {**source, "upload": {**source["upload"], "finish": dict(finish)}}}
