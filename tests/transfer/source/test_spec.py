"""The repr of a source contains no secret."""

from recording_operator.transfer.source.spec import SourceSpec


def test_i6_a_source_shows_neither_url_nor_headers() -> None:
    source = SourceSpec(url="https://h/x?secret", headers={"Authorization": "secret"})
    assert "secret" not in repr(source)
