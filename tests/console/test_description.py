"""The HTTP API is as its description says: calls that are generated from it, against the real API server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localcluster import ControlPlane, S3Server
from localcluster.install import credentials_secret, storage_location
from recording_operator.console.app import description_of_api
from recording_operator.console.serving import Console
from recording_operator.kube.resources import LOCATIONS, REPORTS
from recording_operator.kube.rest import RestClient
from tests.cli.reported import growing, in_cluster, refreshed
from tests.console.conftest import Visitor, Visitors
from tests.console.generating import STORED, Scene, await_file, with_companion
from tests.console.running import fetch, send
from tests.console.stored import store_file
from tests.kube.objects import a_recording
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"),
]

_WRITTEN: Final = Path(__file__).parents[2] / "docs" / "reference" / "console-openapi.json"
_SHARED: Final = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much)
"""All calls of an operation are about the same Recording."""
DESCRIPTION: Final = description_of_api()
schema: Final = schemathesis.openapi.from_dict(with_companion(DESCRIPTION))
_REACHED: Final = {200, 201, 202, 409}
"""There it was, and its state allowed the call or not."""
_Workflow: Any = schema.as_state_machine()
_SAME: Final[dict[str, Any]] = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": _SHARED,
}
"""The same calls each time: a test that fails is no other one the next time."""


def test_the_description_that_is_served_is_the_written_one(visitors: Visitors) -> None:
    served = fetch(f"{visitors.nobody.url}/openapi.json").json()
    assert (served["openapi"], served["info"].pop("version")) == ("3.1.0", "1.2.3")
    written = json.loads(_WRITTEN.read_text(encoding="utf-8"))
    assert written["info"].pop("version") == "v1"
    assert served == written


def test_every_operation_and_parameter_is_described() -> None:
    for path, operations in DESCRIPTION["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            assert operation["security"] == [{"token": []}], (method, path)
            assert {"401", "403", "503"} <= operation["responses"].keys(), (method, path)


@pytest.fixture(scope="module")
def scene(
    cluster: ControlPlane, admin: RestClient, s3: S3Server, consoles: Callable[..., Console], admin_token: str
) -> Iterator[Scene]:
    """There is a Recording with a stored file, one that waits for its client, and some that nobody works on."""
    name = f"generated-{uuid4().hex[:6]}"
    admin.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    s3.create_bucket(name)
    where = storage_location(name, endpoint=s3.endpoint, bucket=name, secret=name, namespaces=[name])
    cluster.kubectl.apply(credentials_secret(name, s3.root), where)
    uid = store_file(admin, name, STORED, location=name).uid
    upload_id = await_file(admin, name, location=name)
    for number in range(4):
        a_recording(admin, name, f"idle-{number}")
    in_cluster(admin, refreshed(growing(), name=name, suspend=True))
    console = consoles(cluster.kubeconfig, calls_per_minute=1_000_000)
    visitor = Visitor(url=f"http://127.0.0.1:{console.port}", token=admin_token)
    eventually(lambda: visitor.get(f"/recordings/by-uid/{uid}").status == 200)
    yield Scene(visitor=visitor, namespace=name, uid=uid, upload_id=upload_id, report=name)
    admin.request("DELETE", REPORTS.path(None, name))
    admin.request("DELETE", LOCATIONS.path(None, name))


@schema.parametrize()
@settings(max_examples=10, phases=[Phase.generate], **_SAME)
def test_generated_calls(case: Any, scene: Scene) -> None:
    scene.send(case)


@pytest.mark.faults
@schema.parametrize()
@settings(max_examples=200, **_SAME)
def test_many_generated_calls(case: Any, scene: Scene) -> None:
    scene.send(case)


def test_the_generated_calls_are_about_what_there_is(scene: Scene) -> None:
    """Otherwise only the response 404 was compared with the description."""
    for label in {label for label, _ in scene.statuses if not label.startswith("DELETE")}:
        statuses = {status for one, status in scene.statuses if one == label}
        assert statuses & _REACHED, (label, statuses)


@pytest.mark.parametrize("examples", [10, pytest.param(500, marks=pytest.mark.faults)])
def test_generated_calls_that_follow_each_other(scene: Scene, examples: int) -> None:
    """What a response names is used in the next call, also what is gone meanwhile."""

    class Workflow(_Workflow):  # type: ignore[misc]  # the class is made at run time
        def before_call(self, case: Any) -> None:
            scene.stay(case)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ARG002 - the same for all
            return {"base_url": scene.visitor.url, "headers": scene.headers}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            scene.check(case, response)

    Workflow.run(settings=settings(max_examples=examples, stateful_step_count=8, **_SAME))


@settings(max_examples=40, **_SAME)
@given(
    route=st.sampled_from([("PUT", "/upload-parts/{}"), ("GET", "/files/{}/a.mp4"), ("GET", "/files/x/{}")]),
    text=st.text(min_size=1, max_size=300),
    body=st.binary(max_size=100),
)
def test_signed_links_that_are_made_up(scene: Scene, route: tuple[str, str], text: str, body: bytes) -> None:
    method, path = route
    response = send(method, scene.visitor.url + path.format(quote(text, safe="")), content=body)
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"
