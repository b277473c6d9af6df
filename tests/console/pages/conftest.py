"""A browser, people who may see and change, and Recordings in every state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from localcluster import ControlPlane
from localcluster.install import PROJECT
from recording_operator.kube.rest import RestClient
from tests.console.running import Person, make_person, make_token

CHROMIUM: Final = Path("/usr/bin/chromium")
_BINDINGS: Final = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium: Playwright's own browsers are not to be had everywhere.

    It ends with the file: until then Playwright keeps an event loop in this thread, where no other may run.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there. Install the package chromium to run the tests of the pages.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where screenshots are kept until the next run."""
    return PROJECT / ".local" / "screenshots"


@pytest.fixture
def boss(admin: RestClient, namespace: str) -> Iterator[Person]:
    """An administrator."""
    person = make_person(admin, namespace, "boss")
    binding = {
        "metadata": {"name": f"boss-{namespace}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": "boss"}],
    }
    admin.request("POST", _BINDINGS, body=binding)
    yield person
    admin.request("DELETE", f"{_BINDINGS}/boss-{namespace}")


@pytest.fixture(scope="session")
def keeper(cluster: ControlPlane, admin: RestClient) -> Person:
    """An administrator for all tests that only read."""
    cluster.kubectl("create", "serviceaccount", "keeper", "-n", "default")
    account = "--serviceaccount=default:keeper"
    cluster.kubectl("create", "clusterrolebinding", "keeper", "--clusterrole=cluster-admin", account)
    return Person(namespace="default", name="keeper", token=make_token(admin, "default", "keeper"))
