"""A StorageLocation that does not work or does not admit a namespace: Recordings wait, spend no attempt, continue."""

import pytest

from localcluster import Credentials, S3Server
from localcluster.install import OPERATOR_NAMESPACE
from tests.support.recordings import MIB, Live, artifact_of, from_media
from tests.support.world import World

pytestmark = pytest.mark.cluster

SOON_S = 60.0  # what a person who repaired something may have to wait


def spent_nothing(recording: Live) -> bool:
    """Whether no attempt was ever counted."""
    return all(version.get("status", {}).get("attempts", 0) == 0 for version in recording.versions())


def test_wrong_credentials_then_fixed(world: World) -> None:
    wrong = Credentials(access_key=world.s3.root.access_key, secret_key="CANARY-not-the-key")
    name = world.make_location(credentials=wrong)
    world.secrets.add(wrong.secret_key)
    recording = world.create(from_media(world.media), location=name)

    status = recording.wait_phase("Pending", reason="LocationNotReady")
    assert name in status["message"]
    assert world.wait_location("CredentialsInvalid", name=name)["status"] == "False"
    world.put_secret(name, {"AWS_SECRET_ACCESS_KEY": world.s3.root.secret_key}, namespace=OPERATOR_NAMESPACE)

    recording.wait_phase("Complete", within_s=SOON_S)
    assert spent_nothing(recording)
    assert world.wait_location("ProbeSucceeded", name=name)["status"] == "True"


def test_credentials_revoked_and_given_back_during_an_upload(world: World, s3: S3Server) -> None:
    user = Credentials(access_key=f"user-{world.namespace}", secret_key="CANARY-of-a-user")
    s3.create_user(user)
    everything = ("s3:*",)
    s3.allow(user, bucket=world.bucket, actions=everything)
    name = world.make_location(credentials=user)
    world.secrets.add(user.secret_key)
    recording = world.create(from_media(world.media, size_bytes=64 * MIB, rate="2MB"), location=name)
    upload = recording.wait_upload()

    s3.allow(user, bucket=world.bucket, actions=("s3:ListBucket",))
    recording.wait(lambda status: status["reason"] in ("StoreDenied", "LocationNotReady"), what="denied")
    world.wait_location("AccessDenied", name=name)
    s3.allow(user, bucket=world.bucket, actions=everything)

    recording.wait_phase("Complete", within_s=SOON_S)
    assert spent_nothing(recording)
    assert recording.upload_ids() == {upload}, "it did not go on where it stopped"


def test_missing_then_created(world: World) -> None:
    later = f"{world.namespace}-1"  # the name that the next location of this test gets
    recording = world.create(from_media(world.media), location=later)

    status = recording.wait_phase("Pending", reason="LocationNotFound")
    assert later in status["message"]
    assert {c["type"]: c["status"] for c in status["conditions"]}["Stalled"] == "True"
    assert world.make_location() == later

    recording.wait_phase("Complete", within_s=SOON_S)
    assert spent_nothing(recording)


def test_bucket_missing_then_created(world: World, s3: S3Server) -> None:
    later = f"{world.bucket}-later"
    name = world.make_location(spec={"s3": {"bucket": later}})
    recording = world.create(from_media(world.media), location=name)

    recording.wait_phase("Pending", reason="LocationNotReady")
    world.wait_location("BucketNotFound", name=name)
    s3.create_bucket(later, versioned=True)
    world.bucket = later

    recording.wait_phase("Complete", within_s=SOON_S)
    assert spent_nothing(recording)


def test_namespace_admitted_by_name_or_by_label_later(world: World) -> None:
    by_name = world.make_location(spec={"allowedNamespaces": {}})
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "somebody-else"}}
    by_label = world.make_location(spec={"allowedNamespaces": {"selector": selector}})
    named = world.create(from_media(world.media), name="named", location=by_name)
    labelled = world.create(from_media(world.media), name="labelled", location=by_label)

    for recording in (named, labelled):
        status = recording.wait_phase("Pending", reason="LocationNotAllowed")
        assert world.namespace in status["message"]
    world.edit_location(by_name, allowedNamespaces={"names": [world.namespace]})
    selector = {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}}
    world.edit_location(by_label, allowedNamespaces={"selector": selector})

    for recording in (named, labelled):
        recording.wait_phase("Complete", within_s=SOON_S)
        assert spent_nothing(recording)


def test_store_killed_and_started_during_an_upload(world: World, s3: S3Server) -> None:
    recording = world.create(from_media(world.media, size_bytes=48 * MIB, rate="6MB"))
    upload = recording.wait_upload()

    s3.kill()
    s3.start()

    status = recording.wait_phase("Complete", within_s=SOON_S)
    assert spent_nothing(recording)
    assert recording.upload_ids() == {upload}
    assert artifact_of(status, "video")["bytesDone"] == 48 * MIB
