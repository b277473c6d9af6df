"""Valid manifests, and variants of them."""

from typing import Any

from recording_operator.api.names import API_VERSION

JsonObject = dict[str, Any]

CANARY = "c4n4ry51gn4tur3"
"""The signature in every URL. No response may contain it."""
URL = f"https://media.example.com/video.mp4?X-Amz-Signature={CANARY}"
SIGNATURE = f"?X-Amz-Signature={CANARY}"
SHA256 = "sha256:" + "ab" * 32


def a_source(**fields: Any) -> JsonObject:
    """A source with a signed URL; a field given as None is left out."""
    return _without_none({"url": URL, **fields})


def an_artifact(**fields: Any) -> JsonObject:
    """A video artifact; a field given as None is left out."""
    artifact = {"name": "video", "kind": "Video", "contentType": "video/mp4", "source": a_source(), **fields}
    return _without_none(artifact)


def a_recording(*artifacts: JsonObject, name: str = "bad", **spec: Any) -> JsonObject:
    """A Recording of org acme with the artifacts (one video, if none is given)."""
    whole = {"storageLocation": "archive", "owner": {"org": "acme"}, "artifacts": list(artifacts) or [an_artifact()]}
    return {
        "apiVersion": API_VERSION,
        "kind": "Recording",
        "metadata": {"name": name},
        "spec": _without_none({**whole, **spec}),
    }


def a_location(*, name: str = "bad", s3: JsonObject | None = None, **spec: Any) -> JsonObject:
    """A StorageLocation of one bucket; `s3` is merged into its description."""
    return {
        "apiVersion": API_VERSION,
        "kind": "StorageLocation",
        "metadata": {"name": name},
        "spec": _without_none({"s3": _without_none({"bucket": "recordings", **(s3 or {})}), **spec}),
    }


def with_url(url: Any) -> JsonObject:
    """A Recording whose one artifact has this URL."""
    return a_recording(an_artifact(source={"url": url}))


def with_source(**fields: Any) -> JsonObject:
    """A Recording whose one artifact has these fields in its source, beside the URL."""
    return a_recording(an_artifact(source=a_source(**fields)))


def with_s3(**fields: Any) -> JsonObject:
    """A StorageLocation with these fields in its s3."""
    return a_location(s3=fields)


def with_template(template: str) -> JsonObject:
    """A StorageLocation with this keyTemplate."""
    return a_location(keyTemplate=template)


def _without_none(fields: JsonObject) -> JsonObject:
    return {key: value for key, value in fields.items() if value is not None}


def with_filesystem(
    *, prices: JsonObject | None = None, lifecycle: JsonObject | None = None, **fields: Any
) -> JsonObject:
    """A StorageLocation of a directory, with these fields in its filesystem."""
    location = a_location(prices=prices, lifecycle=lifecycle)
    del location["spec"]["s3"]
    location["spec"]["filesystem"] = _without_none({"path": "/recordings/acme", **fields})
    return location
