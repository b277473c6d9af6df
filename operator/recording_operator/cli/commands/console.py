"""`recording-operator console`: its command line. `showing` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.console_libraries import console_libraries
from recording_operator.cli.process_options import process_options, service_options
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_IN_MEMORY: Final = "sqlite://"
_EXAMPLES: Final = """\b
Examples:
  PROGRAM console
  PROGRAM console --http-host 127.0.0.1 --database-url sqlite:///db
  PROGRAM console --rebuild --database-url postgresql://me@db/catalog
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@process_options(settings="Settings file (YAML), the same as that of the operator.")
@click.option(
    "--namespace",
    envvar="POD_NAMESPACE",
    help="Namespace of the operator, with the StorageLocations' Secrets. Default: that of the pod.",
)
@service_options(purpose="Port for browsers and programs.")
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    default=_IN_MEMORY,
    help="Database of the catalog: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME. Default: the memory of the "
    "process. It can be lost at any time: the console fills it again. Also read from DATABASE_URL.",
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="Only fill the database of --database-url from the manifests of all StorageLocations, and end. A console may "
    "use the same database meanwhile; it does the same once a day.",
)
def console(**options: Any) -> None:
    """Serve the catalog of recordings over HTTP and in a browser.

    Each caller needs a token of Kubernetes. The API server decides what each caller may see and do.

    With --rebuild it reads the manifests in the buckets, for recordings that are no longer in Kubernetes, and removes
    what is no longer in a bucket. It prints a line for each StorageLocation.

    \b
    Exit status:
      0  stopped by a signal; with --rebuild, every location was read
      1  it cannot start, or met an unexpected error; the log says why
      2  the command line or the settings file is invalid
     75  --rebuild was interrupted; run it again to continue
    """
    if options["rebuild"] and options["database_url"] == _IN_MEMORY:
        raise click.UsageError("--rebuild needs --database-url: the memory of this process is lost at its end.")
    end_on_signals(0)
    with console_libraries():
        from recording_operator.cli.process.showing import ConsoleArguments, run_console  # noqa: PLC0415 - large, not needed for --help

    run_console(ConsoleArguments(**options))
