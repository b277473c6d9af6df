"""Fault S31: names that do not resolve, or only sometimes, during a transfer."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.egress.addresses import Address
from recording_operator.egress.dialer import Dialer
from recording_operator.stores.s3.bucket import S3Store
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import MIB, check_stored, fails, fast_options, loopback_policy, pattern, run_transfer

BODY = pattern(MIB)


class Failing:
    """A resolver whose first `times` queries fail."""

    def __init__(self, times: int) -> None:
        self.asked = 0
        self._times = times

    def __call__(self, host: str, port: int) -> Sequence[Address]:  # noqa: ARG002 - a resolver's signature
        self.asked += 1
        if self.asked <= self._times:
            raise OSError("SERVFAIL")
        return [ip_address("127.0.0.1")]


@pytest.mark.parametrize("times", [1, 4])
def test_s31_a_name_that_resolves_a_moment_later(serve: Serve, strict: StrictStore, store: S3Store, times: int) -> None:
    source = serve(BODY)
    # Each GET has its own connection: the name is resolved in the middle of a transfer too.
    source.behave = lambda _: Behaviour(headers={"Connection": "close"}, framing="length")
    dialer = Dialer(loopback_policy(), resolver=Failing(times))
    url = source.url.replace("127.0.0.1", "media.test")
    check_stored(run_transfer(url, store, dialer=dialer), BODY, strict)


def test_s31_a_name_that_never_resolves_ends_the_attempt(strict: StrictStore, store: S3Store) -> None:
    resolver = Failing(1000)
    error = fails(
        lambda: run_transfer(
            "http://media.test/x", store, dialer=Dialer(loopback_policy(), resolver=resolver), options=fast_options()
        )
    )
    assert error.reason is Reason.SOURCE_UNRESOLVABLE
    assert resolver.asked == 5
    assert strict.count("CreateMultipartUpload") == 0
