"""Objects for tests."""

import secrets
from typing import Any

from recording_operator.kube.client import KubeApi
from recording_operator.kube.rest import RestClient

JsonObject = dict[str, Any]


def a_recording(admin: RestClient, namespace: str, name: str, *, phase: str | None = None) -> JsonObject:
    """Create a Recording, in a phase if one is given; return it as stored."""
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "storageLocation": "archive",
            "owner": {"org": "acme"},
            "artifacts": [
                {
                    "name": "video",
                    "kind": "Video",
                    "contentType": "video/mp4",
                    "source": {"url": "https://media.example.com/v.mp4?X-Amz-Signature=c4n4ry"},
                }
            ],
        },
    }
    stored = admin.request("POST", f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings", body=body)
    return stored if phase is None else set_status(admin, stored, {"phase": phase})


def a_large_recording(admin: RestClient, namespace: str, name: str) -> JsonObject:
    """Create a Recording of a quarter of a megabyte that no compression makes smaller; return it as stored."""
    artifacts = [
        {
            "name": f"video-{number}",
            "kind": "Video",
            "contentType": "video/mp4",
            "source": {"url": f"https://media.example.com/{secrets.token_urlsafe(6000)}"},
        }
        for number in range(32)
    ]
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"storageLocation": "archive", "owner": {"org": "acme"}, "artifacts": artifacts},
    }
    return admin.request("POST", f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings", body=body)


def a_location(admin: RestClient, name: str) -> JsonObject:
    """Create a StorageLocation; return it as stored."""
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "StorageLocation",
        "metadata": {"name": name},
        "spec": {"s3": {"bucket": "archive", "region": "us-east-1"}},
    }
    return admin.request("POST", "/apis/recordings.dev/v1alpha1/storagelocations", body=body)


def a_secret(
    admin: RestClient,
    namespace: str,
    name: str,
    data: dict[str, str],
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> JsonObject:
    """Create a Secret."""
    metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
    return admin.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=body)


def set_status(admin: RestClient, stored: JsonObject, status: JsonObject) -> JsonObject:
    """Write into a Recording's status, from the state given."""
    metadata = stored["metadata"]
    return KubeApi(admin).patch_recording_status(
        metadata["namespace"], metadata["name"], resource_version=metadata["resourceVersion"], status=status
    )


def annotate(admin: RestClient, stored: JsonObject, value: str) -> JsonObject:
    """Edit a Recording's metadata in any state."""
    metadata = stored["metadata"]
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{metadata['namespace']}/recordings/{metadata['name']}"
    body = {"metadata": {"annotations": {"example.com/edit": value}}}
    return admin.request("PATCH", path, body=body, content_type="application/merge-patch+json")
