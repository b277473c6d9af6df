"""The database or the API server is away, or both: 503 with the time of what is known, and it goes on by itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.console.serving import Console
from recording_operator.kube.connection import connection
from recording_operator.kube.resources import Resources
from recording_operator.kube.rest import RestClient
from tests.console.conftest import Reply, Visitor
from tests.console.feeding.conftest import Objects
from tests.console.running import make_person
from tests.support.postgres import Postgres, a_postgres
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server that may be killed."""
    with a_postgres() as server:
        yield server


def unavailable(visitor: Visitor, path: str = "/recordings") -> Reply | None:
    """The response of the API, once it is 503."""
    reply = visitor.get(path)
    return reply if reply.status == 503 else None


def page_of(visitor: Visitor) -> Reply:
    """The page with the list."""
    return visitor.call("GET", f"{visitor.url}/recordings", headers={"Accept": "text/html"})


def test_postgresql_is_killed(
    cluster: ControlPlane,
    consoles: Callable[..., Console],
    own_postgres: Postgres,
    admin_token: str,
    admin: RestClient,
    namespace: str,
) -> None:
    objects = Objects(resources=Resources(admin), namespace=namespace)
    objects.create("before")
    console = consoles(cluster.kubeconfig, database_url=own_postgres.url)
    visitor = Visitor(url=f"http://127.0.0.1:{console.port}", token=admin_token)
    mine = f"/recordings?namespace={namespace}"
    eventually(lambda: names_in(visitor, mine) == ["before"])

    own_postgres.kill()
    try:
        reply = eventually(lambda: unavailable(visitor, mine))
        assert reply.detail == "The database of the catalog does not respond. Try again later."
        assert reply.document["knownAt"] is not None
        assert reply.headers["retry-after"] == "5"
        page = page_of(visitor)
        assert (page.status, b"The catalog does not respond" in page.body) == (503, True)
        objects.create("meanwhile")
        eventually(lambda: console.problem is not None)
    finally:
        own_postgres.start()

    eventually(lambda: names_in(visitor, mine) == ["before", "meanwhile"])
    eventually(lambda: console.problem is None)
    assert page_of(visitor).status == 200


def names_in(visitor: Visitor, path: str) -> list[str]:
    """The Recordings that the API lists."""
    reply = visitor.get(path)
    items: list[dict[str, Any]] = reply.document["items"] if reply.status == 200 else []
    return sorted(one["name"] for one in items)


def test_the_api_server_is_away_and_then_the_database_too(
    rough_cluster: ControlPlane, consoles: Callable[..., Console], own_postgres: Postgres
) -> None:
    """Someone whom the console does not know yet: only the API server can say who that is."""
    rest = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    console = consoles(rough_cluster.kubeconfig, database_url=own_postgres.url)
    person = make_person(rest, "default", "outage-visitor")
    visitor = Visitor(url=f"http://127.0.0.1:{console.port}", token=person.token)

    rough_cluster.kill_component("kube-apiserver")
    try:
        reply = eventually(lambda: unavailable(visitor))
        assert reply.detail.startswith("The API server does not respond")
        assert reply.document["knownAt"] is not None
        assert page_of(visitor).status == 503

        own_postgres.kill()
        try:
            reply = eventually(lambda: unavailable(visitor))
            assert reply.document["knownAt"] is not None
            assert page_of(visitor).status == 503
        finally:
            own_postgres.start()
    finally:
        rough_cluster.start_component("kube-apiserver")

    eventually(lambda: visitor.get("/recordings").status == 200)
