"""What the API server lets someone do."""

from recording_operator.kube.rest import RestClient


def user_may(admin: RestClient, username: str, verb: str, *, namespace: str) -> bool:
    """Whether it lets a user do this with Recordings of a namespace."""
    attributes = {"group": "recordings.dev", "resource": "recordings", "verb": verb, "namespace": namespace}
    body = {"spec": {"user": username, "resourceAttributes": attributes}}
    review = admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=body)
    return bool(review["status"]["allowed"])
