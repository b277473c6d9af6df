"""Uploads from clients: what the API server rejects and accepts."""

from typing import Any, Final

from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected
from tests.api.import_cases import ONE_SOURCE
from tests.api.manifests import SHA256, URL, JsonObject, a_recording, a_source, an_artifact

FIELD: Final = "spec.artifacts[0].source.upload"
OTHERS: Final = (
    "headersSecretRef, expiresAt, provider, size and checksum belong to other sources; leave them out with upload, and "
    "set size and checksum in upload.finish"
)
TYPE: Final = "write a media type in lower case without parameters, such as video/mp4, or a family such as video/*"
CHECKSUM: Final = (
    "write algorithm:hex in lower case with algorithm sha256 (64 digits), md5 (32), crc64nvme (16) or crc32 (8)"
)
CHANGED: Final = (
    "upload cannot be added, changed or removed, except that finish is added; add an artifact with another name"
)
FINISHED: Final = "finish is set once and cannot be changed; add an artifact with another name"
QUANTITY: Final = "write an amount of bytes such as 500Gi, 10M or 1048576"
PROVIDER: Final = {"recordingSource": "calls", "id": "1", "media": "video"}


def an_upload(*, source: JsonObject | None = None, name: str = "upload", **upload: Any) -> JsonObject:
    """A Recording whose file a client sends; `upload` changes its fields, `source` adds others beside it."""
    return a_recording(an_artifact(source={"upload": {"maxSize": "1Mi", **upload}, **(source or {})}), name=name)


BAD_UPLOADS: Final = (
    Case(
        "upload and url",
        a_recording(an_artifact(source=a_source(upload={"maxSize": "1Mi"}))),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case(
        "upload and object",
        an_upload(source={"object": {"storageLocation": "egress", "key": "a"}}),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case("upload and size", an_upload(source={"size": 1}), rejected(FIELD, OTHERS)),
    Case("upload and checksum", an_upload(source={"checksum": SHA256}), rejected(FIELD, OTHERS)),
    Case("upload and expiresAt", an_upload(source={"expiresAt": "2026-11-21T09:00:00Z"}), rejected(FIELD, OTHERS)),
    Case("upload and headers", an_upload(source={"headersSecretRef": {"name": "s"}}), rejected(FIELD, OTHERS)),
    Case("upload and provider", an_upload(source={"provider": PROVIDER}), rejected(FIELD, OTHERS)),
    Case(
        "upload without a maximum size",
        a_recording(an_artifact(source={"upload": {"expiresAfter": "1h"}})),
        blocked(missing(f"{FIELD}.maxSize")),
    ),
    Case("upload of nothing", an_upload(maxSize="0"), rejected(f"{FIELD}.maxSize", QUANTITY, value="0")),
    Case(
        "upload that expires at once",
        an_upload(expiresAfter="0s"),
        rejected(f"{FIELD}.expiresAfter", "must be 1s to 720h", value="0s"),
    ),
    Case(
        "upload that expires never",
        an_upload(expiresAfter="721h"),
        rejected(f"{FIELD}.expiresAfter", "must be 1s to 720h", value="721h"),
    ),
    Case("upload of a URL as content type", an_upload(contentTypes=[URL]), rejected(f"{FIELD}.contentTypes", TYPE)),
    Case(
        "upload of more than its maximum",
        an_upload(finish={"size": 2**20 + 1}),
        rejected(f"{FIELD}.finish.size", "is larger than upload.maxSize"),
    ),
    Case(
        "upload of no bytes",
        an_upload(finish={"size": 0}),
        out_of_bounds(f"{FIELD}.finish.size", 0, "be greater than or equal to 1"),
    ),
    Case("upload without its size", an_upload(finish={}), blocked(missing(f"{FIELD}.finish.size"))),
    Case(
        "upload with a bad checksum",
        an_upload(finish={"size": 1, "checksum": URL[:60]}),
        rejected(f"{FIELD}.finish.checksum", CHECKSUM),
    ),
)
GOOD_UPLOADS: Final = {
    "an upload": an_upload(),
    "an upload with every field": an_upload(
        expiresAfter="30m",
        contentTypes=["video/*", "audio/mpeg"],
        finish={"size": 2**20, "checksum": "crc64nvme:0123456789abcdef"},
    ),
    "64 uploads": a_recording(
        *[
            an_artifact(
                name=f"v{number}",
                source={"upload": {"maxSize": "1Gi", "contentTypes": [f"video/{'x' * 60}{n}" for n in range(16)]}},
            )
            for number in range(64)
        ]
    ),
}
STORED_UPLOAD: Final = an_upload(name="stored-upload", contentTypes=["video/*"])
FINISHED_UPLOAD: Final = an_upload(name="finished-upload", finish={"size": 10})


def changed(before: JsonObject, **upload: Any) -> JsonObject:
    """A patch of the upload; a field given as None goes away."""
    [artifact] = before["spec"]["artifacts"]
    merged = {**artifact["source"]["upload"], **upload}
    return _patch(artifact, {"upload": {key: value for key, value in merged.items() if value is not None}})


def _patch(artifact: JsonObject, source: JsonObject) -> JsonObject:
    return {"spec": {"artifacts": [{**artifact, "source": source}]}}


BAD_UPLOAD_UPDATES: Final = (
    (
        STORED_UPLOAD,
        Case("another maximum", changed(STORED_UPLOAD, maxSize="2Mi"), rejected(FIELD, CHANGED)),
    ),
    (STORED_UPLOAD, Case("another expiry", changed(STORED_UPLOAD, expiresAfter="2h"), rejected(FIELD, CHANGED))),
    (STORED_UPLOAD, Case("no content types", changed(STORED_UPLOAD, contentTypes=None), rejected(FIELD, CHANGED))),
    (
        STORED_UPLOAD,
        Case(
            "a URL instead of the upload",
            _patch(STORED_UPLOAD["spec"]["artifacts"][0], {"url": URL}),
            rejected(FIELD, CHANGED),
        ),
    ),
    (
        FINISHED_UPLOAD,
        Case("finish changed", changed(FINISHED_UPLOAD, finish={"size": 11}), rejected(f"{FIELD}.finish", FINISHED)),
    ),
    (
        FINISHED_UPLOAD,
        Case("finish removed", changed(FINISHED_UPLOAD, finish=None), rejected(f"{FIELD}.finish", FINISHED)),
    ),
)
GOOD_UPLOAD_UPDATES: Final = {
    "finish": (STORED_UPLOAD, changed(STORED_UPLOAD, finish={"size": 10, "checksum": "crc64nvme:0123456789abcdef"})),
    "the same finish again": (FINISHED_UPLOAD, changed(FINISHED_UPLOAD, finish={"size": 10})),
}
