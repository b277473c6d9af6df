"""`cost` from the usage samples of StorageLocations."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recording_operator.cli import main
from tests.cli.counted_world import a_location, a_report, a_secret, api_of, counts, keep
from tests.cli.report_runs import cost_of, expected, history_cost, lines_of
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.usefixtures("strict_with_keys")


def cost(tmp_path: Path, strict: StrictStore, *options: str, secret: Any = None) -> Result:
    """The cost of acme, with a report that was refreshed."""
    report = {**a_report(), "status": expected().model_dump(mode="json", by_alias=True, exclude_none=True)}
    with api_of(report, [a_location(strict)], secret or a_secret(strict)).kubeconfig(tmp_path) as kubeconfig:
        return CliRunner().invoke(main, ["cost", "--org=acme", "--report=all", f"--kubeconfig={kubeconfig}", *options])


@pytest.mark.parametrize(("group_by", "column", "groups"), [
    ("class", "storage_class", {"STANDARD"}),
    ("location", "location", {"archive"}),
    ("namespace", "namespace", {"team"}),
])  # fmt: skip
def test_groups_have_the_cost_of_the_organisation(
    strict: StrictStore, tmp_path: Path, group_by: str, column: str, groups: set[str]
) -> None:
    keep(strict, counts())
    lines = lines_of(cost(tmp_path, strict, f"--group-by={group_by}", "-o", "csv"))
    assert {line[column] for line in lines} == groups
    total = history_cost(expected(scope={"orgs": ["acme"]}))
    assert cost_of(lines) == total
    document = json.loads(cost(tmp_path, strict, "-o", "json").stdout)
    assert Decimal(document["total"]) == total
    table = cost(tmp_path, strict, f"--group-by={group_by}").stdout.splitlines()
    assert table[0].split()[:2] == ["MONTH", group_by.upper()]
    assert table[1].split()[:2] == ["2026-11~", *groups]


def test_the_reason_why_samples_cannot_be_read(strict: StrictStore, tmp_path: Path) -> None:
    keep(strict, counts())
    refused = cost(tmp_path, strict, "--group-by=class", secret=403)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert (
        "--group-by is computed from the usage samples of the StorageLocations. StorageLocation archive:"
        in refused.stderr
    )
