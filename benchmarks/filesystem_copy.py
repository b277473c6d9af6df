"""One transfer into a directory: `python -m benchmarks.filesystem_copy CA FOLDER URL NAME`."""

import sys
import threading

from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.objects import ObjectSpec
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.spec import SourceSpec


class _Silent:
    """Reports nothing."""

    def upload_created(self, state: UploadState) -> None:
        """See TransferObserver."""

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """See TransferObserver."""

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """See TransferObserver."""


def main() -> None:
    """Transfer URL into FOLDER."""
    authority, folder, url, name = sys.argv[1:]
    policy = {"ports": [], "allowPrivateCIDRs": ["127.0.0.0/8"], "tls": {"caFile": authority}}
    obj = ObjectSpec(
        key=f"{name}/video.mp4", content_type="video/mp4", kind="Video", recording_uid="uid", artifact="video"
    )
    FetchJob(source=SourceSpec(url=url), dialer=Dialer(SourcePolicy.model_validate(policy))).run(
        TransferContext(
            store=FilesystemLocationStore(Tree(root=folder, path=folder)),
            obj=obj,
            stop=threading.Event(),
            observer=_Silent(),
        )
    )


if __name__ == "__main__":
    main()
