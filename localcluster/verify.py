"""Reads stored objects back and compares them with what their sources serve."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from localcluster.kubectl import JsonObject, Kubectl
from localcluster.media import Media
from localcluster.mediaserver import parse_size
from localcluster.s3server import S3Server

_WINDOW_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found of one artifact."""

    uri: str
    size_bytes: int
    sha256: str
    expected_sha256: str

    @property
    def equal(self) -> bool:
        """Whether every byte is what the source served."""
        return self.sha256 == self.expected_sha256


def verify(*, kubectl: Kubectl, s3: S3Server) -> Iterator[Comparison]:
    """Yield a comparison for each artifact of each Recording in the namespace `default`.

    Expects sources on the sample media server. Raises KubectlError, and botocore's ClientError for a missing object.
    """
    client = s3.client()
    for recording in kubectl.json("get", "recordings")["items"]:
        wanted = {artifact["name"]: artifact for artifact in recording["spec"]["artifacts"]}
        status = recording["status"]
        for artifact in status["artifacts"]:
            expected = _expected(wanted[artifact["name"]], kubectl=kubectl)
            version = {"VersionId": artifact["versionId"]} if "versionId" in artifact else {}
            stored = client.get_object(Bucket=status["bucket"], Key=artifact["key"], **version)["Body"]
            digest, size_bytes = hashlib.sha256(), 0
            for window in stored.iter_chunks(_WINDOW_BYTES):
                digest.update(window)
                size_bytes += len(window)
            yield Comparison(
                uri=artifact["uri"], size_bytes=size_bytes, sha256=digest.hexdigest(), expected_sha256=expected
            )


def _expected(artifact: JsonObject, *, kubectl: Kubectl) -> str:
    if "inline" in artifact:
        return hashlib.sha256(artifact["inline"].encode()).hexdigest()
    url = urlsplit(_url(artifact["source"], kubectl=kubectl))
    size_bytes = parse_size(parse_qs(url.query)["size"][0])
    return Media(name=unquote(url.path).lstrip("/"), size_bytes=size_bytes).digest()


def _url(source: JsonObject, *, kubectl: Kubectl) -> str:
    if "url" in source:
        return str(source["url"])
    reference: Any = source["urlSecretRef"]
    data = kubectl.json("get", "secret", reference["name"])["data"]
    return base64.b64decode(data[reference["key"]]).decode().strip()
