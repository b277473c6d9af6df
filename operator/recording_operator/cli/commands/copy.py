"""`recording-operator copy`: its command line. `copying` does the work and is imported only when it is called."""

from pathlib import Path

import click

from recording_operator.cli.arguments import EXIT_INTERRUPTED, Target, read_url, settings_option, store_options
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_EXAMPLES = """\b
Examples:
  PROGRAM copy 'https://example.com/a.mp4?X-Amz-Signature=…' \\
      s3://recordings/2026/a.mp4
  PROGRAM copy @url.txt s3://recordings/a.mp4 --size 480000 --json
  get-a-fresh-url | PROGRAM copy - s3://recordings/a.mp4 \\
      --endpoint-url https://minio.example.com
"""


@click.command(cls=Verb, epilog=_EXAMPLES, short_help="Copy one file from a URL to S3, with all checks.")
@click.argument("url")
@click.argument("target", type=Target())
@store_options
@settings_option(
    "Settings file: permitted sources, bandwidth, workers, CA certificates for sources (tls.caFile). "
    "Default: public https sources on port 443."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Maximum number of connections. Default: the number in the settings, 4.",
)
@click.option("--part-size", help="Part size such as 16Mi, from 5Mi to 5Gi. Default: depends on the size of the file.")
@click.option("--content-type", default="", help="Expected media type, such as video/mp4. Other content is rejected.")
@click.option("--size", type=click.IntRange(0), help="Expected size in bytes. Any other size fails.")
@click.option("--checksum", help="Expected checksum as algorithm:hex (sha256, md5, crc64nvme, crc32).")
@click.option(
    "--probe",
    "probes",
    is_flag=True,
    help="First test what the store supports. Writes objects below .recording-operator/.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def copy(
    *,
    url: str,
    target: tuple[str, str],
    endpoint_url: str | None,
    region: str | None,
    ca_bundle: Path | None,
    settings_file: Path | None,
    workers: int | None,
    part_size: str | None,
    content_type: str,
    size: int | None,
    checksum: str | None,
    probes: bool,
    as_json: bool,
) -> None:
    """Copy the file at URL to TARGET (s3://BUCKET/KEY) with all checks of the operator.

    Use '-' as URL to read it from standard input, or '@FILE' to read it from a file: other users of the machine can
    see arguments. Credentials are found as by the AWS tools: environment, profile, instance.

    No existing object is overwritten or removed. Copying the same source again finds the object and stores nothing. If
    the existing object has another source or other content, the copy fails.

    \b
    Exit status:
      0    stored and verified
      1    failed: source, key, permissions or expectations must change first
      2    the command line or the settings file is invalid
      75   failed temporarily; try again later
      130  interrupted; the upload was aborted (a second signal ends at once)
    """
    end_on_signals(EXIT_INTERRUPTED)
    from recording_operator.cli.files.copying import CopyRequest, run_copy  # noqa: PLC0415 - large, and not needed for --help

    run_copy(
        CopyRequest(
            url=read_url(url),
            target=target,
            endpoint_url=endpoint_url,
            region=region,
            ca_bundle=ca_bundle,
            settings_file=settings_file,
            workers=workers,
            part_size=part_size,
            content_type=content_type,
            size=size,
            checksum=checksum,
            probes=probes,
            as_json=as_json,
        )
    )
