"""A client that sends the file of a Recording, and says so in its spec."""

from typing import Any

from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.client_uploads import send_file
from tests.support.recordings import MIB, Live, artifact_of, media_body
from tests.support.world import World

PART = 8 * MIB
"""The size of the parts of small files."""
SMALL = media_body("video.mp4", MIB)
LARGE = media_body("video.mp4", 2 * PART + 1234)
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>" * 100


class Client:
    """A client with the store's own way to send parts."""

    def __init__(self, store: LocationStore) -> None:
        self.store = store

    def send(self, live: Live, body: bytes, **only: Any) -> str:
        """Wait for the upload, and send the file, or only some of its parts. Returns the upload's id."""
        status = live.wait_phase("Pending", reason="WaitingForUpload")
        artifact = artifact_of(status, "video")
        assert "uploadExpiresAt" in artifact
        send_file(self.store, artifact["key"], artifact["uploadId"], body, part_size=artifact["partSize"], **only)
        return str(artifact["uploadId"])

    def finish(self, live: Live, body: bytes, **fields: Any) -> None:
        """Say that everything is sent."""
        [artifact] = live.spec["artifacts"]
        finish = {"size": len(body), **fields}
        live.edit_source(upload={**artifact["source"]["upload"], "finish": finish})

    def upload(self, live: Live, body: bytes, **fields: Any) -> str:
        """Send the file and say so."""
        upload_id = self.send(live, body)
        self.finish(live, body, **fields)
        return upload_id


def client_of(world: World) -> Client:
    """A client of the test's bucket."""
    keys = StoreCredentials(access_key_id=world.s3.root.access_key, secret_access_key=world.s3.root.secret_key)
    options = S3Options(bucket=world.bucket, endpoint=world.s3.endpoint, path_style=True, credentials=keys)
    return Client(S3LocationStore(options))
