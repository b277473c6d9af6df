"""Status messages contain no secret part of a URL, regardless of their origin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.masking import MARK, mask_urls
from recording_operator.api.meta import Condition, ConditionStatus
from recording_operator.api.recording import ArtifactStatus, Phase, RecordingStatus

_LEAK = "GET https://user:canary@media.example.com/v.mp4?X-Amz-Signature=canary failed"
_CLEAN = f"GET https://{MARK}@media.example.com/v.mp4?{MARK} failed"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (_LEAK, _CLEAN),
        ("HTTPS://H/?a=canary, twice http://h#canary", f"HTTPS://H/?{MARK} twice http://h?{MARK}"),
        ("s3://bucket/key and https://host/path stay.", "s3://bucket/key and https://host/path stay."),
        ("Really? Yes: 12:30 me@example.com", "Really? Yes: 12:30 me@example.com"),
    ],
)
def test_which_texts_are_masked(text: str, masked: str) -> None:
    assert mask_urls(text) == masked


@given(st.lists(st.sampled_from(["http://", "@", "?", "#", "a", " ", "/", MARK, '"']), max_size=12).map("".join))
def test_masking_twice_changes_nothing(text: str) -> None:
    assert mask_urls(mask_urls(text)) == mask_urls(text)


def test_no_message_of_a_status_shows_a_secret() -> None:
    condition = Condition(
        type="Ready",
        status=ConditionStatus.FALSE,
        reason="SourceInvalid",
        message=_LEAK,
        last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    artifact = ArtifactStatus(name="video", phase=Phase.FAILED, message=_LEAK)
    status = RecordingStatus(message="fine", artifacts=(artifact,), conditions=(condition,))
    changed = status.model_copy(update={"message": _LEAK})  # validates nothing
    for shown in (changed.model_dump_json(), changed.model_dump_json(by_alias=True)):
        assert "canary" not in shown
        assert shown.count(_CLEAN) == 3
