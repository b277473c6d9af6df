"""Reads the verification secrets in the background: requests of strangers cause no request to the API server."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.kube.errors import Forbidden, KubeError, NotFound
from recording_operator.kube.outage import level_of
from recording_operator.kube.receiving import ReceiverApi
from recording_operator.receiver.sources import (
    LEAST_TOKEN_CHARS,
    SecretProblem,
    SourceBook,
    SourceKey,
    needs_token,
)

EVERY_S: Final = 60.0
MISSING_EVERY_S: Final = 10.0
"""How often the Secret is read of a source that has no usable one: until then its deliveries are not accepted."""
_RETRY_S: Final = 2.0

_logger = logging.getLogger(__name__)


class SecretKeeper:
    """Reads the Secret of each source when the source is seen first or changed, and all of them every minute.

    It reads those that are missing or have no usable value more often.
    """

    def __init__(
        self,
        api: ReceiverApi,
        *,
        register_secret: Callable[[str], None],
        every_s: float = EVERY_S,
        missing_every_s: float = MISSING_EVERY_S,
    ) -> None:
        """`register_secret` is called with each value: it must not be logged."""
        self._api = api
        self._register_secret = register_secret
        self._every_s = every_s
        self._missing_every_s = missing_every_s
        self._wake = threading.Condition()
        self._due: dict[SourceKey, None] = {}

    def read_soon(self, key: SourceKey) -> None:
        """The source is new or has changed."""
        with self._wake:
            self._due[key] = None
            self._wake.notify()

    def run(self, book: SourceBook, stop: threading.Event) -> None:
        """Read until `stop` is set. Blocks; meant for a separate thread."""
        again_s, missing_s = time.monotonic() + self._every_s, time.monotonic()
        while not stop.is_set():
            failed = [key for key in self._next(again_s) if not stop.is_set() and not self._read(book, key)]
            if failed:
                stop.wait(_RETRY_S)
                self._due.update(dict.fromkeys(failed))
            if time.monotonic() >= again_s:
                again_s = time.monotonic() + self._every_s
                self._due.update(dict.fromkeys(known.key for known in book.all()))
            if time.monotonic() >= missing_s:
                missing_s = time.monotonic() + self._missing_every_s
                self._due.update(dict.fromkeys(known.key for known in book.all() if known.secrets == ()))

    def _next(self, until_s: float) -> list[SourceKey]:
        with self._wake:
            if not self._due:
                self._wake.wait(min(1.0, max(0.0, until_s - time.monotonic())))
            due = list(self._due)
            self._due.clear()
            return due

    def _read(self, book: SourceBook, key: SourceKey) -> bool:
        """Read the Secret of one source. Returns False if it has to be tried again."""
        known = book.get(key)
        if known is None:
            return True
        try:
            values = self._api.secret_values(key[0], known.secret_name)
        except (NotFound, Forbidden) as error:
            why = "does not exist" if isinstance(error, NotFound) else "cannot be read: the receiver has no permission"
            message = f"The Secret {known.secret_name} {why}."
            book.set_secrets(known, (), problem=SecretProblem(reason=Reason.SECRET_NOT_FOUND, message=message))
            return True
        except KubeError as error:
            extra = {"namespace": key[0]}
            _logger.log(
                level_of(error), "The Secret of RecordingSource %s was not read: %s", key[1], error, extra=extra
            )
            return False
        for value in values:
            self._register_secret(value.decode("utf-8", "replace").strip())
        least = LEAST_TOKEN_CHARS if needs_token(known.source.spec) else 1
        usable = tuple(value for value in values if len(value.strip()) >= least)
        message = f"The Secret {known.secret_name} has no value of at least {least} characters."
        problem = SecretProblem(reason=Reason.SECRET_NOT_USABLE, message=message)
        book.set_secrets(known, usable, problem=None if usable else problem)
        return True
