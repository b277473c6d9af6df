"""OCI image archives without a builder, for images that are one file."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"


def file_layer(name: str, content: bytes) -> bytes:
    """Return a layer with one executable file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as layer:
        _add(layer, name, content, mode=0o755)
    return out.getvalue()


def write_archive(path: Path, *, reference: str, layers: Sequence[bytes], config: Mapping[str, Any]) -> Path:
    """Write an image under its reference; the same input gives the same bytes."""
    blobs: dict[str, bytes] = {}

    def put(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    target = {"architecture": _MACHINES[platform.machine()], "os": "linux"}
    placed = [put(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers]
    root = {"type": "layers", "diff_ids": [layer["digest"] for layer in placed]}
    described = put(_json({**target, "config": config, "rootfs": root}), "application/vnd.oci.image.config.v1+json")
    manifest = put(
        _json({"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": placed}), _MANIFEST
    )
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rsplit(":", 1)[1]}
    index = {"schemaVersion": 2, "manifests": [{**manifest, "platform": target, "annotations": names}]}
    with tarfile.open(path, "w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", _json(index))
        for digest, content in blobs.items():
            _add(archive, f"blobs/sha256/{digest}", content)
    return path


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
