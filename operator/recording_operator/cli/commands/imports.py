"""`recording-operator import`: its command line. `importing` does the work and is imported only when it is called."""

import re
from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option
from recording_operator.cli.names import LocationName
from recording_operator.cli.verb import Verb

GROUPINGS: Final = ("directory", "file")
_EXAMPLES = """\b
Examples:
  PROGRAM import --from old-files --prefix media/ --to archive \\
    --owner-from 'media/(?P<org>[^/]+)/' --namespace team-a --dry-run
  PROGRAM import --from egress --prefix rooms/ --group file \\
    --owner-from 'rooms/(?P<org>[^/]+)/' --namespace team-a
"""


class _OwnerPattern(click.ParamType[re.Pattern[str]]):
    """A regular expression with a group org, and perhaps user and project."""

    name = "REGEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        """Compile it."""
        if isinstance(value, re.Pattern):
            return value
        try:
            pattern = re.compile(str(value))
        except re.error as error:
            self.fail(f"is not a regular expression: {error}", param, ctx)
        if "org" not in pattern.groupindex or set(pattern.groupindex) - {"org", "user", "project"}:
            self.fail("needs the group (?P<org>…), and may have (?P<user>…) and (?P<project>…)", param, ctx)
        return pattern


@click.command("import", cls=Verb, epilog=_EXAMPLES)
@click.option(
    "--from",
    "source",
    required=True,
    type=LocationName(),
    metavar="LOCATION",
    help="StorageLocation that holds the files.",
)
@click.option(
    "--prefix",
    required=True,
    help="Beginning of the keys of the files. spec.imports of the StorageLocation must open them to the namespace.",
)
@click.option(
    "--owner-from",
    required=True,
    type=_OwnerPattern(),
    help="Finds the owner in the directory of a file (with --group file, in its key): (?P<org>…), and optionally "
    "(?P<user>…) and (?P<project>…). It must match from the beginning. Files without an owner are skipped.",
)
@click.option(
    "--to",
    "target",
    type=LocationName(),
    metavar="LOCATION",
    help="StorageLocation to store the Recordings in. Default: each is placed by the weights of the StorageLocations.",
)
@click.option(
    "--group",
    "grouping",
    default="directory",
    show_default=True,
    type=click.Choice(GROUPINGS),
    help="What becomes one Recording: the files of one directory (without those of its subdirectories), or each file.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many new Recordings. Run again to continue.")
@click.option("--dry-run", is_flag=True, help="Print what would be created, and create nothing.")
@operator_namespace_option()
@cluster_options(namespace_help="Namespace of the Recordings. Default: that of the context.")
def imports(**options: Any) -> None:
    """Create Recordings of files that a bucket or directory already holds.

    The operator copies the files, inside the store where it can, and leaves the old ones as they are. The name of a
    Recording follows from the location and the directory or file, so a second run creates nothing twice, as long as the
    Recordings of the first are in the cluster. A run that was interrupted is continued by running it again.

    The files are listed with the Secret of the StorageLocation, or with your own credentials if it has none. This needs
    the rights to get the StorageLocations and that Secret in the operator's namespace, and to create Recordings.

    \b
    Exit status:
      0    every file is part of a Recording
      1    some were skipped or rejected, or nothing could be done; lines say why
      2    the command line is invalid
      75   the store or the API server failed temporarily; run it again
      130  interrupted; run it again
    """
    from recording_operator.cli.migration.importing import ImportRequest, run_import  # noqa: PLC0415 - large

    run_import(ImportRequest(**options))
