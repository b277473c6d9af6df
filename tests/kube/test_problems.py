"""What the API server rejects, field by field, without the values that it quotes."""

from typing import Any

import pytest

from recording_operator.kube.errors import Invalid, error_from_response

SECRET = "X-Amz-Signature=c4n4ry"


def rejected(*causes: dict[str, Any]) -> Invalid:
    body = {"reason": "Invalid", "details": {"causes": list(causes)}}
    error = error_from_response(status=422, body=body, retry_after=None, request="POST /x")
    assert isinstance(error, Invalid)
    return error


@pytest.mark.parametrize(
    ("field", "message", "said"),
    [
        ("spec.owner.org", 'Invalid value: "string": write a name', "spec.owner.org: write a name"),
        ("spec.url", f'Invalid value: "a: https://x/y?{SECRET} \\" b: c": write a URL', "spec.url: write a URL"),
        ("spec.url", f"Too long: https://x/y?{SECRET} is too long", "spec.url: Too long: … is too long"),
        ("<nil>", "Invalid value: metadata.name must have no '.'", "metadata.name must have no '.'"),
    ],
)
def test_each_problem_is_said_without_its_value(field: str, message: str, said: str) -> None:
    error = rejected({"field": field, "message": message, "reason": "FieldValueInvalid"})
    assert error.problems == (said,)
    assert SECRET not in str(error)


def test_a_problem_is_said_once() -> None:
    cause = {"field": "spec.x", "message": "Required value"}
    assert rejected(cause, cause, {"message": "without a field"}).problems == ("spec.x: Required value",)
