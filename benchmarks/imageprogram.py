"""The operator of an image, without a container. It uses the same resources as in a pod."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from localcluster.image import ImageBuilder

# What a pod does not have: this machine's opinion of whom to trust.
_UNSET: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_REFERENCE: Final = "localhost/recording-operator:bench"


@contextmanager
def image_program(folder: Path, *, reference: str | None = None) -> Iterator[list[str]]:
    """How to call the operator of the image; it sees `folder` where it is here. Needs root; raises ImageError.

    Without the `reference` of an image that was built before, the image is built from this tree.
    """
    builder = ImageBuilder()
    with ExitStack() as undo:
        if reference is None:
            reference = builder.build(archive=folder / "image.tar", reference=_REFERENCE).reference
        root = builder.unpack(reference)
        undo.callback(builder.release)
        for path in (Path("/proc"), Path("/dev"), folder):
            inside = root / path.relative_to("/")
            inside.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", str(path), str(inside)], check=True)
            undo.callback(subprocess.run, ["umount", str(inside)], check=True)
        unset = [f"--unset={name}" for name in _UNSET]
        config = builder.inspect(reference)["OCIv1"]["config"]
        chroot = ["/usr/sbin/chroot", str(root), *config["Entrypoint"]]
        yield ["/usr/bin/env", *unset, *config["Env"], *chroot]
