"""Requests of a dialer, and checks of how it rejects them."""

import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import pytest

from recording_operator.egress.addresses import Address
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.errors import EgressError
from recording_operator.transfer.source.errors import source_error
from tests.support.lying_source import CANARY, Behaviour
from tests.support.transfers import pattern

BODY = pattern(50_000)
LOOPBACK = ip_address("127.0.0.1")


class Names:
    """A resolver with a table, which remembers the names that were resolved."""

    def __init__(self, **table: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): [ip_address(text) for text in found] for name, found in table.items()}

    def __call__(self, host: str, port: int) -> Sequence[Address]:  # noqa: ARG002 - a resolver's signature
        self.asked.append(host)
        if host not in self._answers:
            raise OSError("no such name")
        return self._answers[host]


def fetch(
    dialer: Dialer, url: str, *, headers: dict[str, str] | None = None, stop: threading.Event | None = None
) -> bytes:
    """The whole body."""
    with dialer.get(url, user_headers=headers or {}, own_headers={}, stop=stop or threading.Event()) as response:
        body = b""
        while data := response.read(8192):
            body += data
        return body


def refused(run: Callable[[], object], kind: type[EgressError]) -> EgressError:
    """The error, which must not contain a secret in any form."""
    with pytest.raises(EgressError) as caught:
        run()
    error = caught.value
    assert type(error) is kind, error
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert CANARY not in f"{error!r}{error}{source_error(error).message}"
    return error


def redirect(location: str, status: int = 302) -> Behaviour:
    """Redirect to another URL."""
    return Behaviour(status=status, headers={"Location": location}, body=b"moved")
