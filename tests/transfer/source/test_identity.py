"""Which URLs name the same source: a signature only grants access, all other parameters belong to the source."""

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.transfer.source.identity import source_identity
from tests.support.transfers import fails

HERE = "https://media.example.com/a/video.mp4"
SIGNATURES = {
    "AWS version 4": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F1&X-Amz-Date=20261121T000000Z"
    "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={}&X-Amz-Security-Token={}",
    "AWS version 2": "AWSAccessKeyId=A&Expires={}&Signature={}",
    "CloudFront": "Expires={}&Signature={}&Key-Pair-Id=K{}",
    "CloudFront, with a policy": "Policy={}&Signature={}&Key-Pair-Id=K",
    "Google version 4": "X-Goog-Algorithm=a&X-Goog-Credential=c&X-Goog-Date={}&X-Goog-Expires=9&X-Goog-Signature={}",
    "Google version 2": "GoogleAccessId=a&Expires={}&Signature={}",
    "Azure": "sv=2026-01-01&st={}&se={}&sr=b&sp=r&sig={}",
    "Alibaba": "OSSAccessKeyId=a&Expires={}&Signature={}",
    "Tencent": "q-sign-algorithm=sha1&q-ak=a&q-sign-time={}&q-key-time={}&q-signature={}",
    "Akamai": "hdnea=exp={}~acl=/*~hmac={}",
    "a token": "token={}&expires={}",
    "an access token": "access_token={}",
    "nothing known": "sig={}&ts={}",
}


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("content", ["", "id=42", "id=42&part=1"])
def test_t37_a_fresh_signature_is_the_same_source(signature: str, content: str) -> None:
    first, second = (
        f"{HERE}?" + "&".join(filter(None, [content, SIGNATURES[signature].format(mark, mark, mark)]))
        for mark in ("one", "two")
    )
    assert first != second
    assert source_identity(first) == source_identity(second) == (f"{HERE}?{content}" if content else HERE)


@pytest.mark.parametrize(
    "other",
    [
        f"{HERE}?id=43",
        f"{HERE}?id=42&id=43",
        f"{HERE}?ID=42",
        f"{HERE}?id=42&versionId=2",
        f"{HERE}?id=42&e=2",  # without a signature beside it, an episode
        f"{HERE}?id=42&st=30",
        f"{HERE}?id=42&x-oss-process=image/resize",
        HERE,
        f"{HERE}/?id=42",
        "https://media.example.com/A/video.mp4?id=42",
        "https://other.example.com/a/video.mp4?id=42",
        "https://media.example.com:8443/a/video.mp4?id=42",
        "http://media.example.com/a/video.mp4?id=42",
    ],
)
def test_t37_everything_else_is_another_source(other: str) -> None:
    assert source_identity(other) != source_identity(f"{HERE}?id=42")


@pytest.mark.parametrize(
    "same",
    [
        "HTTPS://MEDIA.example.com/a/video.mp4?id=42&part=1",
        "https://media.example.com:443/a/video.mp4?id=42&part=1",
        f"{HERE}?part=1&id=42",
        f"{HERE}?id=42&part=1&",
        f"{HERE}?id=42&part=1&X-AMZ-SIGNATURE=x",
        f"{HERE}?id=42&part=1&%58-Amz-Signature=x",
    ],
)
def test_t37_the_same_source_in_another_spelling(same: str) -> None:
    assert source_identity(same) == source_identity(f"{HERE}?id=42&part=1")


@pytest.mark.parametrize(
    "url", ["", "media.example.com/a", "https://", "https://u:p@h/x", "https://h/x#y", "ftp://h/x"]
)
def test_an_invalid_url_has_no_identity(url: str) -> None:
    assert fails(lambda: source_identity(url)).reason is Reason.SOURCE_INVALID
