"""Every fault of a source in docs/faults.md, all at the same time, with the whole operator and the invariants.

tests/transfer tests each fault alone. Here a Recording with each fault must end as the page says, while all the others
run too.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.recordings import MIB, Bytes, Live, from_source
from tests.support.transfers import pattern
from tests.support.world import World

pytestmark = pytest.mark.cluster

BODY = pattern(9 * MIB)  # two parts
STORED = ("Complete", "Stored")
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
PAGE = b"<!doctype html><title>Sign in</title>"
Behave = Callable[[SourceRequest], Behaviour]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault: how the source behaves, and the phase and reason that follow."""

    behave: Behave
    ends: tuple[str, str]
    spec: dict[str, object] = field(default_factory=dict)
    body: bytes = BODY


def only(number: int, behaviour: Behaviour) -> Behave:
    """One request meets it."""
    return lambda request: behaviour if request.number == number else Behaviour()


def after_first(behaviour: Behaviour) -> Behave:
    """All but the first meet it."""
    return lambda request: Behaviour() if request.number == 1 else behaviour


def version(number: int) -> Content:
    """Other bytes with another ETag."""
    return Content(body=pattern(len(BODY), seed=number), etag=f'"v{number}"')


def cut_at(request: SourceRequest, place: int) -> Behaviour:
    """Never a byte beyond `place`."""
    first, last = request.first_byte or 0, request.last_byte or 0
    return Behaviour(cut_after=max(0, place - first) if last >= place else None)


ROWS: dict[str, Row] = {
    "s1-cut": Row(behave=only(2, Behaviour(cut_after=3 * MIB)), ends=STORED),
    "s1-reset": Row(behave=only(3, Behaviour(cut_after=17, reset=True)), ends=STORED),
    "s2-cut-at-the-same-byte": Row(behave=lambda r: cut_at(r, 5 * MIB), ends=("Failed", "SourceTruncated")),
    "s3-longer": Row(behave=lambda _: Behaviour(extra=b"x", headers={"Connection": "close"}), ends=STORED),
    "s4-other-size": Row(behave=lambda _: Behaviour(), ends=("Failed", "SizeMismatch"), spec={"size": 5}),
    "s5-chunked": Row(behave=lambda _: Behaviour(ranges=False, framing="chunked"), ends=STORED),
    "s6-chunked-cut": Row(
        behave=lambda r: Behaviour(ranges=False, framing="chunked without end" if r.number == 2 else "chunked"),
        ends=STORED,
    ),
    "s7-closed": Row(
        behave=lambda _: Behaviour(ranges=False, framing="close"), ends=("Failed", "IntegrityUnverifiable")
    ),
    "s7-closed-early-size-known": Row(
        behave=lambda r: Behaviour(ranges=False, framing="close", cut_after=MIB if r.number == 2 else None),
        ends=STORED,
        spec={"size": len(BODY)},
    ),
    "s8-no-ranges-cut": Row(
        behave=lambda r: Behaviour(ranges=False, cut_after=8 * MIB + 5 if r.number == 2 else None), ends=STORED
    ),
    "s9-whole-for-range": Row(behave=lambda r: Behaviour(ranges=r.number <= 2), ends=STORED),
    "s9-other-range": Row(
        behave=only(2, Behaviour(headers={"Content-Range": f"bytes 7-99/{len(BODY)}"})), ends=STORED
    ),
    "s9-page-for-range": Row(
        behave=after_first(Behaviour(ranges=False, body=PAGE, framing="chunked", headers={"ETag": None})),
        ends=("Failed", "UnexpectedContent"),
    ),
    "s11-changes-ever": Row(behave=lambda r: Behaviour(content=version(r.number)), ends=("Failed", "SourceChanged")),
    "s13-redirects": Row(
        behave=lambda r: Behaviour(status=302, headers={"Location": r.target}), ends=("Failed", "SourceRedirectLimit")
    ),
    "s14-to-metadata": Row(
        behave=lambda _: Behaviour(status=302, headers={"Location": "http://169.254.169.254/latest"}),
        ends=("Failed", "SourceBlocked"),
    ),
    "s16-no-answer-once": Row(behave=only(2, Behaviour(no_answer=True)), ends=STORED),
    "s17-stands-still-once": Row(behave=only(2, Behaviour(hold_after=MIB)), ends=STORED),
    "s18-not-found": Row(behave=lambda _: Behaviour(status=404), ends=("Pending", "SourceNotFound")),
    "s18-gone": Row(behave=lambda _: Behaviour(status=410), ends=("Failed", "SourceNotFound")),
    "s18-late": Row(behave=only(1, Behaviour(status=404)), ends=STORED),
    "s19-forbidden": Row(behave=lambda _: Behaviour(status=403, body=b"no"), ends=("Pending", "SourceForbidden")),
    "s20-expired": Row(
        behave=lambda _: Behaviour(status=403, body=EXPIRED), ends=("Pending", "SourceExpired")
    ),
    "s21-expires-in-mid-upload": Row(
        behave=lambda r: Behaviour(status=403, body=EXPIRED) if r.number > 2 else Behaviour(),
        ends=("Pending", "SourceExpired"),
    ),
    "s23-retry-after": Row(behave=only(1, Behaviour(status=429, headers={"Retry-After": "1"})), ends=STORED),
    "s24-away": Row(behave=lambda r: Behaviour(status=503 if r.number in (1, 3) else None), ends=STORED),
    "s26-login-page": Row(
        behave=lambda _: Behaviour(body=PAGE, ranges=False, headers={"Content-Type": "text/html"}),
        ends=("Failed", "UnexpectedContent"),
    ),
    "s27-empty": Row(behave=lambda _: Behaviour(), ends=("Pending", "SourceEmpty"), body=b""),
    "s27-empty-as-meant": Row(behave=lambda _: Behaviour(), ends=STORED, body=b"", spec={"size": 0}),
    "s30-get-only": Row(
        behave=lambda r: Behaviour() if r.method == "GET" else Behaviour(status=403), ends=STORED
    ),
    "s32-works-once": Row(behave=after_first(Behaviour(status=403)), ends=("Pending", "SourceForbidden")),
    "s42-published-late": Row(
        behave=lambda r: Behaviour(status=404) if r.number <= 4 else Behaviour(), ends=STORED
    ),
    "s42-not-ready": Row(behave=lambda _: Behaviour(status=202), ends=("Pending", "SourceNotReady")),
    "s44-no-ranges-after-all": Row(
        behave=lambda r: Behaviour() if r.first_byte is None else Behaviour(status=416), ends=STORED
    ),
    "s47-expired-in-other-words": Row(
        behave=lambda _: Behaviour(status=400, body=b'{"message":"jwt expired"}'), ends=("Pending", "SourceExpired")
    ),
}  # fmt: skip


def test_every_fault_of_a_source_ends_as_the_docs_say(world: World) -> None:
    world.secrets.add(URL_CANARY)
    with ExitStack() as sources:
        recordings: dict[str, Live] = {}
        for name, row in ROWS.items():
            source = sources.enter_context(LyingSource(Content(body=row.body)))
            source.behave = row.behave
            artifact = from_source(source, stored=row.ends == STORED)
            artifact.spec["source"] |= row.spec
            recordings[name] = world.create(artifact, name=name)
        seen = {}
        for name, row in ROWS.items():
            status = recordings[name].wait(
                lambda status, ends=row.ends: (  # type: ignore[misc]
                    status.get("phase") in ("Complete", "Failed") or (status.get("phase"), status.get("reason")) == ends
                ),
                what="its end",
                within_s=90,
            )
            seen[name] = (status["phase"], status["reason"])
        assert seen == {name: row.ends for name, row in ROWS.items()}


def test_s11_s15_s20_s28_s31_that_go_on_elsewhere(world: World) -> None:
    world.secrets.add(URL_CANARY)
    narrow = world.make_location(spec={"limits": {"maxArtifactSize": "8Mi"}})
    with ExitStack() as stack:

        def serve(behave: Behave) -> LyingSource:
            source = stack.enter_context(LyingSource(Content(body=BODY)))
            source.behave = behave
            return source

        changed = world.create(
            from_source(serve(lambda r: Behaviour(content=version(1 if r.number <= 2 else 2)))), name="s11-changes-once"
        )
        world.expected[changed.uid].artifacts["video"] = Bytes.of(version(2).body)
        there = serve(lambda _: Behaviour())
        here = serve(lambda _: Behaviour(status=302, headers={"Location": there.url}))
        redirected = world.create(from_source(here), name="s15-elsewhere")
        large = world.create(from_source(there, stored=False), name="s28-too-large", location=narrow)
        expired = world.create(from_source(serve(ROWS["s21-expires-in-mid-upload"].behave)), name="s20-fresh-url")
        nameless = from_source(there)
        nameless.spec["source"]["url"] = f"http://nowhere.invalid:{there.port}/x?signature={URL_CANARY}"
        unresolved = world.create(nameless, name="s31-no-such-name")

        expired.wait_phase("Pending", reason="SourceExpired")
        expired.edit_source(url=there.url)
        unresolved.wait_phase("Pending", reason="SourceUnresolvable", within_s=60)
        unresolved.edit_source(url=there.url)

        assert large.wait_ended()["reason"] == "SourceTooLarge"
        for recording in (changed, redirected, expired, unresolved):
            recording.wait_phase("Complete", within_s=60)
