"""How often the API server is asked what a caller may see in many namespaces."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from localcluster import ControlPlane
from recording_operator.console.auth import access
from recording_operator.console.auth.access import DENIED_S, REMEMBERED_S, AccessReviewer
from recording_operator.console.auth.callers import Caller
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from tests.console.auth.test_tokens import Counting
from tests.console.running import Person, grant, may
from tests.support.waiting import eventually

NAMES = ("default", *(f"none-{number}" for number in range(19)))


@dataclass(kw_only=True)
class Reviews:
    """A reviewer with a clock that is moved by hand, and how many requests it sends."""

    reviewer: AccessReviewer
    counting: Counting
    time_s: list[float] = field(default_factory=lambda: [0.0])

    def requests(self, caller: Caller, *, after_s: float = 0.0) -> int:
        """How many requests a list of all namespaces takes."""
        self.time_s[0] += after_s
        before = self.counting.requests
        self.reviewer.visible(caller, NAMES)
        return self.counting.requests - before


@pytest.fixture
def reviews(cluster: ControlPlane) -> Iterator[Reviews]:
    counting, time_s = Counting(), [0.0]
    rest = RestClient(connection(kubeconfig=cluster.kubeconfig), observer=counting)
    made = Reviews(reviewer=AccessReviewer(rest, steady_s=lambda: time_s[0]), counting=counting, time_s=time_s)
    yield made
    made.reviewer.close()
    rest.close()


def test_denials_are_remembered_for_longer(reviews: Reviews, person: Person) -> None:
    caller = Caller(username=person.username)
    assert reviews.requests(caller) == 1 + len(NAMES)
    assert reviews.requests(caller, after_s=REMEMBERED_S) == 1
    assert reviews.requests(caller, after_s=DENIED_S) == 1 + len(NAMES)


def test_a_new_right_is_seen_in_all_lists_once_its_namespace_was_asked_for(
    reviews: Reviews, admin: RestClient, person: Person
) -> None:
    caller = Caller(username=person.username)
    reviews.requests(caller)
    grant(admin, person, "list", namespace="default")
    eventually(lambda: may(admin, person, "list", namespace="default"))
    reviews.time_s[0] += REMEMBERED_S
    assert reviews.reviewer.visible(caller, NAMES).since == {}
    assert set(reviews.reviewer.visible(caller, ["default"]).since) == {"default"}
    assert set(reviews.reviewer.visible(caller, NAMES).since) == {"default"}


def test_another_token_of_the_same_account_needs_no_new_reviews(reviews: Reviews, person: Person) -> None:
    first = Caller(username=person.username, extra={"authentication.kubernetes.io/credential-id": ("JTI=1",)})
    assert reviews.requests(first) == 1 + len(NAMES)
    second = replace(first, extra={"authentication.kubernetes.io/credential-id": ("JTI=2",)})
    assert reviews.requests(second) == 0
    assert reviews.requests(replace(first, extra={"scopes": ("few",)})) == 1 + len(NAMES)


def test_requests_at_the_same_time_share_the_reviews(reviews: Reviews, person: Person) -> None:
    caller = Caller(username=person.username)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: reviews.reviewer.visible(caller, NAMES), range(8)))
    assert reviews.counting.requests == 1 + len(NAMES)


def test_only_so_many_results_are_remembered(reviews: Reviews, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_MOST_REMEMBERED", 10)
    caller = Caller(username=person.username)
    reviews.requests(caller)
    assert reviews.requests(caller) == 12
