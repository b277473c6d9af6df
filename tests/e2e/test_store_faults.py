"""Faults of a store in docs/faults.md, each with its own strict store, all at the same time, with the whole operator.

tests/transfer tests each fault alone. Here a Recording with each fault must be stored in the end or fail as the page
says, and the invariants must hold in every store.
"""

import base64
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from tests.support.invariants import check_uploads
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.recordings import MIB, Live, artifact_of, from_source
from tests.support.stored_invariants import check_objects
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import (
    Action,
    Drop,
    ErrorIn200,
    ErrorResponse,
    FalseSuccess,
    Fault,
    FlipBit,
    LoseUpload,
    Misjoin,
    Operation,
)
from tests.support.strict_store import StrictStore
from tests.support.strict_world import strict_world
from tests.support.transfers import pattern
from tests.support.world import World

pytestmark = pytest.mark.cluster

BODY = pattern(20 * MIB)  # three parts
COMPLETE: Operation = "CompleteMultipartUpload"
SCRIPTS: dict[str, tuple[Operation, Action, int]] = {
    "t1-slow-down": ("UploadPart", ErrorResponse(status=503, code="SlowDown"), 2),
    "t2-error-in-200": (COMPLETE, ErrorIn200(done=False), 1),
    "t2-error-in-200-done": (COMPLETE, ErrorIn200(done=True), 1),
    "t3-answer-lost": (COMPLETE, Drop(when="after"), 1),
    "t3-false-200": (COMPLETE, FalseSuccess(), 2),
    "t4-upload-lost": ("UploadPart", LoseUpload(), 1),
    "t8-part-arrives-wrong": ("UploadPart", FlipBit(), 2),
    "t8-part-always-wrong": ("UploadPart", FlipBit(), 7),
    "t9-joined-wrongly": (COMPLETE, Misjoin(fault="swap parts"), 1),
    "t11-counts-other-bytes": (COMPLETE, ErrorResponse(status=400, code="InvalidRequest"), 1),
    "t16-reset-in-a-part": ("UploadPart", Drop(when="in body", body_bytes=MIB), 2),
    "t30-key-disabled": ("UploadPart", ErrorResponse(status=400, code="KMS.DisabledException"), 1),
    "t30-unknown-code": ("CreateMultipartUpload", ErrorResponse(status=418, code="Surprise"), 1),
    "t32-retry-after": ("UploadPart", ErrorResponse(status=503, code="SlowDown", retry_after="2"), 1),
    "t22-quota": ("UploadPart", ErrorResponse(status=403, code="QuotaExceeded"), 1),
}


UNLIMITED = ("largest_body_bytes", math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault with its store and its Recording."""

    world: World
    strict: StrictStore
    source: LyingSource


class Cases:
    """Stores and sources of one test. `judge` checks every store."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world = world
        self._stack = stack
        self._made: list[Case] = []

    def make(self) -> Case:
        """A strict store with a location that is Ready, and a source."""
        strict = self._stack.enter_context(StrictStore())
        source = self._stack.enter_context(LyingSource(Content(body=BODY)))
        case = Case(world=strict_world(self._world, strict), strict=strict, source=source)
        self._made.append(case)
        return case

    def judge(self) -> None:
        """I1 to I4 in every store."""
        for case in self._made:
            check_uploads(case.world)
            check_objects(case.world)


@pytest.fixture
def cases(world: World) -> Iterator[Cases]:
    world.secrets.add(URL_CANARY)
    with ExitStack() as stack:
        made = Cases(world, stack)
        yield made
        made.judge()


def test_faults_of_a_store_that_pass_end_in_one_right_object(cases: Cases) -> None:
    made = {name: cases.make() for name in SCRIPTS}
    faults: dict[str, Fault] = {}
    recordings: dict[str, Live] = {}
    for name, case in made.items():
        case.world.wait_location("ProbeSucceeded")
        operation, action, times = SCRIPTS[name]
        faults[name] = Fault(operation=operation, action=action, times=times)
        case.strict.fault(faults[name])
        recordings[name] = case.world.create(from_source(case.source), name=name)
    for name, recording in recordings.items():
        recording.wait_phase("Complete", reason="Stored", within_s=120)
        assert faults[name].met > 0, f"{name} met nobody"


@pytest.mark.parametrize(
    ("name", "spoil", "mend"),
    [
        ("t12-clock", lambda s: setattr(s, "clock_offset", timedelta(hours=1)), lambda s: s.clock_offset),
        ("t13-rights", lambda s: s.denied.add("UploadPart"), lambda s: s.denied.clear()),
        ("t14-bucket", lambda s: setattr(s, "bucket_name", "gone"), lambda s: s.bucket_name),
        ("t29-proxy", lambda s: setattr(s, "largest_body_bytes", MIB), lambda s: setattr(s, *UNLIMITED)),
    ],
    ids=["t12", "t13", "t14", "t29"],
)
def test_t12_t13_t14_t29_the_locations_faults_spend_no_attempt(
    cases: Cases, name: str, spoil: Callable[[StrictStore], None], mend: Callable[[StrictStore], object]
) -> None:
    case = cases.make()
    case.world.wait_location("ProbeSucceeded")
    bucket_name = case.strict.bucket_name
    case.source.behave = lambda request: _spoil_at(request.number, case.strict, spoil)
    recording = case.world.create(from_source(case.source), name=name)
    refusals = ("StoreDenied", "StoreUnsupported", "LocationNotReady")
    recording.wait(lambda status: status.get("reason") in refusals, what="a refusal")
    if name == "t29-proxy":  # the probe's own bodies are small: it sends what the transfer could not
        case.world.wait_location("StoreUnsupported")
    mend(case.strict)
    case.strict.clock_offset, case.strict.bucket_name = timedelta(0), bucket_name
    assert recording.wait_phase("Complete", within_s=60)["attempts"] == 0


def _spoil_at(number: int, strict: StrictStore, spoil: Callable[[StrictStore], None]) -> Behaviour:
    if number == 2:
        spoil(strict)
    return Behaviour()


def test_t19_a_foreign_object_that_comes_in_between(cases: Cases) -> None:
    case = cases.make()
    case.source.behave = lambda request: Behaviour(hold_after=MIB if request.number > 1 else None)
    recording = case.world.create(from_source(case.source, stored=False), name="t19")
    recording.wait_upload()
    key = str(artifact_of(recording.status(), "video")["key"])
    foreign = Attributes(content_type="text/plain", metadata={}, headers={})
    case.strict.bucket.put(key, b"somebody else's", foreign, if_absent=True)
    case.world.foreign_keys.add(key)
    case.source.release.set()
    assert recording.wait_phase("Failed", within_s=60)["reason"] == "StoreKeyConflict"
    assert [version.body for version in case.strict.bucket.versions[key]] == [b"somebody else's"]


def test_t23_rotated_keys_go_on_with_the_same_upload(cases: Cases) -> None:
    case = cases.make()
    case.world.wait_location("ProbeSucceeded")
    case.source.behave = lambda request: _spoil_at(
        request.number, case.strict, lambda strict: setattr(strict, "secret_key", "rotated-in-mid-upload")
    )
    recording = case.world.create(from_source(case.source), name="t23")
    recording.wait(lambda status: status.get("reason") in ("StoreDenied", "LocationNotReady"), what="a refusal")
    patch = {"data": {"AWS_SECRET_ACCESS_KEY": base64.b64encode(b"rotated-in-mid-upload").decode()}}
    path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets/{case.world.location}"
    case.world.admin.request("PATCH", path, body=patch, content_type="application/merge-patch+json")
    assert recording.wait_phase("Complete", within_s=60)["attempts"] == 0
    assert len(recording.upload_ids()) == 1
