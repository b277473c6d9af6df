"""Zoom: fresh URLs by Server-to-Server OAuth."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.provider import ProviderError
from recording_operator.providers.zoom import Zoom, path_segment, token_server
from tests.providers.deliveries import ALL_KINDS, TIME, ScriptedApi, later, options

CREDENTIALS = {"accountId": "acc_TEST", "clientId": "client", "clientSecret": "s3cret\n"}  # pragma: allowlist secret
TOKEN = {"access_token": "whole-account", "token_type": "bearer", "expires_in": 3599}
FILES: list[dict[str, Any]] = [
    {
        "id": "f-1",
        "file_type": "MP4",
        "recording_type": "active_speaker",
        "status": "completed",
        "download_url": "https://zoom.example.test/rec/download/f-1",
    },
]


def api(*responses: Any) -> ScriptedApi:
    return ScriptedApi(responses=list(responses), credentials=CREDENTIALS, endpoint=Zoom.default_endpoint)


def test_the_urls_come_with_the_token_of_this_recording() -> None:
    only_this = jwt.encode({"exp": TIME + 3600}, "k" * 32, algorithm="HS256")
    zoom = api(TOKEN, {"uuid": "u", "recording_files": FILES, "download_access_token": only_this})
    (media,) = Zoom().fetch_media("u", zoom, ALL_KINDS)
    assert (media.name, media.url, media.is_main) == ("video", "https://zoom.example.test/rec/download/f-1", True)
    assert media.headers == {"Authorization": f"Bearer {only_this}"}
    assert media.expires_at == later(3600)
    assert Zoom().fetch_media("u", api(TOKEN, {"recording_files": FILES}), options(ArtifactKind.AUDIO)) == ()


def test_the_requests_are_as_zoom_documents_them() -> None:
    zoom = api(TOKEN, {"recording_files": FILES})
    (media,) = Zoom().fetch_media("abc==", zoom, ALL_KINDS)
    token, files = zoom.requests
    assert (token.method, token.endpoint, token.path) == ("POST", "https://zoom.us", "/oauth/token")
    assert parse_qs(token.body.decode()) == {"grant_type": ["account_credentials"], "account_id": ["acc_TEST"]}
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(token.headers["Authorization"].removeprefix("Basic ")) == b"client:s3cret"
    assert files.method == "GET"
    assert files.path.startswith("/v2/meetings/abc%3D%3D/recordings?include_fields=download_access_token")
    assert files.headers == {"Authorization": "Bearer whole-account"}
    # Without a token of its own, Zoom's pages recommend the access token.
    assert media.headers == {"Authorization": "Bearer whole-account"}


@pytest.mark.parametrize(
    ("uuid", "segment"),
    [
        ("abc==", "abc%3D%3D"),
        ("a+b/c", "a%2Bb%2Fc"),
        ("/abc", "%252Fabc"),
        ("a//b", "a%252F%252Fb"),
        ("a/../b", "a%2F..%2Fb"),
    ],
)
def test_the_uuid_is_one_segment_of_the_path(uuid: str, segment: str) -> None:
    assert path_segment(uuid) == segment
    assert re.fullmatch(r"[A-Za-z0-9%._-]+", segment)
    assert unquote(unquote(segment)) == uuid


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://api.zoom.us", "https://zoom.us"),
        ("https://api.zoomgov.com", "https://zoomgov.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_token_server_is_beside_the_api(endpoint: str, expected: str) -> None:
    assert token_server(endpoint) == expected


@pytest.mark.parametrize("name", ["accountId", "clientId", "clientSecret"])
@pytest.mark.parametrize("value", ["", " \n"])
def test_a_missing_credential_is_named(name: str, value: str) -> None:
    zoom = ScriptedApi(responses=[], credentials=CREDENTIALS | {name: value})
    with pytest.raises(ProviderError, match=name) as raised:
        Zoom().fetch_media("u", zoom, ALL_KINDS)
    assert raised.value.reason is Reason.PROVIDER_DENIED


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Reason.PROVIDER_HAS_NO_MEDIA, Reason.PROVIDER_DENIED),
        (Reason.PROVIDER_DENIED, Reason.PROVIDER_DENIED),
        (Reason.PROVIDER_UNAVAILABLE, Reason.PROVIDER_UNAVAILABLE),
    ],
)
def test_the_token_server_responds_with_400_to_wrong_credentials(seen: Reason, expected: Reason) -> None:
    with pytest.raises(ProviderError) as raised:
        Zoom().fetch_media("u", api(ProviderError(seen, "zoom.us responded with status 400.")), ALL_KINDS)
    assert raised.value.reason is expected


def test_a_denial_of_the_token_server_is_about_the_credentials() -> None:
    denied = ProviderError(Reason.PROVIDER_DENIED, "zoom.us responded with status 403.", only_this_recording=True)
    with pytest.raises(ProviderError) as raised:
        Zoom().fetch_media("u", api(denied), ALL_KINDS)
    assert (raised.value.reason, raised.value.only_this_recording) == (Reason.PROVIDER_DENIED, False)


@pytest.mark.parametrize("response", [{}, [], {"access_token": "a\r\nb"}])
def test_a_response_without_a_token_is_an_outage(response: Any) -> None:
    with pytest.raises(ProviderError) as raised:
        Zoom().fetch_media("u", api(response), ALL_KINDS)
    assert raised.value.reason is Reason.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize(
    "response", [None, [], {"recording_files": [FILES[0] | {"download_url": "ftp://zoom.example.test"}]}]
)
def test_an_unreadable_list_has_no_media(response: Any) -> None:
    with pytest.raises(ProviderError) as raised:
        Zoom().fetch_media("u", api(TOKEN, response), ALL_KINDS)
    assert raised.value.reason is Reason.PROVIDER_HAS_NO_MEDIA
    assert "example.test" not in raised.value.message


@pytest.mark.parametrize("response", [{}, {"recording_files": "none"}, {"recording_files": [1, None]}])
def test_a_response_without_files_has_no_media(response: Any) -> None:
    assert Zoom().fetch_media("u", api(TOKEN, response), ALL_KINDS) == ()
