"""A signed delivery becomes a Recording, with a real API server and the receiver's own rights."""

import base64

import pytest

from localcluster.receiverprocess import ReceiverProcess
from tests.receiver.conftest import SOURCE, Meetings
from tests.receiver.sending import BOT, SIGNATURE, completed, url

pytestmark = pytest.mark.cluster


def test_a_signed_delivery_becomes_a_recording(receiver: ReceiverProcess, meetings: Meetings) -> None:
    reply = meetings.send(receiver, completed())
    assert (reply.status, reply.body) == (200, b"{}")
    [recording] = meetings.recordings()
    assert recording["metadata"]["name"] in meetings.cluster.kubectl("get", "recordings", "-n", meetings.namespace)
    assert recording["metadata"]["labels"] == {"recordings.dev/source": SOURCE}
    assert recording["metadata"]["annotations"]["recordings.dev/provider-id"] == BOT
    assert recording["spec"]["owner"] == {"org": "acme"}
    video, audio = recording["spec"]["artifacts"]
    name = recording["metadata"]["name"]
    assert (video["name"], video["kind"], video["optional"]) == ("video", "Video", False)
    assert video["source"]["urlSecretRef"] == {"name": name, "key": "video"}
    assert (audio["name"], audio["optional"]) == ("audio", True)
    secret = meetings.secrets()[name]
    assert base64.b64decode(secret["data"]["video"]).decode() == url("video.mp4")
    [owner] = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Recording", recording["metadata"]["uid"])
    assert SIGNATURE not in str(recording)
    assert SIGNATURE not in receiver.log_text()
