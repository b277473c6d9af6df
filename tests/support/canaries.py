"""Looks for secrets where none may be: logs, Events, statuses, annotations, metrics."""

import json
from collections.abc import Iterable, Iterator

from localcluster.kubectl import Kubectl

Place = tuple[str, str]
# Whatever the operator writes, or copies. Secrets are where secrets belong.
_RESOURCES = ("events.events.k8s.io", "recordings", "storagelocations", "storagereports", "leases", "configmaps")


def check_no_secret(places: Iterable[Place], *, secrets: Iterable[str]) -> None:
    """Raises AssertionError for a secret in one of the texts; the message says where, and not what it is."""
    wanted = [secret for secret in secrets if secret]
    assert wanted, "nothing to look for"
    for where, text in places:
        for secret in wanted:
            at = text.find(secret)
            assert at < 0, f"a secret in {where}: …{text[max(0, at - 200) : at]}<secret>…"


def cluster_places(kubectl: Kubectl) -> Iterator[Place]:
    """What the API server shows of whatever the operator writes, in all namespaces, whole."""
    for resource in _RESOURCES:
        yield resource, json.dumps(kubectl.json("get", resource, "--all-namespaces")["items"])
