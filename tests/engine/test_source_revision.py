"""The revision of the source that an artifact was tried with."""

from recording_operator.engine.source_revision import resolved_revision, spec_revision
from tests.engine.attempts import UID
from tests.engine.builders import an_artifact, uid_of


def test_equal_urls_of_two_recordings_do_not_look_equal() -> None:
    assert spec_revision(UID, an_artifact()) != spec_revision(uid_of(2), an_artifact())
    assert "media" not in spec_revision(UID, an_artifact())


def test_a_secret_with_another_url_has_another_revision_of_the_same_spec() -> None:
    spec = an_artifact(secret="source")
    one = resolved_revision(UID, spec_revision(UID, spec), url="https://a.example.com", headers={})
    other = resolved_revision(UID, spec_revision(UID, spec), url="https://b.example.com", headers={})

    assert one != other
    assert one.split(".")[0] == other.split(".")[0] == spec_revision(UID, spec)
