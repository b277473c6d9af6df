"""No form of a metadata address is connected to as an S3 endpoint: at once, later, by a redirect or a proxy.

Administrators choose endpoints, so private addresses are allowed. Addresses of metadata services never are.
"""

import socket
from ipaddress import IPv4Network, ip_address

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.addresses import may_be_endpoint, parse_address
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.probe.endpoint import check_endpoint
from recording_operator.stores.s3.probe.prober import probe
from tests.security.canary import ALLOWED, Canary, Connects, Door, answer_names
from tests.security.corpus import METADATA_FORMS, NAMES, urls

_THIS_MACHINE = IPv4Network("127.0.0.0/8")
_METADATA = "169.254.169.254"


def store(endpoint: str) -> S3Store:
    credentials = StoreCredentials(access_key_id="AKIAEXAMPLE", secret_access_key="not-a-secret")
    return S3Store(
        S3Options(bucket="b", region="us-east-1", endpoint=endpoint, path_style=True, credentials=credentials)
    )


def refusals(endpoint: str, client: S3Store) -> set[Reason]:
    """What the check of a location, a request of botocore's and a part of our own say to the endpoint."""
    said: set[Reason] = set()
    messages: list[str] = []
    for ask in (
        lambda: check_endpoint(endpoint),
        lambda: client.head("key"),
        lambda: client.upload_part("key", "upload", part_number=1, body=BufferedPart(b"part")),
    ):
        try:
            ask()
        except (LocationError, TransferError) as error:
            messages.append(error.message)
            said.add(error.reason)
        except ValueError:  # no URL: a location with such an endpoint gets no client
            said.add(Reason.ENDPOINT_UNREACHABLE)
    assert [message for message in messages if endpoint in message] == []
    return said


def forbidden(connects: Connects) -> list[tuple[str, int]]:
    """The connects to addresses that no endpoint may have."""
    return [entry for entry in connects.addresses if not may_be_endpoint(ip_address(entry[0].split("%")[0]))]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's pauses between attempts take no time."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


@pytest.mark.usefixtures("hurried")
def test_the_corpus(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name: [address] for name, address in NAMES.items()}
    monkeypatch.setattr(socket, "getaddrinfo", answer_names(names, socket.getaddrinfo))
    client = store("http://127.0.0.1:9")
    here = [""]
    # One client that is sent from URL to URL: to make one for each would take minutes.
    events = client._client.meta.events  # noqa: SLF001 - nothing else sends a client elsewhere
    events.register_last("request-created", lambda request, **_: setattr(request, "url", here[0]))
    with Connects(within=_THIS_MACHINE) as connects:
        answers: dict[str, set[Reason]] = {}
        for here[0] in urls(canary.port):
            answers[here[0]] = refusals(here[0], client)
    assert len(answers) >= 200
    assert forbidden(connects) == []
    assert len(connects.addresses) > 200  # private ones were tried: the wall is not around everything
    assert len([url for url, said in answers.items() if Reason.ENDPOINT_BLOCKED in said]) > len(METADATA_FORMS) / 2


@pytest.mark.parametrize("form", [form for form in METADATA_FORMS if parse_address(form.strip("[]"))])
def test_each_metadata_address_is_named_as_blocked(form: str) -> None:
    if not may_be_endpoint(ip_address(form.strip("[]"))):
        with pytest.raises(LocationError) as caught:
            check_endpoint(f"http://{form}:80")
        assert caught.value.reason is Reason.ENDPOINT_BLOCKED


@pytest.mark.usefixtures("hurried")
def test_a_name_that_changes_its_mind_after_the_probe(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = answer_names({"store.example.com": [ALLOWED, ALLOWED, _METADATA]}, socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", answers)
    endpoint = f"http://store.example.com:{door.port}"
    with Connects(within=_THIS_MACHINE) as connects:
        check_endpoint(endpoint)
        client = store(endpoint)
        client.may_list("")
        client.close()  # the next request needs a new connection, and looks again
        with pytest.raises(TransferError) as caught:
            client.may_list("")
        with pytest.raises(TransferError) as of_part:
            client.upload_part("key", "upload", part_number=1, body=BufferedPart(b"part"))
    assert {caught.value.reason, of_part.value.reason} == {Reason.ENDPOINT_BLOCKED}
    assert {address for address, _ in connects.addresses} == {ALLOWED}


@pytest.mark.parametrize("order", [1, -1], ids=["allowed first", "forbidden first"])
def test_a_forbidden_address_among_allowed_ones_is_skipped(
    door: Door, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    ask = socket.getaddrinfo

    def both(host: str, port: int, *_: object, **__: object) -> list[object]:
        names = [ALLOWED, _METADATA, "fd00:ec2::254", "64:ff9b::a9fe:a9fe"] if host == "store.example.com" else [host]
        return [ask(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0] for name in names[::order]]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    endpoint = f"http://store.example.com:{door.port}"
    with Connects(within=_THIS_MACHINE) as connects:
        check_endpoint(endpoint)
        store(endpoint).may_list("")
    assert {address for address, _ in connects.addresses} == {ALLOWED}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", f"http://{_METADATA}/", "http://[::1]:{port}/"])
def test_a_store_that_redirects_is_not_followed(canary: Canary, door: Door, target: str) -> None:
    door.location = target.format(port=canary.port)
    with Connects() as connects, pytest.raises((LocationError, TransferError)):
        probe(store(door.url), name="probe")
    assert {address for address, _ in connects.addresses} == {ALLOWED}
    assert canary.visits == 0


@pytest.mark.usefixtures("hurried")
def test_a_proxy_at_a_metadata_address_is_not_used(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://{_METADATA}:3128")
    with Connects(within=_THIS_MACHINE) as connects:
        assert Reason.ENDPOINT_BLOCKED in refusals(door.url, store(door.url))
    assert connects.addresses == []
