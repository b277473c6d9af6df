"""The command line: `recording-operator VERB`."""

import click

from recording_operator import __version__
from recording_operator.cli.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="recording-operator")
def main() -> None:
    """Move recordings from expiring URLs to object storage, byte for byte."""


main.add_command(run)
