"""Searches for secrets where there must be none: logs, Events, statuses, annotations, metrics."""

import json
from collections.abc import Iterable, Iterator

from localcluster.kubectl import Kubectl

Place = tuple[str, str]
# Everything that the operator writes or copies. Secrets themselves are not searched.
_RESOURCES = ("events.events.k8s.io", "recordings", "storagelocations", "storagereports", "leases", "configmaps")


def check_no_secret(places: Iterable[Place], *, secrets: Iterable[str]) -> None:
    """Raises AssertionError if a text contains a secret. The message names the place, not the secret."""
    wanted = [secret for secret in secrets if secret]
    assert wanted, "nothing to look for"
    for where, text in places:
        for secret in wanted:
            at = text.find(secret)
            assert at < 0, f"a secret in {where}: …{text[max(0, at - 200) : at]}<secret>…"


def cluster_places(kubectl: Kubectl) -> Iterator[Place]:
    """All objects that the operator writes, in all namespaces."""
    for resource in _RESOURCES:
        yield resource, json.dumps(kubectl.json("get", resource, "--all-namespaces")["items"])
