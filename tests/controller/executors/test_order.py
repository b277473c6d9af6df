"""An order is plain data: reading it returns what was written, and it contains no Secret."""

from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from types import NoneType, UnionType
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.recording import ArtifactSpec, SourceFacts
from recording_operator.controller.executors.order import SourceOrder, TransferOrder
from recording_operator.engine.actions import ObjectToCopy, StartTransfer
from tests.engine.builders import START, a_location, a_recording, an_artifact

CANARY = "c4n4ry"


def an_action(
    artifact: ArtifactSpec, *, upload_id: str | None = None, source: SourceFacts | None = None, only_look: bool = False
) -> StartTransfer:
    return StartTransfer(
        recording=a_recording(artifact),
        artifact=artifact.name,
        location=a_location("archive"),
        key="p/video.mp4",
        upload_id=upload_id,
        part_size_bytes=8 if upload_id else None,
        source=source,
        only_look=only_look,
    )


ACTIONS = {
    "url": an_action(an_artifact(expires_at=START)),
    "secret": an_action(an_artifact(secret="source")),
    "inline": an_action(an_artifact(inline="text\n…")),
    "resume": an_action(an_artifact(), upload_id="u-1", source=SourceFacts(size=7, etag='"e"', last_modified="Mon")),
    "copy": replace(
        an_action(an_artifact()),
        copy=ObjectToCopy(
            location=a_location("egress"), key="k", version_id=None, size_bytes=7, checksum=None, is_own=True
        ),
    ),
    "find": an_action(an_artifact(), only_look=True),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_an_order_can_be_written_down(action: StartTransfer) -> None:
    order = TransferOrder.of(action)
    assert TransferOrder.from_json(order.to_json()) == order


@given(text=st.text(max_size=50), name=st.text(max_size=20))
def test_any_text_can_be_written_down(text: str, name: str) -> None:
    inline = TransferOrder.of(an_action(an_artifact(inline=text)))
    fetched = TransferOrder.of(an_action(an_artifact(url=f"https://media.example.com/{name}")))
    assert TransferOrder.from_json(inline.to_json()).inline == text
    assert TransferOrder.from_json(fetched.to_json()) == fetched


def test_an_order_is_made_of_plain_values_only() -> None:
    def check(kind: type) -> None:
        hints = get_type_hints(kind)
        for one in fields(kind):
            hint = hints[one.name]
            for part in get_args(hint) if isinstance(hint, UnionType) else (hint,):
                if is_dataclass(part):
                    check(part)  # type: ignore[arg-type]  # a class, of course
                else:
                    plain = (str, int, bool, datetime, NoneType, tuple[str, ...])
                    assert part in plain, f"{kind.__name__}.{one.name}: {part}"

    check(TransferOrder)


def test_the_names_of_secrets_are_in_an_order() -> None:
    source = TransferOrder.of(ACTIONS["secret"]).source
    assert source is not None
    assert source.url is None
    assert source.url_secret is not None
    assert (source.url_secret.name, source.url_secret.key) == ("source", "url")


def test_nothing_confidential_is_printed() -> None:
    url = TransferOrder.of(an_action(an_artifact(url=f"https://media.example.com/v?sig={CANARY}")))
    inline = TransferOrder.of(an_action(an_artifact(inline=CANARY)))
    assert CANARY not in repr(url) + repr(inline)


def test_an_order_names_the_object_and_the_upload_to_resume() -> None:
    order = TransferOrder.of(ACTIONS["resume"])
    assert (order.uid, order.artifact, order.obj.key) == (order.obj.recording_uid, "video", "p/video.mp4")
    assert order.resume is not None
    assert (order.resume.upload_id, order.resume.part_size_bytes, order.resume.size_bytes) == ("u-1", 8, 7)


def test_a_fresh_url_is_another_revision() -> None:
    one, other = (
        SourceOrder.of(a_recording(an_artifact()), an_artifact(url=url), known_source=None)
        for url in ("https://media.example.com/1", "https://media.example.com/2")
    )
    assert one.revision != other.revision


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"namespace": 1}'])
def test_an_invalid_order_is_rejected(text: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        TransferOrder.from_json(text)
