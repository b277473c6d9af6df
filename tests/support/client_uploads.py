"""A client that sends a file in parts, as a browser does: by presigned URLs, or into a directory by the store."""

import hashlib
import http.client
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.errors import StoreError
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.presigning import PresignedPart

HOUR = timedelta(hours=1)


def put_part(made: PresignedPart, body: bytes, **headers: str) -> int:
    """PUT the bytes to the URL with its headers, and with others in their place. Returns the status."""
    to = urlsplit(made.url)
    connection = http.client.HTTPConnection(to.netloc, timeout=30)
    try:
        given = {**made.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request("PUT", f"{to.path}?{to.query}", body=body, headers=given)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def send_part(store: LocationStore, key: str, upload_id: str, number: int, body: bytes) -> None:
    """Send one part through the door that the store has."""
    try:
        made = store.presign_part(
            key,
            upload_id,
            part_number=number,
            size_bytes=len(body),
            expires=HOUR,
            md5=hashlib.md5(body, usedforsecurity=False).digest(),
        )
    except StoreError as error:
        if error.reason is not Reason.STORE_UNSUPPORTED:
            raise
        store.upload_part(key, upload_id, part_number=number, body=BufferedPart(body))
        return
    status = put_part(made, body)
    if status != 200:
        raise ConnectionError(f"part {number}: status {status}")


def send_file(
    store: LocationStore, key: str, upload_id: str, body: bytes, *, part_size: int, only: Iterable[int] | None = None
) -> None:
    """Send all parts of the file, or only some."""
    count = -(-len(body) // part_size)
    for number in range(1, count + 1) if only is None else only:
        send_part(store, key, upload_id, number, body[(number - 1) * part_size : number * part_size])
