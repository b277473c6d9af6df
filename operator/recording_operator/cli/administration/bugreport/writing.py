"""Collects a bug report, says what is in it, and writes it, for the verb `bug-report`."""

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from recording_operator.cli.administration.bugreport.collecting import CollectedFile, CollectOptions, Collector
from recording_operator.cli.administration.bugreport.redaction import ReportRedaction
from recording_operator.cli.administration.checking import CheckRequest, all_checks
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.verb import Failure, note

_FOLDER: Final = "recordings-bug-report"
_READABLE_BY_ME: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class BugReportRequest:
    """The command line."""

    cluster: ClusterOptions
    output: Path | None
    operator_namespace: str | None
    anonymize: bool
    recordings: int
    log_lines: int
    yes: bool


def write_bug_report(request: BugReportRequest) -> None:
    """Write the file, and print its name to standard output. Raises KubeError."""
    if not request.yes and not sys.stdin.isatty():
        raise click.UsageError("There is no terminal on which to confirm. Write --yes.")
    with open_cluster(request.cluster) as cluster:
        path = request.output or Path(f"{_FOLDER}-{cluster.now:%Y%m%d-%H%M%S}.zip")
        if path.exists():
            raise Failure(f"{path} exists already. Choose another file with -o.")
        options = CollectOptions(
            namespace=None if request.cluster.all_namespaces else cluster.namespace,
            operator_namespace=request.operator_namespace,
            most_recordings=request.recordings,
            log_lines=request.log_lines,
        )
        found = Collector(cluster, options).collect()
        checks = CheckRequest(cluster=request.cluster, operator_namespace=request.operator_namespace, output="json")
        found.documents["check.json"] = [asdict(one) for one in all_checks(cluster, checks)]
    files = found.files(ReportRedaction(anonymize=request.anonymize))
    _describe(files, found.missing, anonymize=request.anonymize)
    if not request.yes and not click.confirm(f"Write {path}?", default=True, err=True):
        raise Failure("Nothing was written.")
    _write(path, files)
    click.echo(str(path))


def _describe(files: Sequence[CollectedFile], missing: Sequence[str], *, anonymize: bool) -> None:
    """Print to standard error what the report contains."""
    note("The report contains:")
    for one in files:
        click.echo(f"  {len(one.text.encode()):>9,} bytes  {one.path}", err=True)
    for line in missing:
        click.echo(f"  left out: {line}", err=True)
    names = "replaced" if anonymize else "in it; --anonymize replaces them"
    note(
        "Secrets are not read. Signatures and paths of URLs, tokens, and values of variables and annotations are "
        f"removed. Titles, owners and names of organisations are {names}. Read it before you send it to anyone."
    )


def _write(path: Path, files: Sequence[CollectedFile]) -> None:
    try:
        path.touch(mode=_READABLE_BY_ME, exist_ok=False)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in files:
                archive.writestr(f"{_FOLDER}/{one.path}", one.text)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}. Choose another file with -o.") from None
