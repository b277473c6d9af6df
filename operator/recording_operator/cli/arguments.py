"""Arguments that several verbs share. It imports nothing large, because completion imports it on every TAB."""

import sys
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import click

from recording_operator.api.masking import MARK

EXIT_INTERRUPTED: Final = 130
_LONGEST_URL_BYTES: Final = 64 * 2**10
_LONGEST_KEY_BYTES: Final = 1024
_ARN_SECTIONS: Final = 6


class Target(click.ParamType[tuple[str, str]]):
    """Split `s3://BUCKET/KEY` into bucket and key. The bucket may be an ARN of an access point, with a slash."""

    name = "s3://BUCKET/KEY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split the address of an object."""
        if isinstance(value, tuple):
            return value
        scheme, _, rest = str(value).partition("://")
        bucket, _, key = rest.partition("/")
        if bucket.startswith("arn:") and bucket.count(":") == _ARN_SECTIONS - 1:
            name, _, key = key.partition("/")
            bucket = f"{bucket}/{name}" if name else ""
        if scheme != "s3" or not bucket or not key or key.endswith("/"):
            self.fail("write s3://BUCKET/KEY", param, ctx)
        try:
            length = len(key.encode())
        except UnicodeEncodeError:
            self.fail("the key is not UTF-8 text", param, ctx)
        if length > _LONGEST_KEY_BYTES:
            self.fail(f"the key has {length} bytes; S3 allows {_LONGEST_KEY_BYTES}", param, ctx)
        if _leads_out(key):
            self.fail("the key must not leave the bucket with '..'", param, ctx)
        return bucket, key


class Folder(click.ParamType[tuple[str, str]]):
    """Split `s3://BUCKET/PREFIX/` into bucket and prefix. The prefix is empty or ends with a slash."""

    name = "s3://BUCKET/PREFIX/"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split the address."""
        if isinstance(value, tuple):
            return value
        address = str(value).rstrip("/")
        if not address.startswith("s3://"):
            self.fail("write s3://BUCKET/PREFIX/", param, ctx)
        if address.partition("://")[2].partition("/")[2] == "":
            bucket, _ = Target().convert(f"{address}/x", param, ctx)
            return bucket, ""
        bucket, key = Target().convert(address, param, ctx)
        return bucket, f"{key}/" if key else ""


def _leads_out(key: str) -> bool:
    depths = accumulate({"..": -1, ".": 0, "": 0}.get(segment, 1) for segment in key.split("/"))
    return min(depths) < 0


def read_url(argument: str) -> str:
    """The URL, from standard input (`-`) or from a file that contains nothing else (`@FILE`). Raises click.UsageError.

    Other users of the machine see the arguments of a process, and a presigned URL is a secret.
    """
    if argument == "-":
        if sys.stdin is None:
            raise click.UsageError("Standard input is closed, so no URL can be read from it.")
        return _only_line(sys.stdin.buffer.read(_LONGEST_URL_BYTES + 1), "standard input")
    if not argument.startswith("@"):
        return argument
    path = Path(argument[1:])
    try:
        with path.open("rb") as file:
            return _only_line(file.read(_LONGEST_URL_BYTES + 1), shown_path(path))
    except OSError as error:
        raise click.UsageError(f"The URL cannot be read from {shown_path(path)}: {error.strerror}.") from None


def shown_path(path: Path) -> str:
    """A path for a message. Someone may have typed a URL without its scheme, so what follows `?` is not shown."""
    before, mark, _ = str(path).partition("?")
    return f"{before}?{MARK}" if mark else before


def _only_line(data: bytes, where: str) -> str:
    try:
        lines = data.decode("utf-8-sig").split()
    except UnicodeDecodeError:
        lines = []
    if len(lines) != 1 or len(data) > _LONGEST_URL_BYTES:
        raise click.UsageError(f"Expected one URL in {where} and nothing else.")
    return lines[0]


def settings_option(text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--settings FILE`; `--policy FILE` is its earlier name."""
    file = click.Path(path_type=Path, dir_okay=False)

    def add(command: Callable[..., None]) -> Callable[..., None]:
        command = click.option("--policy", "settings_file", type=file, hidden=True)(command)
        return click.option("--settings", "settings_file", type=file, help=text)(command)

    return add


def store_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--endpoint-url`, `--region` and `--ca-bundle` of a bucket, with the variables of the AWS tools."""
    options = (
        click.option(
            "--endpoint-url",
            help="Endpoint, if the store is not AWS. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, profile's "
            "endpoint_url.",
        ),
        click.option(
            "--region",
            envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
            help="Region of the bucket. Default: AWS_REGION, AWS_DEFAULT_REGION, the profile's region, then us-east-1.",
        ),
        click.option(
            "--ca-bundle",
            envvar="AWS_CA_BUNDLE",
            type=click.Path(path_type=Path, dir_okay=False),
            help="CA certificates (PEM) to trust for the store. Default: AWS_CA_BUNDLE or the profile's ca_bundle.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
