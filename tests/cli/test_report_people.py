"""`kubectl recordings report` on a real API server, as an administrator and as a finance person with few rights."""

import re

import click
import pytest

from localcluster import ControlPlane
from recording_operator.cells import width
from recording_operator.kube.rest import RestClient
from tests.cli.conftest import Person
from tests.cli.reported import growing, in_cluster, refreshed
from tests.cli.terminal import in_terminal
from tests.costs.test_worked_example import november

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("no_reports")]


def test_without_a_name_there_is_nothing_then_the_only_report_then_a_table(
    admin: RestClient, cluster: ControlPlane, clerk: Person, boss: Person
) -> None:
    nothing = clerk.run("report")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr.startswith("kubectl recordings: There are no StorageReports.")

    in_cluster(admin, refreshed(november(13), budget={"amount": "50"}))
    for person in (clerk, boss):
        shown = person.output("report")
        assert shown.startswith("StorageReport daily, refreshed ")
        assert "\nThis month so far       8.46 USD\n" in shown
        assert shown == person.output("report", "daily", "-o", "cards")
    assert clerk.output("report", "--by", "month").startswith("MONTH ")
    assert clerk.output("report", "daily", "-o", "table").startswith("DAY ")

    in_cluster(admin, refreshed(growing(), name="weekly"))
    names = {person.output("report") for person in (clerk, boss)}
    [of_all] = names
    assert blanks(of_all).replace(" - ", " ") == blanks(cluster.kubectl("get", "storagereports"))
    unclear = clerk.run("report", "--by", "month")
    assert (unclear.returncode, unclear.stdout) == (2, "")
    assert "Give the NAME of one: daily, weekly." in unclear.stderr


def blanks(table: str) -> str:
    """A table whose columns are one blank apart."""
    return "\n".join(re.sub(" +", " ", line).strip() for line in table.splitlines())


def test_what_is_missing_is_said(admin: RestClient, clerk: Person) -> None:
    in_cluster(admin, refreshed(growing()))
    unknown = clerk.run("report", "dayly")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "StorageReport dayly does not exist." in unknown.stderr
    by_class = clerk.run("report", "daily", "--group-by", "class")
    assert (by_class.returncode, by_class.stdout) == (1, "")
    assert "You may not list storagelocations. To check your rights: kubectl auth can-i" in by_class.stderr
    nobody = clerk.run("report", "--as", "nobody")
    assert nobody.returncode == 1


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_shows_cards_in_colour(admin: RestClient, clerk: Person, columns: int) -> None:
    in_cluster(admin, refreshed(growing(), budget={"amount": "50"}))
    shown = in_terminal(clerk, "report", "daily", columns=columns)
    plain = click.unstyle(shown)
    assert shown != plain
    assert plain.count("╭─ ") == 4
    assert ("╮ ╭" in plain, "░" in plain, "▁" in plain) == (True, True, True)
    assert max(map(width, plain.splitlines())) <= columns
    assert in_terminal(clerk, "report", "daily", columns=columns, env={"NO_COLOR": "1"}) == plain
    assert in_terminal(clerk, "report", "daily", columns=columns, env={"TERM": "dumb"}) == clerk.output(
        "report", "daily"
    )
