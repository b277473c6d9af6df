"""Recall.ai: events without URLs, and its API, which has them."""

from typing import Any

import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.provider import DeliveryRejected, Event, MalformedDelivery, Outcome, ReadOptions
from recording_operator.providers.recall import Recall
from tests.support.deliveries import NOW, OTHER_SECRET, SVIX_SECRET, VECTOR_BODY, delivery, signed

RECORDING = "b8f3d0aa-5f5c-4a0e-9a7b-3d9a7c5b1e21"
BOT = "c0a8a2f1-7f35-4f53-8d10-8f6a9a9c4d01"
PROVIDER = Recall()
KINDS = frozenset({ArtifactKind.VIDEO, ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT})


def payload(name: str, *, recording: bool = True, bot: bool = True, **state: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"data": {"code": "done", "sub_code": None, "updated_at": "2026-01-01T10:33:00.120000Z"}}
    data["data"].update(state)
    if recording:
        data["recording"] = {"id": RECORDING, "metadata": {}}
    if bot:
        data["bot"] = {"id": BOT, "metadata": {"org_id": "acme", "user_id": "u-17"}}
    return {"event": name, "data": data}


def read(sent: dict[str, Any], kinds: frozenset[ArtifactKind] = KINDS) -> Event:
    return PROVIDER.read(delivery(sent), [], ReadOptions(kinds=kinds))


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("recording.done", ("video", True)),
        ("bot.done", ("video", True)),
        ("video_mixed.done", ("video", True)),
        ("audio_mixed.done", ("audio", False)),
        ("transcript.done", ("transcript", False)),
    ],
)
def test_events_that_bring_files(name: str, media: tuple[str, bool]) -> None:
    event = read(payload(name))
    assert (event.kind, event.outcome, event.recording_id) == (name, Outcome.MEDIA, RECORDING)
    assert [(one.name, one.is_main) for one in event.media] == [media]
    assert (event.media[0].url, event.media[0].content) == (None, None)


def test_where_only_audio_is_wanted_it_is_the_main_file() -> None:
    event = read(payload("recording.done"), frozenset({ArtifactKind.AUDIO, ArtifactKind.TRANSCRIPT}))
    assert [(one.name, one.is_main) for one in event.media] == [("audio", True)]


def test_files_of_kinds_that_are_not_wanted_are_ignored() -> None:
    event = read(payload("transcript.done"), frozenset({ArtifactKind.VIDEO}))
    assert (event.outcome, event.kind) == (Outcome.IGNORED, "transcript.done")


@pytest.mark.parametrize(
    "name",
    ["recording.processing", "video_mixed.failed", "transcript.failed", "audio_mixed.deleted", "recording.deleted",
     "video_separate.done", "bot.joining_call", "transcript.data", ""],
)  # fmt: skip
def test_other_events_are_ignored(name: str) -> None:
    event = read(payload(name))
    assert (event.outcome, event.media) == (Outcome.IGNORED, ())
    assert event.kind in {name, "unknown"}


def test_the_end_of_a_bot_names_no_recording() -> None:
    assert read(payload("bot.done", recording=False)).outcome is Outcome.IGNORED


def test_failures() -> None:
    event = read(payload("recording.failed", code="failed", sub_code="bot_errored"))
    assert (event.outcome, event.recording_id, event.failure) == (Outcome.FAILED, RECORDING, "bot_errored")
    fatal = read(payload("bot.fatal", recording=False, code="fatal", sub_code="meeting_not_found", message="No such"))
    assert (fatal.outcome, fatal.recording_id, fatal.failure) == (Outcome.FAILED, BOT, "meeting_not_found: No such")


def test_without_the_id_of_the_recording() -> None:
    for sent in (payload("recording.done", recording=False), payload("recording.done", recording=False, bot=False)):
        sent["data"].pop("bot", None)
        with pytest.raises(MalformedDelivery, match=r"data\.recording\.id"):
            read(sent)


def test_a_recording_is_not_confused_with_its_bot() -> None:
    with pytest.raises(MalformedDelivery, match=r"data\.recording\.id"):
        read(payload("recording.done", recording=False))


def test_signatures_of_both_kinds_of_workspaces() -> None:
    for family in ("webhook", "svix"):
        sent = signed(VECTOR_BODY, family=family)
        PROVIDER.verify(sent, [OTHER_SECRET, SVIX_SECRET], now=NOW)
        assert PROVIDER.read(sent, [], ReadOptions(kinds=KINDS)).delivery_id is not None
        with pytest.raises(DeliveryRejected, match="wrong_signature"):
            PROVIDER.verify(sent, [OTHER_SECRET], now=NOW)
