"""Sources that misbehave: the status, the bytes, and what is kept for the next attempt."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localcluster.pki import CertificateAuthority
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.recordings import MIB, Bytes, Live, artifact_of, from_source
from tests.support.transfers import pattern
from tests.support.world import World

pytestmark = pytest.mark.cluster

BODY = pattern(20 * MIB)  # three parts
PART = 8 * MIB
PROBE = 2**16
Behave = Callable[[SourceRequest], Behaviour]
ServeBehaving = Callable[[Behave], LyingSource]


@pytest.fixture(autouse=True)
def canary(world: World) -> None:
    world.secrets.add(URL_CANARY)


@pytest.fixture
def serve() -> Iterator[ServeBehaving]:
    """Starts sources of BODY with this behaviour. They end with the test."""
    with ExitStack() as sources:

        def start(behave: Behave) -> LyingSource:
            source = sources.enter_context(LyingSource(Content(body=BODY)))
            source.behave = behave
            return source

        yield start


def first(count: int, behaviour: Behaviour) -> Behave:
    """The first requests meet this, the others the truth."""
    return lambda request: behaviour if request.number <= count else Behaviour()


LATE: dict[str, tuple[str, Behave]] = {
    "not-found": ("SourceNotFound", lambda _: Behaviour(status=404, body=b"no such file")),
    "unauthorised": ("SourceForbidden", lambda _: Behaviour(status=401, body=b"who are you?")),
    "forbidden": ("SourceForbidden", lambda _: Behaviour(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")),
    "empty": ("SourceEmpty", lambda _: Behaviour(body=b"", ranges=False)),
}
REFUSALS: dict[str, tuple[str, Behave]] = {
    "gone": ("SourceNotFound", lambda _: Behaviour(status=410, body=b"")),
    "login-page": (
        "UnexpectedContent",
        lambda _: Behaviour(headers={"Content-Type": "text/html"}, body=b"<!doctype html><p>log in", ranges=False),
    ),
    "endless-redirect": ("SourceRedirectLimit", lambda r: Behaviour(status=302, headers={"Location": r.target})),
}


def test_rejections_fail_at_once_with_their_reason(world: World, serve: ServeBehaving) -> None:
    recordings: dict[str, Live] = {}
    for name, (_, behave) in REFUSALS.items():
        recordings[name] = world.create(from_source(serve(behave), stored=False), name=name)

    ended = {name: recording.wait_ended() for name, recording in recordings.items()}

    seen = {name: (status["phase"], status["reason"], status["attempts"]) for name, status in ended.items()}
    assert seen == {name: ("Failed", reason, 0) for name, (reason, _) in REFUSALS.items()}
    assert all(status["message"] and "127.0.0.1" in status["message"] for status in ended.values()), ended
    for name, (reason, _) in REFUSALS.items():
        world.wait_events(name, reason, only_warnings=True)


def test_s42_content_that_may_be_late_is_retried_and_fails_after_the_delays(world: World, serve: ServeBehaving) -> None:
    world.edit_location(retry={"delays": ["1s"]})
    recordings: dict[str, Live] = {}
    for name, (_, behave) in LATE.items():
        recordings[name] = world.create(from_source(serve(behave), stored=False), name=name)

    ended = {name: recording.wait_ended(within_s=120) for name, recording in recordings.items()}

    seen = {name: (status["phase"], status["reason"], status["attempts"]) for name, status in ended.items()}
    assert seen == {name: ("Failed", reason, 2) for name, (reason, _) in LATE.items()}


def test_trouble_that_passes_spends_no_attempt(world: World, serve: ServeBehaving) -> None:
    troubles: dict[str, Behave] = {
        "unavailable": first(3, Behaviour(status=503, body=b"busy")),
        "told-to-wait": first(1, Behaviour(status=429, headers={"Retry-After": "2"}, body=b"")),
        "published-late": first(1, Behaviour(status=404, body=b"")),
        "no-ranges": lambda _: Behaviour(ranges=False),
        "chunked": lambda _: Behaviour(ranges=False, framing="chunked"),
        "cut": lambda request: Behaviour(cut_after=3 * MIB + 17 if request.number == 3 else None),
        "cut-without-ranges": lambda request: Behaviour(
            ranges=False, cut_after=9 * MIB if request.number == 2 else None
        ),
        "reset": lambda request: Behaviour(cut_after=MIB if request.number == 2 else None, reset=True),
        "no-validator": lambda _: Behaviour(headers={"ETag": None}),
    }
    sources = {name: serve(behave) for name, behave in troubles.items()}
    recordings = {name: world.create(from_source(source), name=name) for name, source in sources.items()}

    ended = {name: recording.wait_ended() for name, recording in recordings.items()}

    seen = {name: (status["phase"], status["reason"], status["attempts"]) for name, status in ended.items()}
    assert seen == dict.fromkeys(troubles, ("Complete", "Stored", 0)), ended
    assert sources["cut"].bytes_sent <= len(BODY) + PART + PROBE, "more than one part was read again"


def test_content_that_changes_is_restarted_once(world: World, serve: ServeBehaving) -> None:
    other = Content(body=pattern(20 * MIB, seed=2), etag='"v2"')
    # The probe and one range are of the old content.
    once = serve(lambda request: Behaviour(content=other if request.number > 2 else None))
    ever = serve(
        lambda request: Behaviour(
            content=Content(body=pattern(len(BODY), seed=request.number), etag=f'"{request.number}"')
        )
    )
    changed = world.create(from_source(once), name="once")
    world.expected[changed.uid].artifacts["video"] = Bytes.of(other.body)
    changing = world.create(from_source(ever, stored=False), name="ever")

    changed.wait_phase("Complete")
    assert changing.wait_ended()["reason"] == "SourceChanged"


def test_expectations_of_the_spec_and_the_location(world: World, serve: ServeBehaving) -> None:
    narrow = world.make_location(spec={"limits": {"maxArtifactSize": "19Mi"}})
    expectations: dict[str, dict[str, object]] = {
        "SizeMismatch": {"size": len(BODY) - 1},
        "ChecksumMismatch": {"checksum": f"sha256:{'0' * 64}"},
        "SourceTooLarge": {},
    }
    recordings = {}
    for reason, expectation in expectations.items():
        artifact = from_source(serve(lambda _: Behaviour()), stored=False)
        artifact.spec["source"] |= expectation
        location = narrow if reason == "SourceTooLarge" else world.location
        recordings[reason] = world.create(artifact, name=reason.lower(), location=location)

    seen = {reason: recording.wait_ended()["reason"] for reason, recording in recordings.items()}

    assert seen == {reason: reason for reason in expectations}


def test_after_all_attempts_it_fails_and_a_retry_token_starts_again(
    world: World, serve: ServeBehaving, tmp_path: Path
) -> None:
    world.edit_location(retry={"delays": ["1s", "1s"]})
    with LyingSource(Content(body=BODY), tls=_self_signed(tmp_path)) as source:
        recording = world.create(from_source(source))

        status = recording.wait_phase("Failed", reason="SourceTLSError")
        assert status["attempts"] == 3
        assert "nextRetryTime" not in status
        seen = [version.get("status", {}) for version in recording.versions()]
        waiting = {(one["phase"], one["reason"]) for one in seen if one.get("nextRetryTime")}
        assert waiting == {("Pending", "SourceTLSError")}

        recording.edit(retryToken="again")
        status = recording.wait(
            lambda status: (status["phase"], status.get("lastRetryToken")) == ("Failed", "again"),
            what="it is tried again, and fails again",
        )
        anew = [version.get("status", {}).get("attempts") for version in recording.versions()[len(seen) :]]
        assert 1 in anew, "the attempts did not begin anew"
        assert (status["attempts"], status["reason"]) == (3, "SourceTLSError")

    recording.edit_source(url=serve(lambda _: Behaviour()).url)

    status = recording.wait_phase("Complete")
    assert status["attempts"] == 0
    assert artifact_of(status, "video")["bytesDone"] == len(BODY)


def _self_signed(folder: Path) -> ssl.SSLContext:
    authority = CertificateAuthority(folder)
    authority.issue("source", user="source", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("source.crt"), authority.path("source.key"))
    return context
