"""The first request to a source: wait until it has its content, and check that this can be the artifact."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.transfer.content.allowed_types import check_allowed, check_declared
from recording_operator.transfer.content.check import check_content
from recording_operator.transfer.content.text_detection import text_of
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.source.client import SizesDiffer
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource
from recording_operator.transfer.source.error_responses import NotYetThere, not_ready_page, too_large
from recording_operator.transfer.source.error_wording import says_not_ready
from recording_operator.transfer.source.publication import PublicationWait
from recording_operator.transfer.verification.expectations import Expectations

_LONGEST_NOTE_BYTES: Final = 4096


class SourceProbe:
    """Probes the source of one attempt. Content above `limit_bytes` is rejected."""

    def __init__(
        self,
        client: ContentSource,
        *,
        context: TransferContext,
        expected: Expectations,
        limit_bytes: int,
        published_at: datetime | None,
    ) -> None:
        self._client = client
        self._obj = context.obj
        self._expected = expected
        self._limit_bytes = limit_bytes
        self._wait = PublicationWait(context.options, context.stop, published_at=published_at)

    def first(self) -> ContentFacts:
        """Request the beginning of the content, and check it. Raises TransferError and Stopped."""
        return self._checked(self._client.probe)

    def after_change(self) -> ContentFacts:
        """Like `first`, after the content has changed once: then ranges are not used."""
        return self._checked(self._client.probe_after_change)

    def _checked(self, request: Callable[[], ContentFacts]) -> ContentFacts:
        expected = self._expected
        check_declared(self._obj)
        facts = self._wait.until_published(lambda: self._published(request))
        expected.check_facts(facts)
        facts = expected.bounded(facts)
        if facts.size_bytes is not None and facts.size_bytes > self._limit_bytes:
            raise too_large(facts.host, self._limit_bytes)
        self._check_content(facts, has_expectation=expected.size_bytes is not None or expected.checksum is not None)
        check_allowed(facts, self._obj)
        return facts

    def _published(self, request: Callable[[], ContentFacts]) -> ContentFacts:
        """The facts of content that seems to be complete."""
        try:
            facts = request()
        except SizesDiffer as error:
            self._check_content(error.whole)  # a page has another size, of course
            raise
        wanted = self._expected.size_bytes
        if facts.is_empty and wanted != 0:
            raise NotYetThere(Reason.SOURCE_EMPTY, f"{facts.host} has no bytes for this artifact.")
        if _says_not_ready(facts):
            try:
                self._check_content(facts)
            except TransferError as error:
                raise not_ready_page(facts.host) if error.reason is Reason.UNEXPECTED_CONTENT else error from None
        if wanted is not None and facts.size_bytes is not None and facts.size_bytes < wanted:
            self._expected.check_size(facts.size_bytes)  # it may still grow
        return facts

    def _check_content(self, facts: ContentFacts, *, has_expectation: bool = False) -> None:
        try:
            check_content(facts, self._obj, has_expectation=has_expectation)
        except TransferError as error:
            raise self._client.unexpected(error, facts) from None


def _says_not_ready(facts: ContentFacts) -> bool:
    """Whether it is a short note of content that is still being made, such as `{"status": "processing"}` with 200."""
    is_short = (facts.size_bytes or len(facts.head)) <= _LONGEST_NOTE_BYTES
    text = text_of(facts.head) if is_short else None
    return text is not None and says_not_ready(text)
