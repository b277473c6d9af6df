"""No log line contains a secret."""

import io
import json
import logging
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.masking import MARK
from recording_operator.kube.connection import Connection, NoToken
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.rest import RestClient
from recording_operator.logs import Redactor, configure_logging, redact_shapes

CANARY = "c4n4ry51gn4tur3"

_fragments = st.sampled_from(
    [
        *(
            "https://",
            "user:",
            "pw@",
            "host.example",
            "/path",
            "?",
            "&",
            "=",
            "#",
            ":",
            " ",
            "\n",
            '"',
            "'",
            "{",
            "}",
            "[",
        ),
        *(
            "]",
            ",",
            ";",
            MARK,
            "[",
            "redacted",
            "Bearer ",
            "Basic ",
            "Authorization",
            "Cookie",
            "token",
            "X-Amz-Signature",
        ),
        *(
            "AKIAIOSFODNN7EXAMPLE",  # pragma: allowlist secret
            "eyJhbGciOi.eyJzdWIi.c2ln",
            "-----BEGIN PRIVATE KEY-----",  # pragma: allowlist secret
            "secret",
            "password",
            "AWS4-HMAC-SHA256",
        ),
        CANARY,
    ]
)
_texts = st.lists(st.one_of(_fragments, st.text(max_size=8)), max_size=14).map("".join)


@given(text=_texts, values=st.lists(_texts, max_size=3))
def test_redacting_twice_changes_nothing(text: str, values: list[str]) -> None:
    redactor = Redactor()
    for value in values:
        redactor.register(value)
    once = redactor.redact(text)
    assert redactor.redact(once) == once


@given(before=_texts, after=_texts)
def test_a_registered_value_is_found_anywhere(before: str, after: str) -> None:
    redactor = Redactor()
    redactor.register(CANARY)
    assert CANARY not in redactor.redact(before + CANARY + after)


@given(text=st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), max_size=60))
def test_plain_words_stay(text: str) -> None:
    sentence = "Uploaded artifact video of Recording r in 3 s: " + text.replace("eyJ", "")
    assert Redactor().redact(sentence) == sentence or "AKIA" in sentence.upper() or "ASIA" in sentence.upper()


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://h.example/v.mp4?X-Amz-Signature={CANARY}&x=1 failed",
        f"Max retries exceeded with url: /v.mp4?X-Amz-Credential=a&X-Amz-Signature={CANARY} (Caused by x)",
        f"https://user:{CANARY}@h.example/",
        f"https://{CANARY}@h.example/",
        f"https://h.example/#{CANARY}",
        f"https://h.example?{CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"authorization: Custom scheme {CANARY}",
        f"{{'Authorization': 'Bearer {CANARY}', 'Accept': '*/*'}}",
        f"AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature={CANARY}",
        f"Cookie: a=b; session={CANARY}",
        f'{{"aws_secret_access_key": "{CANARY} with spaces"}}',
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"https://h.blob.example/x sig={CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",  # pragma: allowlist secret
        f"the token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOi{CANARY}.{CANARY} was refused",
        f"x-api-key: {CANARY}",
        f"password={CANARY}",
    ],
)
def test_secrets_are_known_by_their_shape(text: str) -> None:
    assert CANARY not in redact_shapes(text)


def test_keys_of_aws_are_known_by_their_shape() -> None:
    assert redact_shapes("key AKIAIOSFODNN7EXAMPLE of x") == f"key {MARK} of x"  # pragma: allowlist secret


def test_a_redacted_text_is_still_useful() -> None:
    text = f"GET https://h.example/v.mp4?sig={CANARY} answered 403"
    assert redact_shapes(text) == f"GET https://h.example/v.mp4?{MARK} answered 403"


def test_only_the_last_values_are_remembered_and_short_ones_never() -> None:
    redactor = Redactor(remembered=2)
    for value in ("first-value", "second-value", "third-value", "the", "redact"):
        redactor.register(value)
    assert redactor.redact("first-value second-value third-value the redact") == f"first-value {MARK} {MARK} the redact"


@pytest.fixture
def logged(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Configures logging into a string, and puts everything back as it was."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook, logging.raiseExceptions)
    showwarning = warnings.showwarning
    stream, redactor = io.StringIO(), Redactor()
    redactor.register("registered-c4n4ry")
    configure_logging(redactor=redactor, log_format=request.param, stream=stream)
    yield stream
    logging.captureWarnings(False)
    warnings.showwarning = showwarning
    root.handlers[:], level, sys.excepthook, threading.excepthook, logging.raiseExceptions = before
    root.setLevel(level)


@pytest.mark.parametrize("logged", ["json", "text"], indirect=True)
def test_messages_arguments_fields_and_tracebacks_are_redacted(logged: io.StringIO) -> None:
    log = logging.getLogger("recording_operator.test")
    url = f"https://h.example/v?sig={CANARY}"
    try:
        raise ValueError(f"cannot read {url} with registered-c4n4ry")
    except ValueError:
        log.exception("Failed: %s", {"url": url}, extra={"artifact": f"https://h.example/?{CANARY}"})
    log.warning("with wrong %s %s", "arguments")  # noqa: PLE1206 - the fault that is tested
    log.info("said", stack_info=True)

    text = logged.getvalue()
    assert CANARY not in text
    assert "registered-c4n4ry" not in text
    assert "cannot read https://h.example/v?[redacted]" in text
    assert "wrong arguments at test_logs" in text


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_json_lines_are_whole_and_carry_what_they_are_about(logged: io.StringIO) -> None:
    extra = {"namespace": "team", "recording": "r", "uid": "u-1", "artifact": "video", "reason": "SourceExpired"}
    logging.getLogger("recording_operator.test").info(
        'Quoted "text" of https://h.example/x?y="z"\nsecond line',
        extra=extra,
    )

    (line,) = lines_of(logged)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "recording_operator.test",
        "message": f'Quoted "text" of https://h.example/x?{MARK}"z"\nsecond line',
        "namespace": "team",
        "recording": "r",
        "uid": "u-1",
        "artifact": "video",
        "reason": "SourceExpired",
    }


@pytest.mark.parametrize("logged", ["text"], indirect=True)
def test_c6_control_characters_are_shown_and_not_obeyed(logged: io.StringIO) -> None:
    logging.getLogger("recording_operator.test").info(
        "red \x1b[31m and a forged\n2026-01-01T00:00:00Z ERROR line\x07\x9b"
    )
    text = logged.getvalue()
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_libraries_are_quiet_about_their_requests(logged: io.StringIO) -> None:
    for name in ("requests", "botocore.auth", "kubernetes.client.rest", "aiohttp.client"):
        logging.getLogger(name).info("GET /?%s", CANARY)
        logging.getLogger(name).warning("something is wrong with %s", name)
    assert [line["level"] for line in lines_of(logged)] == ["WARNING"] * 4


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_attempts_to_reach_an_unavailable_api_server_are_not_reported(logged: io.StringIO) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = RestClient(Connection(server=f"http://127.0.0.1:{port}", namespace="team", token=NoToken()))
    for _ in range(5):
        with pytest.raises(ApiUnavailable):
            client.request("GET", "/version")
    assert lines_of(logged) == []


@pytest.mark.parametrize("logged", ["json"], indirect=True)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_ends_a_thread_is_logged_redacted(logged: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError(f"https://h.example/?{CANARY}")

    thread = threading.Thread(target=fail, name="worker-3")
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)

    in_thread, in_main = lines_of(logged)
    assert in_thread["message"] == "Thread worker-3 ended because of an error"
    assert in_main["level"] == "CRITICAL"
    assert CANARY not in logged.getvalue()
    assert "ValueError" in in_thread["error"]


@pytest.mark.parametrize("logged", ["json"], indirect=True)
def test_warnings_of_python_are_logged(logged: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"https://h.example/?{CANARY}", UserWarning, stacklevel=1)
    assert lines_of(logged)[0]["logger"] == "py.warnings"
    assert CANARY not in logged.getvalue()


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
