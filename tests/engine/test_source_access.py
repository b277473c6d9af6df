"""Artifacts that are copied from objects of a store: who may name which key, and what they wait for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase, Recording
from recording_operator.api.storagelocation import AllowedNamespaces, LabelSelector
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.engine.actions import ReadNamespace, StartTransfer, WriteStatus
from recording_operator.engine.facts import (
    AbortEnded,
    LocationGone,
    LocationSeen,
    NamespaceSeen,
    RecordingSeen,
    TransferFailed,
)
from recording_operator.engine.imports import opens
from recording_operator.engine.source_revision import spec_revision
from tests.engine.builders import a_location, a_recording, an_artifact, uid_of
from tests.engine.driver import Driver, newer, none, only

OWN = "egress/team-a/7.mp4"
CLOSED = (
    "video: StorageLocation egress does not open the key in source.object to namespace team-a. Ask its owner to add a "
    "prefix to spec.imports, or correct the key."
)


def egress(*imports: str, ready: bool = True, **fields: object) -> LocationSeen:
    """The location that holds the objects."""
    location = a_location("egress", imports=imports or ("egress/{namespace}/",), **fields)  # type: ignore[arg-type]
    return LocationSeen(location=location, ready=ready, message="no answer")


def recording(key: str = OWN, **fields: object) -> Recording:
    return a_recording(an_artifact(key=key), **fields)  # type: ignore[arg-type]


def waiting(driver: Driver, one: Recording) -> Recording:
    """The Recording as it waits, with its status as the API server has it."""
    actions = driver.tell(RecordingSeen(recording=one))
    assert none(actions, StartTransfer)
    return driver.accept(only(actions, WriteStatus), one)


def test_an_open_key_starts_like_a_url_and_the_order_names_the_location_of_both_ends() -> None:
    driver = Driver()
    driver.tell(egress())

    driver.claimed(recording())

    action = only(driver.actions, StartTransfer)
    order = TransferOrder.of(action)
    assert order.source is None
    assert order.inline is None
    assert order.copy is not None
    assert order.copy.owner_uid is None
    assert (
        order.location,
        order.copy.location,
        order.copy.location_uid,
        order.copy.key,
    ) == (
        "archive",
        "egress",
        "location-egress",
        OWN,
    )
    assert TransferOrder.from_json(order.to_json()) == order


@pytest.mark.parametrize(
    "key",
    [
        "egress/team-b/7.mp4",
        "egress/team-ab/7.mp4",
        "egress/7.mp4",
        "egress/team-a",
        "egress/team-a/",
        "other/egress/team-a/7.mp4",
        "EGRESS/team-a/7.mp4",
        "p/meeting-recordings/acme/-/00000002-0000-4000-8000-000000000000/video.mp4",
        "p/.recording-operator/owner.json",
        "egress/{namespace}/7.mp4",
    ],
)
def test_a_key_that_no_prefix_opens_waits_and_says_so_without_repeating_it(key: str) -> None:
    driver = Driver()
    driver.tell(egress())

    waits = waiting(driver, recording(key))

    assert (waits.status.phase, waits.status.reason, waits.status.message) == (
        Phase.PENDING,
        Reason.IMPORT_NOT_ALLOWED,
        CLOSED,
    )
    assert {one.type: one.status.value for one in waits.status.conditions}["Stalled"] == "True"
    assert waits.status.attempts == 0
    assert none(driver.wait(24 * 3600), StartTransfer)


def test_by_default_a_location_opens_nothing() -> None:
    driver = Driver()
    driver.tell(LocationSeen(location=a_location("egress"), ready=True))

    assert waiting(driver, recording()).status.reason == Reason.IMPORT_NOT_ALLOWED


def test_the_operators_own_objects_are_never_open() -> None:
    location = a_location("egress", imports=("p/",))

    assert opens(location, "p/a.mp4", namespace="team-a")
    assert not opens(location, "p/.recording-operator/owner.json", namespace="team-a")


def test_a_prefix_without_the_namespace_is_open_to_all_that_the_location_admits() -> None:
    driver = Driver()
    driver.tell(egress("shared/", namespaces=["team-b"]))

    waits = waiting(driver, recording("shared/7.mp4"))
    assert waits.status.reason == Reason.LOCATION_NOT_ALLOWED
    assert waits.status.message == (
        "video: StorageLocation egress does not admit namespace team-a. Ask its owner to add it to "
        "spec.allowedNamespaces."
    )
    assert only(driver.tell(egress("shared/")), WriteStatus).status["reason"] == Reason.UPLOADING


@given(st.text("abc-/", max_size=12), st.sampled_from(["a", "b", "a-b"]), st.sampled_from(["a", "b", "a-b"]))
def test_a_prefix_with_the_namespace_never_opens_the_folder_of_another(rest: str, own: str, other: str) -> None:
    location = a_location("egress", imports=("in/{namespace}/",))

    assert opens(location, f"in/{other}/{rest}", namespace=own) == (own == other and rest != "")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, egress(), Reason.LOCATION_NOT_FOUND),
        (egress(ready=False), egress(), Reason.LOCATION_NOT_READY),
        (egress("other/"), egress(), Reason.IMPORT_NOT_ALLOWED),
        (egress(namespaces=["team-b"]), egress(), Reason.LOCATION_NOT_ALLOWED),
    ],
)
def test_it_waits_for_the_location_of_the_object_and_starts_when_that_changes(
    before: LocationSeen | None, after: LocationSeen, reason: Reason
) -> None:
    driver = Driver()
    driver.tell(*([before] if before else []))

    waits = waiting(driver, recording())
    assert (waits.status.phase, waits.status.reason, waits.status.attempts) == (Phase.PENDING, reason, 0)

    driver.accept(only(driver.tell(after), WriteStatus), waits)
    assert only(driver.actions, StartTransfer).artifact == "video"


def test_the_labels_of_the_namespace_decide_and_are_read_again() -> None:
    gold = egress(allowed=AllowedNamespaces(selector=LabelSelector(match_labels={"tier": "gold"})))
    driver = Driver()
    driver.tell(gold)
    assert only(driver.tell(RecordingSeen(recording=recording())), ReadNamespace).namespace == "team-a"

    write = only(driver.tell(NamespaceSeen(namespace="team-a", labels={})), WriteStatus)
    assert write.status["reason"] == Reason.LOCATION_NOT_ALLOWED
    waits = driver.accept(write, recording())
    assert only(driver.wait(61), ReadNamespace)

    write = only(driver.tell(NamespaceSeen(namespace="team-a", labels={"tier": "gold"})), WriteStatus)
    driver.accept(write, waits)
    assert driver.started == ["video"]


@pytest.mark.parametrize("change", [egress("other/"), egress(namespaces=[]), LocationGone(name="egress")])
def test_a_key_that_is_closed_between_admission_and_start_is_not_read(change: LocationSeen | LocationGone) -> None:
    driver = Driver()
    driver.tell(egress())
    write = only(driver.tell(RecordingSeen(recording=recording())), WriteStatus)  # a slot is reserved

    driver.tell(change)
    driver.accept(write, recording())

    assert driver.started == []
    assert not driver.engine.state.slots.running


def test_other_artifacts_do_not_wait_for_it() -> None:
    driver = Driver()
    driver.tell(egress("other/"))

    driver.claimed(a_recording(an_artifact("audio"), an_artifact("video", key=OWN)))

    assert driver.started == ["audio"]


def test_an_object_that_is_not_there_yet_is_tried_again_after_2_5_and_10_minutes() -> None:
    driver = Driver()
    driver.tell(egress())
    one = driver.claimed(recording())

    for minutes, attempt in ((2, 1), (5, 2), (10, 3)):
        driver.end(one, TransferFailed(reason=Reason.SOURCE_NOT_FOUND, message="no object"))
        write = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]
        assert write.status["artifacts"][0]["attempts"] == attempt
        one = driver.accept(write, one)
        started = len(driver.started)
        assert none(driver.wait(minutes * 60 - 2), StartTransfer)
        driver.wait(4)
        write = [action for action in driver.actions if isinstance(action, WriteStatus)][-1]
        one = driver.accept(write, one)
        assert len(driver.started) == started + 1


def test_another_key_starts_again_with_all_attempts() -> None:
    driver = Driver()
    driver.tell(egress())
    one = driver.claimed(recording())
    driver.end(one, TransferFailed(reason=Reason.UNEXPECTED_CONTENT, message="a page"))
    failed = driver.accept([action for action in driver.actions if isinstance(action, WriteStatus)][-1], one)
    assert failed.status.phase is Phase.FAILED
    driver.tell(AbortEnded(uid=one.metadata.uid, artifact="video", ok=True))

    other = recording("egress/team-a/8.mp4").spec
    edited = newer(failed, artifacts=other.artifacts)
    write = only(driver.tell(RecordingSeen(recording=edited)), WriteStatus)

    assert write.status["artifacts"][0].get("attempts", 0) == 0
    driver.accept(write, edited)
    assert driver.started == ["video", "video"]


def test_an_object_does_not_expire() -> None:
    driver = Driver()
    driver.tell(egress("other/"))

    assert waiting(driver, recording()).status.expires_at is None


def test_revisions_of_urls_that_earlier_versions_wrote_stay_the_same() -> None:
    assert spec_revision(uid_of(1), an_artifact()) == "63f880e0d8c94078"
    assert spec_revision(uid_of(1), an_artifact(key="a")) != spec_revision(uid_of(1), an_artifact(key="b"))


def test_a_location_that_was_created_again_with_the_same_name_is_not_read() -> None:
    """The order names the uid that the engine has admitted; the keeper of locations compares it."""
    driver = Driver()
    driver.tell(egress())
    driver.claimed(recording())

    order = TransferOrder.of(only(driver.actions, StartTransfer))

    assert order.copy is not None
    assert order.copy.location_uid == "location-egress"
