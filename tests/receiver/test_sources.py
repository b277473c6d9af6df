"""The sources that a receiver knows, and which paths are open."""

from typing import Any

import pytest

from recording_operator.receiver.sources import SourceBook

TOKEN = "0a9b8c7d6e5f4a3b2c1d0e9f"  # pragma: allowlist secret
KEY = ("team-a", "calls")


def raw(
    *, uid: str = "u1", version: int = 5, generation: int = 1, provider: str = "Gladia", **spec: Any
) -> dict[str, Any]:
    """A RecordingSource as the watch delivers it."""
    metadata = {"namespace": KEY[0], "name": KEY[1], "uid": uid, "resourceVersion": str(version)}
    given = {"provider": provider, "webhook": {"secretRef": {"name": "webhook"}}}
    recording = {"recording": {"owner": {"org": {"value": "acme"}}}}
    return {"metadata": {**metadata, "generation": generation}, "spec": {**given, **recording, **spec}}


class Watched:
    """A book, and what it reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.book = SourceBook(on_seen=self.seen.append)

    def add(self, *values: str, **fields: Any) -> None:
        """A source whose Secret has these values."""
        self.book.on_change("ADDED", raw(**fields))
        known = self.book.get(KEY)
        assert known is not None
        self.book.set_secrets(known, tuple(value.encode() for value in values), problem=None)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_token_opens_a_source_without_signatures(watched: Watched) -> None:
    watched.add("other-token-0123456789", f"{TOKEN}\n")
    assert watched.book.open(KEY, TOKEN) is not None
    for token in ("", TOKEN[:-1], TOKEN + "0", "é" * 24, "\ud800"):
        assert watched.book.open(KEY, token) is None


def test_a_signed_source_is_open_without_a_token_only(watched: Watched) -> None:
    watched.add(TOKEN, provider="MeetingBaaS")
    assert watched.book.open(KEY, "") is not None
    assert watched.book.open(KEY, TOKEN) is None


@pytest.mark.parametrize("values", [(), (TOKEN,)])
def test_a_suspended_source_or_one_without_secrets_is_closed(watched: Watched, values: tuple[str, ...]) -> None:
    watched.add(*values, suspend=bool(values))
    assert watched.book.open(KEY, TOKEN) is None
    assert watched.book.open(("team-a", "other"), TOKEN) is None


def test_the_secret_is_read_again_after_changes_of_the_spec_only(watched: Watched) -> None:
    watched.add(TOKEN)
    watched.book.on_change("MODIFIED", raw(version=6))
    assert watched.seen == [KEY]
    watched.book.on_change("MODIFIED", raw(version=7, generation=2))
    assert watched.seen == [KEY, KEY]
    assert watched.book.open(KEY, TOKEN) is not None
    watched.book.on_change("MODIFIED", raw(version=8, generation=3, webhook={"secretRef": {"name": "other"}}))
    assert watched.book.open(KEY, TOKEN) is None
    assert watched.book.is_pending(KEY)


def test_a_late_event_of_a_deleted_source_does_not_remove_the_next_one(watched: Watched) -> None:
    watched.add(TOKEN, uid="u2", version=9)
    watched.book.on_change("DELETED", raw(uid="u1", version=8))
    watched.book.on_change("MODIFIED", raw(uid="u1", version=7, provider="MeetingBaaS"))
    assert watched.book.open(KEY, TOKEN) is not None
    watched.book.on_change("DELETED", raw(uid="u2", version=10))
    assert watched.book.open(KEY, TOKEN) is None


def test_what_a_list_does_not_have_is_gone(watched: Watched) -> None:
    watched.add(TOKEN)
    assert not watched.book.complete
    watched.book.on_listed("recordingsources", frozenset({"u1"}))
    assert watched.book.complete
    watched.book.on_listed("recordingsources", frozenset())
    assert watched.book.get(KEY) is None
