"""LiveKit: where a file is, for every form of location that its storage library writes.

The forms are those of `location_test.go` in livekit/storage, and the ones of older versions, which encoded nothing.
"""

import pytest

from recording_operator.providers.livekit_locations import UnsupportedLocation, stored_object
from recording_operator.providers.provider import ProviderObject


@pytest.mark.parametrize(
    ("location", "filename", "bucket", "key"),
    [
        ("https://mybucket.s3.amazonaws.com/foo.mp4", "foo.mp4", "mybucket", "foo.mp4"),
        ("https://mybucket.s3.eu-west-2.amazonaws.com/a/b/c.mp4", "a/b/c.mp4", "mybucket", "a/b/c.mp4"),
        ("https://my.bucket.s3-us-west-2.amazonaws.com/a.mp4", "a.mp4", "my.bucket", "a.mp4"),
        ("https://mybucket.s3.amazonaws.com/foo.mp4", "/foo.mp4", "mybucket", "foo.mp4"),
        (
            "https://mybucket.s3.amazonaws.com/folder/my%20file.mp4",
            "folder/my file.mp4",
            "mybucket",
            "folder/my file.mp4",
        ),
        ("https://mybucket.s3.amazonaws.com/caf%C3%A9/r.mp4", "café/r.mp4", "mybucket", "café/r.mp4"),
        ("https://mybucket.s3.amazonaws.com/100%25.mp4", "100%25.mp4", "mybucket", "100%25.mp4"),
        (
            "https://mybucket.s3.amazonaws.com/folder/my  file.mp4",
            "folder/my  file.mp4",
            "mybucket",
            "folder/my  file.mp4",
        ),
        ("https://mybucket.s3.amazonaws.com/prefix/a.mp4", "a.mp4", "mybucket", "prefix/a.mp4"),
        ("https://mybucket.s3.example.com/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("https://s3.amazonaws.com/mybucket/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("https://s3.eu-west-2.amazonaws.com/mybucket/a/b.mp4", "", "mybucket", "a/b.mp4"),
        ("https://minio.example.com/mybucket/foo.mp4", "foo.mp4", "mybucket", "foo.mp4"),
        ("https://minio.example.com/mybucket/100%25.mp4", "100%25.mp4", "mybucket", "100%25.mp4"),
        ("http://127.0.0.1:9000/mybucket/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("http://127.0.0.1:9000/a.mp4", "a.mp4", None, "a.mp4"),
        ("https://mybucket.storage.googleapis.com/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("https://storage.googleapis.com/mybucket/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("https://mybucket.oss-eu-central-1.aliyuncs.com/a.mp4", "a.mp4", "mybucket", "a.mp4"),
        ("s3://mybucket/a/b.mp4", "a/b.mp4", "mybucket", "a/b.mp4"),
        ("gs://mybucket/a/b.mp4", "", "mybucket", "a/b.mp4"),
        ("https://mybucket.s3.amazonaws.com/what?.mp4", "what?.mp4", "mybucket", "what?.mp4"),
        ("https://mybucket.s3.amazonaws.com/what%3F.mp4", "what?.mp4", "mybucket", "what?.mp4"),
        ("https://mybucket.s3.amazonaws.com/a/#1 50%.mp4", "/a/#1 50%.mp4", "mybucket", "a/#1 50%.mp4"),
        ("https://mybucket.s3.amazonaws.com/prefix/a?b#c.mp4", "a?b#c.mp4", "mybucket", "prefix/a?b#c.mp4"),
        ("https://mybucket.s3.example.com/a?/b.mp4", "a?/b.mp4", "mybucket", "a?/b.mp4"),
        ("https://s3.amazonaws.com/mybucket/a/b?.mp4", "a/b?.mp4", "mybucket", "a/b?.mp4"),
        ("https://s3.amazonaws.com/mybucket/prefix/b?.mp4", "b?.mp4", "mybucket", "prefix/b?.mp4"),
        ("https://minio.example.com/mybucket/#%25.mp4", "#%25.mp4", "mybucket", "#%25.mp4"),
        ("https://minio.example.com/mybucket/%23.mp4", "#.mp4", "mybucket", "#.mp4"),
        ("https://mybucket.s3.amazonaws.com/a.mp4?versionId=1", "a.mp4", "mybucket", "a.mp4"),
        ("s3://mybucket/a/b?#.mp4", "a/b?#.mp4", "mybucket", "a/b?#.mp4"),
        ("/out/acme/a?.mp4", "/out/acme/a?.mp4", None, "out/acme/a?.mp4"),
        ("/out/acme/a.mp4", "/out/acme/a.mp4", None, "out/acme/a.mp4"),
        ("file:///out/a%20b.mp4", "", None, "out/a b.mp4"),
        ("", "acme/a.mp4", None, "acme/a.mp4"),
    ],
)
def test_location(location: str, filename: str, bucket: str | None, key: str) -> None:
    assert stored_object(location, filename) == ProviderObject(bucket=bucket, key=key)


@pytest.mark.parametrize(
    ("location", "filename", "words"),
    [
        ("https://acct.blob.core.windows.net/out/a.mp4", "a.mp4", "Azure Blob Storage"),
        ("https://ACCT.BLOB.core.usgovcloudapi.net/out/a.mp4", "a.mp4", "Azure Blob Storage"),
        ("https://[::1/a.mp4", "a.mp4", "not a URL"),
        ("", "", "name no store accepts"),
        ("https://mybucket.s3.amazonaws.com/", "", "name no store accepts"),
        ("", "a\nb", "name no store accepts"),
        ("", "é" * 513, "name no store accepts"),
    ],
)
def test_unsupported_location(location: str, filename: str, words: str) -> None:
    with pytest.raises(UnsupportedLocation, match=words) as raised:
        stored_object(location, filename)
    assert "a.mp4" not in str(raised.value)
