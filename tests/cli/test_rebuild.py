"""`recording-operator rebuild`: a summary on standard output, and a line for each manifest that is rejected."""

from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.cli import main
from recording_operator.engine.manifest import manifest_of
from recording_operator.stores.factory import open_store
from tests.cli.counted_world import NAMESPACE, ApiServer, a_location, a_secret
from tests.engine.builders import uid_of
from tests.support.lost_recordings import LostCluster
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

API: Final = "/apis/recordings.dev/v1alpha1"


@pytest.fixture
def lost(strict: StrictStore) -> LostCluster:
    """A cluster that has stored one Recording."""
    location = StorageLocation.model_validate(a_location(strict))
    cluster = LostCluster(store=store_of(strict, region="eu-west-2"), location=location)
    cluster.lose()
    return cluster


def rebuild(tmp_path: Path, strict: StrictStore, *options: str, recordings: Any = (), **objects: Any) -> Result:
    """Run the command with an API server that has these Recordings."""
    api = ApiServer(
        {
            f"{API}/storagelocations/archive": objects.get("location") or a_location(strict),
            f"{API}/recordings": {"metadata": {}, "items": list(recordings)},
            f"/api/v1/namespaces/{NAMESPACE}/secrets/keys": a_secret(strict),
        }
    )
    with api.kubeconfig(tmp_path, namespace="team") as kubeconfig:
        arguments = ["rebuild", "--location=archive", f"--kubeconfig={kubeconfig}", "--ttl-after-finished=0s", *options]
        return CliRunner().invoke(main, arguments)


def known(number: int) -> dict[str, Any]:
    """A Recording that exists."""
    meta = {"name": f"rec-{number}", "namespace": "team-a", "uid": uid_of(number)}
    return {"metadata": meta, "spec": {"owner": {"org": "acme"}, "artifacts": []}}


@pytest.mark.usefixtures("lost")
def test_the_summary_says_what_became_of_the_manifests(strict: StrictStore, tmp_path: Path) -> None:
    done = rebuild(tmp_path, strict, recordings=[known(1)])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "1 manifest: 1 exist already\n", "")


def test_a_rejected_manifest_is_named_and_the_exit_status_is_1(
    strict: StrictStore, lost: LostCluster, tmp_path: Path
) -> None:
    recording = lost.lose(2)
    lost.describe(recording, manifest_of(recording).model_copy(update={"uid": uid_of(3)}))
    done = rebuild(tmp_path, strict, recordings=[known(1)])
    assert (done.exit_code, done.stdout) == (1, "2 manifests: 1 exist already, 1 not rebuilt\n")
    assert done.stderr.endswith("metadata.json: The manifest names another uid than its key.\n")


@pytest.mark.usefixtures("lost")
def test_a_store_that_fails_for_a_moment_says_to_run_it_again(strict: StrictStore, tmp_path: Path) -> None:
    strict.fault(Fault(operation="any", action=ErrorResponse(status=503, code="SlowDown"), times=99))
    done = rebuild(tmp_path, strict)
    assert done.exit_code == 75, done.output
    assert done.stderr.endswith("Run the command again to continue.\n")
    strict.heal()


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (("--ttl-after-finished=soon",), 2, "--ttl-after-finished"),
        (("--operator-namespace=other",), 1, "--operator-namespace names the operator's namespace."),
    ],
)
def test_what_cannot_be_done_is_said(
    strict: StrictStore, tmp_path: Path, options: tuple[str, ...], status: int, says: str
) -> None:
    done = rebuild(tmp_path, strict, *options)
    assert done.exit_code == status
    assert says in " ".join(done.stderr.split())


def test_a_missing_location_is_said(strict: StrictStore, tmp_path: Path) -> None:
    done = rebuild(tmp_path, strict, location=404)
    assert done.exit_code == 1
    assert "StorageLocation archive does not exist. Create it as it was in the lost cluster." in done.stderr


def test_a_directory_is_read_where_it_is(strict: StrictStore, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    location = a_location(strict)
    location["spec"] = {**location["spec"], "filesystem": {"path": str(folder)}}
    del location["spec"]["s3"]
    parsed = StorageLocation.model_validate(location)
    LostCluster(store=open_store(parsed, None, roots=[str(folder)]), location=parsed).lose()
    done = rebuild(tmp_path, strict, recordings=[known(1)], location=location)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "1 manifest: 1 exist already\n", "")
