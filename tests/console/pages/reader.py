"""Someone who reads pages without a browser."""

import re

import httpx

from tests.console.running import Person, RunningConsole


class Reader:
    """Someone with a session, who reads pages."""

    def __init__(self, running: RunningConsole, person: Person) -> None:
        self.running = running
        self.cookie = running.log_in(person.token).headers["set-cookie"].partition(";")[0]

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET."""
        return self.running.get(path, headers={"Cookie": self.cookie, "Accept": "text/html", **headers})

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form."""
        headers = {"Cookie": self.cookie, **self.running.own_headers}
        return self.running.call("POST", path, data=fields, headers=headers)

    def csrf(self) -> str:
        """The token of its forms."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/recordings").text)
        assert found is not None
        return found[1]
