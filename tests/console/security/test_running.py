"""What waits for a store or the database takes only so much of the console, and only so much for one caller."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from recording_operator.catalog import transactions
from recording_operator.console.files.places import StorePlaces
from recording_operator.console.problems import Problem
from recording_operator.kube.rest import RestClient
from tests.console.running import Person, RunningConsole, grant
from tests.support.waiting import eventually

LIST = "/api/v1/recordings"
ME = "/api/v1/whoami"


@contextmanager
def locked(url: str) -> Iterator[Callable[[], int]]:
    """Nobody can read Recordings meanwhile. It gives how many wait."""
    with psycopg.connect(url) as connection, psycopg.connect(url, autocommit=True) as counting:
        connection.execute("LOCK TABLE recordings IN ACCESS EXCLUSIVE MODE")

        def waiting() -> int:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE 'SELECT%'"
            row = counting.execute(query).fetchone()
            return 0 if row is None else int(row[0])

        yield waiting


def test_a_caller_has_only_so_many_requests_at_the_same_time(
    start: Callable[..., RunningConsole], postgres_url: str, admin: RestClient, person: Person, admin_token: str
) -> None:
    grant(admin, person, "list", namespace=person.namespace)
    running, path = start(database_url=postgres_url, calls_at_once=2), f"{LIST}?namespace={person.namespace}"
    eventually(lambda: running.get(path, who=person).status_code == 200)
    with ThreadPoolExecutor(2) as pool:
        with locked(postgres_url) as waiting:
            slow = [pool.submit(running.get, path, who=person) for _ in range(2)]
            eventually(lambda: waiting() == 2)
            response = running.get(ME, who=person)
            assert (response.status_code, response.headers["retry-after"]) == (429, "1")
            assert response.json()["detail"] == "Too many of your requests are running."
            assert running.get(ME, headers={"Authorization": f"Bearer {admin_token}"}).status_code == 200
        assert [one.result().status_code for one in slow] == [200, 200]
    eventually(lambda: running.get(ME, who=person).status_code == 200)


def test_a_search_that_takes_too_long_is_given_up(
    start: Callable[..., RunningConsole],
    postgres_url: str,
    admin_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = start(database_url=postgres_url)
    monkeypatch.setattr(transactions, "LONGEST_READ_MS", 300)
    with locked(postgres_url):
        response = running.get(LIST, headers={"Authorization": f"Bearer {admin_token}"})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")


def test_a_store_that_hangs_leaves_places_for_others() -> None:
    places = StorePlaces(most=3, most_of_one=2, longest_wait_s=0)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(places.one("hangs"))
        with pytest.raises(Problem) as raised, places.one("hangs"):
            pass
        assert (raised.value.status, raised.value.headers) == (503, {"Retry-After": "10"})
        stack.enter_context(places.one("works"))
        with pytest.raises(Problem), places.one("another"):
            pass
    with places.one("hangs"), places.one("hangs"):
        pass


def test_a_burst_waits_for_places_but_does_not_take_all_threads() -> None:
    places = StorePlaces(most=4, most_of_one=1, most_waiting=2, longest_wait_s=60)

    def use() -> bool:
        with places.one("busy"):
            return True

    with ThreadPoolExecutor(1) as pool:
        with places.one("busy"):
            waiting = pool.submit(use)
            eventually(lambda: places.waiting("busy") == 1)
            with pytest.raises(Problem, match="Too many requests wait for the store of StorageLocation busy"):
                use()
            with places.one("another"):
                pass
        assert waiting.result()
    assert places.waiting("busy") == 0
