"""Facts about the content, from the first response of a source."""

from dataclasses import dataclass

from recording_operator.transfer.source.validators import Pin, pin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFacts:
    """The content of a source, according to the first response. `etag`, `last_modified`, `date` are its headers.

    `size_bytes` is None if no length is stated. `ends_visibly` is False if only the end of the connection marks the
    end. `head` is the beginning of the content, up to PROBE_BYTES. `ranges` is True if ranges of the same content can
    be read in parallel: the source supports ranges, and a strong validator identifies the content. `content_encoding`
    contains only true codings, `stated_codings` all that a later response must state as well.
    """

    host: str
    size_bytes: int | None
    etag: str | None
    last_modified: str | None
    ranges: bool
    ends_visibly: bool
    content_type: str | None
    head: bytes
    date: str | None = None
    content_encoding: str | None = None
    stated_codings: str = ""

    @property
    def pin(self) -> Pin | None:
        """The strong validator, if there is one."""
        return pin_of(etag=self.etag, last_modified=self.last_modified, date=self.date)

    def contradicts(self, other: "ContentFacts") -> bool:
        """Whether both state the same strong ETag, which means equal bytes, but different encodings."""
        strong = self.pin is not None and self.pin.etag is not None
        return strong and self.pin == other.pin and self.stated_codings != other.stated_codings

    @property
    def is_empty(self) -> bool:
        """Whether the content has no bytes."""
        return self.size_bytes == 0 or (self.size_bytes is None and not self.head)

    @property
    def is_complete(self) -> bool:
        """Whether the first response contained the whole content."""
        return self.size_bytes is not None and len(self.head) == self.size_bytes
