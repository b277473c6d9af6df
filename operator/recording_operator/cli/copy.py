"""`recording-operator copy`: its command line. The work is done in `copying`, which is imported only for that."""

from pathlib import Path

import click

from recording_operator.cli.arguments import EXIT_INTERRUPTED, Target, read_url, settings_option
from recording_operator.signals import end_on_signals

_EXAMPLES = """\b
Examples:
  recording-operator copy 'https://example.com/a.mp4?X-Amz-Signature=…' \\
      s3://recordings/2026/a.mp4
  recording-operator copy @url.txt s3://recordings/a.mp4 --size 480000 --json
  get-a-fresh-url | recording-operator copy - s3://recordings/a.mp4 \\
      --endpoint-url https://minio.example.com
"""


@click.command(epilog=_EXAMPLES, short_help="Copy one file from a URL to S3, with all checks.")
@click.argument("url")
@click.argument("target", type=Target())
@click.option(
    "--endpoint-url",
    help="A store that is not AWS. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile's endpoint_url.",
)
@click.option(
    "--region",
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    help="Default: AWS_REGION, AWS_DEFAULT_REGION or the profile's region, else us-east-1.",
)
@click.option(
    "--ca-bundle",
    envvar="AWS_CA_BUNDLE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificates (PEM) to trust for the store. Default: AWS_CA_BUNDLE or the profile's ca_bundle.",
)
@settings_option(
    "Settings file: which sources may be read, bandwidth, workers, certificates to trust for sources (tls.caFile). "
    "Default: public https sources on port 443 only."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Most connections. Default: that of the settings, 4.")
@click.option("--part-size", help="Such as 16Mi; 5Mi to 5Gi. Default: by size.")
@click.option("--content-type", default="", help="Expected type, such as video/mp4; other content is refused.")
@click.option("--size", type=click.IntRange(0), help="Expected bytes; any other number is a failure.")
@click.option("--checksum", help="Expected checksum as algorithm:hex (sha256, md5, crc64nvme, crc32).")
@click.option(
    "--probe", "probes", is_flag=True, help="Find out first what the store can do: writes .recording-operator/."
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

    URL is '-' to read it from standard input, or '@FILE' to read it from a file: other users of the machine can see
    arguments. Credentials come from where the AWS tools take them: environment, profile, instance.

    Nothing is overwritten or removed. Copying the same source again finds the object and stores nothing; an object of
    another source, or with other content, is a failure.

    \b
    Exit status:
      0    stored and verified
      1    failed: source, key, rights or what was expected must change first
      2    the command line or the settings file is wrong
      75   may work later
      130  interrupted; the upload was aborted (a second signal ends it at once)
    """
    end_on_signals(EXIT_INTERRUPTED)
    from recording_operator.cli.copying import Wanted, run_copy  # noqa: PLC0415 - heavy, and --help needs none of it

    run_copy(
        Wanted(
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
