"""URLs that a provider replaces: when it is asked, what spends an attempt, and when the wait ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase
from recording_operator.api.storagelocation import RetryPolicy
from recording_operator.engine.actions import (
    AbortUpload,
    Action,
    ResolveSource,
    StartTransfer,
    WriteStatus,
)
from recording_operator.engine.facts import (
    LocationSeen,
    RecordingSeen,
    SourceResolved,
    TransferFailed,
    TransferProgress,
    TransferSucceeded,
)
from recording_operator.engine.source_revision import fresh_revision, resolved_revision, rules_out, spec_revision
from tests.engine.builders import a_location, a_provider, a_recording, an_artifact
from tests.engine.driver import STORED, Driver, newer, none, only
from tests.engine.scenes import UID, failure, moving

BACKED = an_artifact(provider=a_provider())
ALONE = an_artifact(url=None, provider=a_provider())
EXPIRED = failure(Reason.SOURCE_EXPIRED)
MINUTE = 60


class Scene:
    """A Recording whose source names a provider."""

    def __init__(self, artifact: ArtifactSpec = BACKED, *, grace_s: int = 3600) -> None:
        self.driver = Driver()
        retry = RetryPolicy(refresh_grace=timedelta(seconds=grace_s))
        self.driver.tell(LocationSeen(location=a_location(retry=retry), ready=True))
        self.artifact = artifact
        self.url = 0
        self.revision = ""
        self.recording = moving(self.driver, a_recording(artifact))
        self.resolved()

    @property
    def state(self) -> ArtifactStatus:
        """The status of the artifact that the API server has."""
        return self.recording.status.artifacts[0]

    @property
    def start(self) -> StartTransfer:
        """The last start of a transfer."""
        return [action for action in self.driver.actions if isinstance(action, StartTransfer)][-1]

    def resolved(self, *, fresh: bool = False) -> None:
        """The running transfer has its URL."""
        spec = spec_revision(UID, self.artifact)
        has_url = self.artifact.source is not None and self.artifact.source.url is not None
        revision = resolved_revision(UID, spec, url="https://media.example.com/v", headers={}) if has_url else spec
        if fresh or not has_url:
            self.url += 1
            revision = fresh_revision(UID, revision, url=f"https://media.example.com/{self.url}", headers={})
        self.driver.tell(SourceResolved(uid=UID, artifact="video", revision=revision))
        self.revision = revision

    def end(self, outcome: TransferFailed | TransferSucceeded) -> list[Action]:
        """The transfer is over, and the status is written."""
        return self.written(self.driver.end(self.recording, outcome))

    def wait(self, seconds: float) -> list[Action]:
        """Time passes, and what follows is written."""
        return self.written(self.driver.wait(seconds))

    def written(self, actions: list[Action]) -> list[Action]:
        """Every write is accepted."""
        while writes := [action for action in actions if isinstance(action, WriteStatus)]:
            before = len(self.driver.actions)
            self.recording = self.driver.accept(writes[0], self.recording)
            actions = self.driver.actions[before:]
        return actions

    def progress(self, sent_bytes: int) -> None:
        """Bytes are stored."""
        self.driver.tell(TransferProgress(uid=UID, artifact="video", sent_bytes=sent_bytes, total_bytes=80))


def test_an_expired_url_is_replaced_at_once_and_the_same_upload_goes_on() -> None:
    scene = Scene()
    scene.progress(24)

    write = only(scene.driver.end(scene.recording, EXPIRED), WriteStatus)

    stalled = next(condition for condition in write.status["conditions"] if condition["type"] == "Stalled")
    assert stalled["status"] == "False", "nobody has to do anything"
    scene.written([write])

    assert len(scene.driver.started) == 2, "it did not start again"
    assert (scene.start.upload_id, scene.start.part_size_bytes) == ("u1", 8)
    assert rules_out(scene.start.known_source, scene.revision)
    assert (scene.state.attempts, scene.state.expired_since, scene.state.phase) == (0, None, Phase.UPLOADING)
    scene.resolved(fresh=True)
    scene.progress(80)
    scene.end(STORED)
    assert scene.recording.status.phase is Phase.COMPLETE


def test_a_fresh_url_that_has_expired_too_is_asked_for_again_each_minute_until_the_grace_is_over() -> None:
    scene = Scene(grace_s=5 * MINUTE)
    scene.end(EXPIRED)
    scene.resolved(fresh=True)
    scene.end(EXPIRED)
    assert (scene.state.reason, scene.state.attempts) == (Reason.SOURCE_EXPIRED, 0)
    assert scene.state.expired_since is not None

    tries = 0
    while scene.state.phase is not Phase.FAILED:
        assert none(scene.wait(MINUTE - 1), StartTransfer), "asked twice in a minute"
        scene.wait(1)
        scene.resolved(fresh=True)
        scene.end(EXPIRED)
        tries += 1

    assert tries == 5
    assert (scene.state.reason, scene.state.attempts) == (Reason.SOURCE_EXPIRED, 0)
    assert only(scene.driver.actions, AbortUpload).upload_id == "u1"


def test_without_a_grace_a_fresh_url_that_has_expired_too_is_the_end() -> None:
    scene = Scene(grace_s=0)
    scene.end(EXPIRED)
    assert scene.state.phase is Phase.UPLOADING
    scene.resolved(fresh=True)
    scene.end(EXPIRED)
    assert (scene.state.phase, scene.state.reason) == (Phase.FAILED, Reason.SOURCE_EXPIRED)


def test_the_grace_begins_anew_when_a_fresh_url_has_moved_bytes() -> None:
    scene = Scene(grace_s=MINUTE)
    scene.end(EXPIRED)
    scene.resolved(fresh=True)
    scene.end(EXPIRED)
    for sent in (8, 16, 24, 32, 40, 48):
        scene.wait(MINUTE)
        scene.resolved(fresh=True)
        scene.progress(sent)
        scene.end(EXPIRED)
        assert (scene.state.phase, scene.state.attempts) != (Phase.FAILED, 0)
    assert scene.state.attempts == 0


def test_the_provider_may_be_away_for_longer_than_the_grace() -> None:
    scene = Scene(grace_s=MINUTE)
    scene.end(EXPIRED)
    scene.end(failure(Reason.PROVIDER_UNAVAILABLE))
    asked = [action for action in scene.wait(3600) if isinstance(action, ResolveSource)]
    assert (scene.state.reason, scene.state.phase, scene.state.attempts) == (
        Reason.PROVIDER_UNAVAILABLE,
        Phase.PENDING,
        0,
    )
    assert not scene.driver.engine.state.slots.running, "it waits with a slot"
    assert len(asked) == 1, "asked again before it has responded"


def no_url(reason: Reason, *, message: str = "no URL", retry_after_s: float | None = None) -> SourceResolved:
    """A provider was asked, and gives no URL."""
    why = TransferFailed(reason=reason, message=message, retry_after_s=retry_after_s)
    return SourceResolved(uid=UID, artifact="video", revision=None, failure=why)


@pytest.mark.parametrize(
    ("reason", "longest_s"),
    [(Reason.PROVIDER_UNAVAILABLE, 300), (Reason.PROVIDER_DENIED, 60), (Reason.PROVIDER_SOURCE_MISSING, 60)],
)
def test_a_provider_that_gives_no_url_is_asked_ever_less_often_without_a_slot(reason: Reason, longest_s: int) -> None:
    scene = Scene(ALONE)
    scene.end(failure(reason))
    waits_s: list[float] = []
    for _ in range(9):
        before = scene.driver.now
        while none(scene.wait(5), ResolveSource):
            continue
        waits_s.append((scene.driver.now - before).total_seconds())
        scene.written(scene.driver.tell(no_url(reason)))
    assert waits_s[0] == 5
    assert waits_s[-1] == longest_s
    assert (scene.state.attempts, len(scene.driver.started)) == (0, 1)


def test_when_the_provider_responds_again_the_upload_resumes() -> None:
    scene = Scene()
    scene.end(EXPIRED)
    scene.end(failure(Reason.PROVIDER_DENIED))
    ask = only(scene.wait(5), ResolveSource)
    assert (ask.known_source or "").endswith("!"), "the old URL may be used again"
    scene.written(scene.driver.tell(SourceResolved(uid=UID, artifact="video", revision="a.b.c")))
    assert len(scene.driver.started) == 3
    assert (scene.start.upload_id, scene.state.attempts) == ("u1", 0)


def test_a_retry_after_of_the_provider_is_honoured() -> None:
    scene = Scene(ALONE)
    scene.end(TransferFailed(reason=Reason.PROVIDER_UNAVAILABLE, message="later", retry_after_s=90))
    assert none(scene.wait(89), ResolveSource)
    assert not none(scene.wait(1), ResolveSource)


def test_media_that_is_not_there_yet_spends_attempts() -> None:
    scene = Scene(ALONE)
    scene.end(failure(Reason.PROVIDER_HAS_NO_MEDIA))
    assert (scene.state.attempts, scene.state.reason) == (1, Reason.PROVIDER_HAS_NO_MEDIA)
    for _ in range(3):
        scene.wait(10 * MINUTE)
        scene.end(failure(Reason.PROVIDER_HAS_NO_MEDIA))
    assert (scene.state.phase, scene.state.reason) == (Phase.FAILED, Reason.PROVIDER_HAS_NO_MEDIA)


@pytest.mark.parametrize("reason", [Reason.SOURCE_FORBIDDEN, Reason.SOURCE_NOT_FOUND])
def test_a_source_that_only_refuses_is_asked_about_once(reason: Reason) -> None:
    scene = Scene()
    gone = replace(failure(reason), is_final=True)
    scene.end(gone)
    assert (scene.state.attempts, len(scene.driver.started)) == (0, 2)
    scene.resolved(fresh=True)
    scene.end(failure(reason))
    assert (scene.state.attempts, scene.state.reason) == (1, reason)
    scene.wait(2 * MINUTE)
    assert not (scene.start.known_source or "!").endswith("!"), "the fresh URL is not tried again"
    scene.end(failure(reason))
    assert scene.state.attempts == 2


def test_a_source_without_a_provider_waits_for_an_edit() -> None:
    driver = Driver()
    recording = moving(driver)
    write = only(driver.end(recording, EXPIRED), WriteStatus)
    assert write.status["reason"] == Reason.SOURCE_EXPIRED
    assert none(driver.wait(600), StartTransfer, ResolveSource)


def test_no_recording_fails_at_once_even_if_no_location_is_ready() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(), ready=False))
    failed = an_artifact(url=None, provider=a_provider(failure="BOT_NOT_ACCEPTED: The host did not admit the bot"))
    write = only(driver.tell(RecordingSeen(recording=a_recording(failed))), WriteStatus)
    assert (write.status["phase"], write.status["reason"]) == (Phase.FAILED, Reason.PROVIDER_FAILED)
    assert "BOT_NOT_ACCEPTED" in write.status["message"]


def test_a_file_that_comes_after_a_reported_failure_is_transferred() -> None:
    """As the receiver writes it: the URL instead of the failure, and another retryToken."""
    driver = Driver()
    driver.tell(LocationSeen(location=a_location(), ready=True))
    recording = a_recording(an_artifact(url=None, provider=a_provider(failure="BOT_NOT_ACCEPTED: not admitted")))
    recording = driver.accept(only(driver.tell(RecordingSeen(recording=recording)), WriteStatus), recording)
    assert recording.status.artifacts[0].phase is Phase.FAILED
    later = newer(recording, generation=1, artifacts=(an_artifact(),), retry_token="delivery-1")
    recording = driver.claimed(later)
    assert driver.started == ["video"]
    write = only(driver.end(recording), WriteStatus)
    assert write.status["phase"] == Phase.COMPLETE


def test_the_next_operator_does_not_use_a_refused_url_again() -> None:
    scene = Scene()
    scene.end(EXPIRED)
    scene.end(failure(Reason.PROVIDER_UNAVAILABLE))
    later = Driver(claim=scene.driver.engine.state.claim.model_copy(update={"transitions": 6}))
    ask = only(later.tell(RecordingSeen(recording=scene.recording)), ResolveSource)
    assert (ask.known_source or "").endswith("!")


def test_a_source_with_a_provider_is_not_last_in_the_queue_when_its_url_has_expired() -> None:
    one, other = Driver(), an_artifact(url="https://media.example.com/v?Expires=1", provider=a_provider())
    one.tell(RecordingSeen(recording=a_recording(other)))
    tracked = one.engine.state.recordings[UID]
    assert not tracked.expiry_of("video").stated


@pytest.mark.parametrize(("artifact", "has_expiry"), [(BACKED, True), (ALONE, False)], ids=["beside a URL", "alone"])
def test_what_expires_is_a_url_and_not_a_provider(artifact: ArtifactSpec, has_expiry: bool) -> None:
    scene = Scene(artifact)

    assert (scene.recording.status.expires_at is not None) is has_expiry


def test_a_url_that_is_rejected_again_within_the_minute_waits_for_the_next_one() -> None:
    scene = Scene()
    scene.end(EXPIRED)
    scene.resolved(fresh=True)
    scene.progress(24)

    scene.end(EXPIRED)

    assert (scene.state.phase, scene.state.reason) == (Phase.PENDING, Reason.REFRESHING_URL)
