"""Decides how a transfer ends.

The code that moves bytes (in ranges, in order, as one small body) reports here. Only this module decides whether the
other workers stop, whether the open upload is aborted, whether the transfer starts again, and when a source whose
connections keep breaking is given up.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.errors import TransferError
from recording_operator.stopping import LinkedStopSignal, Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.progress import ProgressMeter
from recording_operator.transfer.source.breaks import SourceBreaks
from recording_operator.transfer.upload.open_uploads import abort_uploads
from recording_operator.transfer.upload.session import UploadSession
from recording_operator.transfer.verification.accept import StoredByAnotherProcess

# If the content changes during the upload, or the upload is aborted in the store, it is restarted this often.
_RESTARTS: Final = {Reason.SOURCE_CHANGED: 1, Reason.STORE_UPLOAD_LOST: 2}


class TransferCoordinator:
    """Owns the stop, the failure, the open upload and the restarts of one transfer. Thread-safe.

    All workers use `context`, whose stop signal is also set when a worker has failed permanently.
    `resumes`: the transfer resumes an upload.
    """

    def __init__(self, context: TransferContext, *, resumes: bool) -> None:
        self._stop = LinkedStopSignal(context.stop)
        self.context: Final = replace(context, stop=self._stop)
        self.progress: Final = ProgressMeter(context.observer)
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._failed_softly = False
        self._restarts: Counter[Reason] = Counter()
        self._session: UploadSession | None = None
        self._leaves_uploads = resumes

    # Workers

    def breaks(self, host: str) -> SourceBreaks:
        """A counter of broken connections for one reader of the source."""
        return SourceBreaks(host, self.context.budget())

    def failed(self, error: BaseException) -> None:
        """A worker ended with `error`. Stop the others, unless the source may still complete their responses.

        The first error counts, because workers that are stopped by it report Stopped. If the first error did not stop
        the others, a later one that does replaces it.
        """
        soft = isinstance(error, TransferError) and Trait.NO_NEW_REQUESTS in error.reason.traits
        with self._lock:
            replaces = self._failed_softly and not soft and not isinstance(error, Stopped)
            if self._failure is None or replaces:
                self._failure, self._failed_softly = error, soft
            if not soft:
                self._stop.set()

    def raise_failure(self) -> None:
        """Raise the error of the workers, after all of them have ended, and reset the stop signal."""
        with self._lock:
            failure, self._failure, self._failed_softly = self._failure, None, False
            self._stop.clear()
        if failure is not None:
            raise failure

    # The upload

    @contextmanager
    def uploading(self, session: UploadSession) -> Iterator[None]:
        """Send parts within this context. If they cannot become the object, the upload is aborted; else it stays open.

        A wrong part is listed with the checksum of its wrong bytes, so a later resume would accept it.
        """
        self._session = session
        try:
            yield
        except BaseException as error:
            useless = isinstance(error, TransferError) and Trait.UPLOAD_USELESS in error.reason.traits
            if useless or session.arrived_wrong:
                session.abort()
            raise
        finally:
            self._leaves_uploads |= session.upload_id is not None

    # The end

    def may_restart(self, error: TransferError) -> bool:
        """Count a failure. Returns whether the transfer may start again."""
        self._restarts[error.reason] += 1
        allowed = 1 if isinstance(error, StoredByAnotherProcess) else _RESTARTS.get(error.reason, 0)
        return self._restarts[error.reason] <= allowed

    def abandon_upload(self) -> None:
        """Abort the open upload, because the transfer starts again with a new one."""
        if self._session is not None:
            self._session.abort()

    def finish(self, stored: StoredObject) -> StoredObject:
        """The object is in the store: abort uploads that are still open at its key."""
        if self._leaves_uploads:  # small content of a fresh URL needs no upload, and no request to search for one
            with suppress(TransferError):
                abort_uploads(self.context.obj.key, store=self.context.store, upload_id=None)
        return stored
