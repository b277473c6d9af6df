"""Parts that the store has already are not sent again."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recording_operator.checksums import crc64nvme, to_base64
from recording_operator.cli.uploading.console import ConsoleClient
from recording_operator.cli.uploading.sending import FileSender, LocalFile
from recording_operator.cli.verb import Failure

BODY = b"a part"
BEFORE, AFTER = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))


def sender(folder: Path, *, md5_etags: bool) -> FileSender:
    """It cannot send anything: there is no console."""
    path = folder / "film.mp4"
    path.write_bytes(BODY)
    client = ConsoleClient(
        url="http://nowhere.invalid", token="", namespace="a", recording="b", uid="c", artifact="video"
    )
    return FileSender(
        client=client,
        file=LocalFile.of(path),
        upload_id="u",
        part_size_bytes=10,
        md5_etags=md5_etags,
        parallel=1,
        show=lambda _: None,
    )


MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
OTHER = "f" * 32


@pytest.mark.parametrize(
    ("known", "md5_etags", "same"),
    [
        ({"ETag": MD5, "LastModified": BEFORE}, True, True),
        ({"ETag": OTHER, "LastModified": AFTER}, True, False),
        ({"ETag": OTHER, "LastModified": AFTER}, False, True),
        ({"ETag": OTHER, "LastModified": BEFORE}, False, False),
        ({"ETag": OTHER, "LastModified": None}, False, False),
        ({"ETag": OTHER, "LastModified": AFTER, "Size": 5}, False, False),
        ({"ETag": OTHER, "ChecksumCRC64NVME": to_base64(crc64nvme(BODY))}, True, True),
        ({"ETag": OTHER, "LastModified": AFTER, "ChecksumCRC64NVME": to_base64(1)}, False, False),
    ],
)
def test_what_counts_as_sent(tmp_path: Path, known: dict[str, Any], md5_etags: bool, same: bool) -> None:
    at = known.get("LastModified")
    listed = {1: {"Size": len(BODY), **known, "LastModified": None if at is None else at.isoformat()}}
    sending = sender(tmp_path, md5_etags=md5_etags)
    if same:
        assert sending.send(listed) == crc64nvme(BODY)
    else:
        with pytest.raises(Failure, match="does not respond"):
            sending.send(listed)
