"""Error documents of other stores and gateways: the code is found in every format."""

from collections.abc import Callable

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.error_documents import made_plain
from recording_operator.stores.s3.probe.prober import probe
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.scripted_store import Connection, a_scripted_store
from tests.support.transfers import fails

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
FORMS = {
    "plain": "<Error><Code>{code}</Code><Message>m</Message></Error>",
    "declared": '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>',
    "namespace": f"<Error {NAMESPACE}><Code>{{code}}</Code><Message>m</Message></Error>",
    "prefixed": '<s3:Error xmlns:s3="urn:x"><s3:Code>{code}</s3:Code></s3:Error>',
    "blank lines before the declaration": '\r\n\n<?xml version="1.0"?><Error><Code>{code}</Code></Error>\n',
    "wrapped": "<ErrorResponse xmlns='urn:x'><Error><Type>Sender</Type><Code>{code}</Code></Error></ErrorResponse>",
    "repeated": "<Error><Code>{code}</Code><Code>Another</Code></Error>",
    "comment": "<Error><!-- why --><Code> {code} </Code></Error>",
    "nested": "<Error><Code><b>{code}</b></Code></Error>",
}


class ListParts:
    """The handler's arguments for the operation."""

    name = "ListParts"


def response(status: int, body: str) -> bytes:
    """An error as it goes over the wire."""
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def store_at(port: int) -> S3Store:
    """A client of the scripted store."""
    keys = StoreCredentials(access_key_id="AKIATEST", secret_access_key="test-secret-key")
    return S3Store(
        S3Options(bucket="recordings", endpoint=f"http://127.0.0.1:{port}", path_style=True, credentials=keys)
    )


def refused_by(answer: bytes) -> StoreError:
    """What the response to ListParts becomes."""
    with a_scripted_store([lambda connection: connection.answer(answer)]) as scripted:
        with pytest.raises(StoreError) as caught:
            store_at(scripted.port).list_parts("a", "upload-1")
        return caught.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "RequestTimeTooSkewed", Reason.CLOCK_SKEW),
        (403, "SignatureDoesNotMatch", Reason.CREDENTIALS_INVALID),
        (400, "AccessDenied", Reason.ACCESS_DENIED),
        (404, "NoSuchUpload", Reason.STORE_UPLOAD_LOST),
    ],
)
def test_t30_the_code_counts_in_whichever_form_the_document_comes(
    form: str, status: int, code: str, reason: Reason
) -> None:
    error = refused_by(response(status, FORMS[form].format(code=code)))
    assert error.location_reason is reason
    assert error.code == code


@pytest.mark.parametrize(
    "body", ["", "<html><body>Error</body></html>", '{"error": "no"}', "<Error><Code>Acc", "\x00\x01", "<a/>", "<"]
)
def test_t30_without_an_error_document_the_http_status_is_reported(body: str) -> None:
    error = refused_by(response(403, body))
    assert error.location_reason is Reason.ACCESS_DENIED
    assert "(ListParts: 403)." in error.message


@pytest.mark.parametrize("form", sorted(FORMS.keys() - {"wrapped"}))
def test_t30_an_error_behind_status_200_is_an_error_in_every_form(form: str) -> None:
    came = {"status_code": 200, "body": FORMS[form].format(code="InternalError").encode()}
    made_plain(response_dict=came, operation_model=ListParts())
    assert came["status_code"] == 500
    assert b"<Code>InternalError</Code>" in came["body"]  # type: ignore[operator]


def test_t30_a_result_is_left_as_it_is() -> None:
    body = f"<ListPartsResult {NAMESPACE}><Part><Error>1</Error></Part></ListPartsResult>".encode()
    came = {"status_code": 200, "body": body}
    made_plain(response_dict=came, operation_model=ListParts())
    assert came == {"status_code": 200, "body": body}


PAGE = "<!DOCTYPE html><html><body>We are back soon.</body></html>"
NO_RESULTS = {"a page": PAGE, "nothing": "", "another document": "<Welcome/>"}


def answers_everything(connection: Connection) -> None:
    """A gateway that responds instead of the store: 200 and a page, to every request."""
    while True:
        connection.answer(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n\r\n{PAGE}".encode())


@pytest.mark.parametrize("body", NO_RESULTS.values(), ids=NO_RESULTS)
@pytest.mark.parametrize(
    "asked",
    [
        lambda store: list(store.uploads("a")),
        lambda store: store.list_parts("a", "upload-1"),
        lambda store: list(store.objects("a")),
        lambda store: store.may_list("a"),
    ],
)
def test_t33_a_page_in_place_of_a_listing_is_not_an_empty_listing(
    body: str, asked: Callable[[S3Store], object]
) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with a_scripted_store([lambda connection: connection.answer(answer)]) as scripted:
        error = fails(lambda: asked(store_at(scripted.port)))
    assert error.reason is Reason.STORE_UNAVAILABLE
    assert "cannot be read" in error.message


def test_t33_a_page_in_place_of_an_object_is_not_an_object_of_another() -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n".encode()
    with a_scripted_store([lambda connection: connection.answer(answer)]) as scripted:
        error = fails(lambda: store_at(scripted.port).head("a"))
    assert error.reason is Reason.STORE_UNAVAILABLE


def test_t33_a_page_in_place_of_a_stored_part_stores_no_part() -> None:
    with a_scripted_store([answers_everything]) as scripted:
        store = store_at(scripted.port).adapted(Capabilities())
        part = BufferedPart(b"part")
        error = fails(lambda: store.upload_part("a", "upload-1", part_number=1, body=part))
    assert error.reason is Reason.STORE_UNAVAILABLE


def test_t60_a_gateway_that_responds_for_the_store_removes_nothing() -> None:
    with a_scripted_store([answers_everything]) as scripted:
        error = fails(lambda: abort_uploads("a", store=store_at(scripted.port), upload_id="upload-1"))
    assert error.reason is Reason.STORE_UNAVAILABLE


def test_t31_the_region_in_a_document_with_a_namespace_is_reported() -> None:
    body = f"<Error {NAMESPACE}><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-2</Region></Error>"
    answer = response(400, body)
    with a_scripted_store([lambda connection: connection.answer(answer)] * 6) as scripted:
        with pytest.raises(LocationError) as caught:
            probe(store_at(scripted.port))
        assert caught.value.reason is Reason.WRONG_REGION
        assert "eu-west-2" in caught.value.message
        assert len(scripted.requests) <= 2


def test_t30_a_store_that_responds_412_to_everything_makes_the_location_not_ready() -> None:
    answer = response(412, "")
    with a_scripted_store([lambda connection: connection.answer(answer)] * 9) as scripted:
        with pytest.raises(LocationError) as caught:
            probe(store_at(scripted.port))
        assert caught.value.reason is Reason.STORE_UNSUPPORTED
        assert len(scripted.requests) < 9
