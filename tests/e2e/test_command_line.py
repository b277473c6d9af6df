"""`kubectl recordings watch`, `status` and `wait`, while an operator uploads from a slow source."""

import pytest

from recording_operator.cli.recordings.row import row_of
from tests.cli.conftest import PROGRAM, Person
from tests.support.recordings import MIB, from_media
from tests.support.terminal import Terminal
from tests.support.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def test_an_upload_is_watched_shown_and_waited_for(world: World) -> None:
    person = Person(kubeconfig=world.cluster.kubeconfig, namespace=world.namespace)
    live = world.create(from_media(world.media, size_bytes=24 * MIB, rate="1MB"), name="standup", title="Weekly sync")
    here = ("-n", world.namespace)
    with (
        Terminal([PROGRAM, "watch", *here], env=person.environment, columns=200) as screen,
        Terminal([PROGRAM, "wait", "standup", "--for", "stored", *here], env=person.environment) as wait,
    ):
        screen.wait_for("MB/s")
        screen.wait_for("█")  # a tenth of the bytes
        assert "Weekly sync" in screen.text
        wait.wait_for("Waiting for standup Uploading, ")
        shown = person.output("status", "standup", *here)
        assert "/s on average in " in shown
        assert f"of {row_of(live.read()).size}" in shown
        live.wait_phase("Complete", within_s=120)
        screen.wait_for("1 complete")
        assert wait.wait_exit() == 0
        assert wait.text == "recording.recordings.dev/standup stored"
    shown = person.output("status", "standup", *here)
    assert "Reason      Stored: Every artifact is in the store and was verified there.\n" in shown
    assert "verified: the CRC64NVME that the store computed matches\n" in shown
    assert "Stored" in shown.partition("Events\n")[2]
    assert f"s3://{world.bucket}/" in shown
