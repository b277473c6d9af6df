"""Server access logs as AWS writes them, and a server's clock turned back for one object."""

import os
import uuid
from datetime import datetime
from typing import Any

from localcluster import S3Server

SECRET_IN_URI = "X-Amz-Signature=CANARY-of-a-log"


def line(
    key: str,
    sent: int | str,
    *,
    bucket: str,
    at: datetime,
    operation: str = "REST.GET.OBJECT",
    status: str = "206",
    request: str | None = None,
) -> str:
    """One record: the fields of the documentation, some of today's later ones at the end."""
    owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
    request = request or uuid.uuid4().hex[:16].upper()
    error = "-" if status.startswith("2") else "AccessDenied"
    return (
        f"{owner} {bucket} [{at:%d/%b/%Y:%H:%M:%S} +0000] 192.0.2.3 arn:aws:sts::111122223333:assumed-role/player/web "
        f'{request} {operation} {key} "GET /{bucket}/{key}?{SECRET_IN_URI} HTTP/1.1" {status} {error} {sent} 3462992 '
        f'70 10 "https://play.example.com/?q=a b" "Mozilla/5.0 \\"odd\\" [x] REST.GET.OBJECT" - s9lzHYrFp76ZVxRcpX9+= '
        f"SigV4 ECDHE-RSA-AES128-GCM-SHA256 QueryString {bucket}.s3.eu-west-2.amazonaws.com TLSV1.3 - - eu-west-2"
    )


def log_key(prefix: str, named: datetime, *, partitioned: bool = False) -> str:
    """The key of a log: named by the second, or, partitioned by date, by the day."""
    unique = uuid.uuid4().hex[:16].upper()
    if partitioned:
        return f"{prefix}{named:%Y/%m/%d}/{named:%Y-%m-%d}-00-00-00-{unique}"
    return f"{prefix}{named:%Y-%m-%d-%H-%M-%S}-{unique}"


def deliver(client: Any, *, bucket: str, key: str, lines: list[str]) -> None:
    """Put a log into the logs' bucket."""
    client.put_object(Bucket=bucket, Key=key, Body="".join(f"{one}\n" for one in lines).encode())


def turn_back(s3: S3Server, *, bucket: str, key: str, to: datetime) -> None:
    """Let the server say that the object was last modified then."""
    os.utime(s3.data / bucket / key, (to.timestamp(), to.timestamp()))
