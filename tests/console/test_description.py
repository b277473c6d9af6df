"""The HTTP API is as its description says: calls that are generated from it, against the real API server."""

import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks

from recording_operator.console.app import description_of_api
from recording_operator.kube.rest import RestClient
from tests.conftest import LocationFactory
from tests.console.conftest import Visitors
from tests.console.stored import store_file

pytestmark = pytest.mark.cluster

_WRITTEN: Final = Path(__file__).parents[2] / "docs" / "reference" / "console-openapi.json"
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
_SHARED: Final = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much)
"""All calls of an operation are about the same Recording."""
_OF_CLUSTER: Final = ("/api/v1/reports", "/api/v1/locations", "/api/v1/usage")
DESCRIPTION: Final = description_of_api()
schema: Final = schemathesis.openapi.from_dict(DESCRIPTION)
load_all_checks()


def test_the_description_that_is_served_is_the_written_one(visitors: Visitors) -> None:
    served = httpx.get(f"{visitors.nobody.url}/openapi.json").json()
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


@pytest.fixture
def known(visitors: Visitors, admin: RestClient, namespace: str, location: LocationFactory) -> Visitors:
    """There is a Recording with a stored file."""
    store_file(admin, namespace, "weekly", location=location())
    return visitors


@pytest.mark.faults
@schema.parametrize()
@settings(max_examples=100, deadline=None, suppress_health_check=_SHARED)
def test_generated_calls(case: Any, known: Visitors, namespace: str) -> None:
    check(case, known, namespace)


def check(case: Any, known: Visitors, namespace: str) -> None:
    """Send the call about the Recording that there is, and compare the response with the description."""
    if case.method.upper() != case.operation.method.upper():
        return  # methods that no operation has: tests/console/security
    if "namespace" in case.path_parameters:
        case.path_parameters["namespace"] = namespace
    if "namespace" in case.path_parameters and case.method != "DELETE":
        case.path_parameters["name"] = "weekly"
    if "artifact" in case.path_parameters:
        case.path_parameters["artifact"] = "video"
    if isinstance(case.body, dict) and "namespace" in case.body:
        case.body["namespace"] = namespace
    visitor = known.admin if case.path.startswith(_OF_CLUSTER) else known.tenant
    case.headers = {"Authorization": f"Bearer {visitor.token}"}
    response = case.call(base_url=visitor.url)
    case.validate_response(response, checks=[one for one in CHECKS.get_all() if one.__name__ in _CHECKS])
