"""Keys: no two artifacts share one, none is a folder of another, and the owner can be read from a key."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.keytemplate import escape_id, is_owner_id, unescape_id
from recording_operator.engine.keys import EXTENSIONS, KeyFacts, common_prefix, render_key, uid_pattern
from tests.engine.builders import uid_of

plain_owners = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(lambda text: ".." not in text)
any_owners = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)
owners = (
    plain_owners | any_owners | st.sampled_from(["jo@example.com", "auth0|5f", "eu-west-1:1234", "/team/a b", "=40"])
)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
content_types = st.sampled_from(["", "application/octet-stream", "VIDEO/MP4", *EXTENSIONS])
prefixes = st.sampled_from(["", "p/", "a.b/c+d/"])
UUIDS = st.uuids(version=4).map(str)


@st.composite
def facts(draw: st.DrawFn) -> KeyFacts:
    return KeyFacts(
        org=draw(owners),
        user=draw(st.none() | owners),
        project=draw(st.none() | owners),
        namespace=draw(labels),
        name=draw(labels),
        uid=draw(UUIDS),
        created=draw(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1))).replace(tzinfo=UTC),  # noqa: DTZ001 - hypothesis takes dates without a zone
    )


@st.composite
def templates(draw: st.DrawFn) -> str:
    """A template as the API server accepts it: {uid} and {artifact} once, others at most once, {ext} at the end."""
    others = ["{org}", "{user}", "{project}", "{namespace}", "{name}", "{year}", "{month}", "{day}", "rec", "x.y"]
    pieces = draw(st.permutations(["{uid}", "{artifact}", *draw(st.lists(st.sampled_from(others), unique=True))]))
    template = pieces[0]
    for piece in pieces[1:]:
        template += draw(st.sampled_from(["/", "-", "_"])) + piece
    return template + draw(st.sampled_from(["", "{ext}"]))


@given(prefixes, templates(), facts(), labels, content_types)
def test_the_uid_can_be_read_from_the_key(
    prefix: str, template: str, of: KeyFacts, artifact: str, content_type: str
) -> None:
    key = render_key(prefix=prefix, template=template, facts=of, artifact=artifact, content_type=content_type)
    pattern = uid_pattern(prefix=prefix, template=template)

    assert pattern is not None
    found = pattern.fullmatch(key)
    assert found is not None
    # An organisation or an artifact may be called like a uid; then the pattern may take that for it. Ours is there.
    assert found["uid"] == of.uid or re.fullmatch(r"[0-9a-f-]{36}", found["uid"])
    assert key.startswith(prefix)
    assert key.startswith(common_prefix(prefix=prefix, template=template, facts=of))


@given(prefixes, templates(), facts(), labels, labels, content_types, content_types)
def test_no_artifact_has_the_key_or_the_folder_of_another(
    prefix: str, template: str, of: KeyFacts, one: str, other: str, one_type: str, other_type: str
) -> None:
    if one == other:
        return
    first = render_key(prefix=prefix, template=template, facts=of, artifact=one, content_type=one_type)
    second = render_key(prefix=prefix, template=template, facts=of, artifact=other, content_type=other_type)

    assert first != second
    assert not first.startswith(second + "/")
    assert not second.startswith(first + "/")


@given(templates(), facts(), facts(), labels)
def test_two_recordings_never_share_a_key(template: str, one: KeyFacts, other: KeyFacts, artifact: str) -> None:
    if one.uid == other.uid:
        return
    keys = {
        render_key(prefix="", template=template, facts=of, artifact=artifact, content_type="") for of in (one, other)
    }

    assert len(keys) == 2


def test_a_key_of_another_form_is_not_ours() -> None:
    pattern = uid_pattern(prefix="p/", template="meeting-recordings/{org}/{user}/{uid}/{artifact}{ext}")
    uid = uid_of(7)

    assert pattern is not None
    assert pattern.fullmatch(f"p/meeting-recordings/acme/-/{uid}/video.mp4") is not None
    for foreign in (
        f"q/meeting-recordings/acme/-/{uid}/video.mp4",
        f"p/meeting-recordings/acme/{uid}/video.mp4",
        f"p/meeting-recordings/acme/-/{uid}/folder/video.mp4",
        f"p/meeting-recordings/acme/-/{uid.upper()[:8]}/video.mp4",
        "p/meeting-recordings/acme/-/not-a-uid/video.mp4",
        f"p/meeting-recordings/acme/-/{uid}/",
    ):
        assert pattern.fullmatch(foreign) is None, foreign


def test_with_a_template_without_a_uid_the_recording_of_a_key_is_unknown() -> None:
    assert uid_pattern(prefix="", template="{namespace}/{name}/{artifact}") is None


def test_an_undeclared_type_gets_no_extension() -> None:
    of = KeyFacts(
        org="acme",
        user=None,
        project=None,
        namespace="n",
        name="r",
        uid=uid_of(1),
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )

    key = render_key(
        prefix="p/",
        template="{year}/{month}/{day}/{user}/{uid}/{artifact}{ext}",
        facts=of,
        artifact="a",
        content_type="",
    )

    assert key == f"p/2026/01/02/-/{uid_of(1)}/a"


@pytest.mark.parametrize(
    ("owner", "written"),
    [
        ("jo@example.com", "jo=40example.com"),
        ("auth0|5f", "auth0=7C5f"),
        ("eu-west-1:1234", "eu-west-1=3A1234"),
        ("/team/a b", "=2Fteam=2Fa=20b"),
        ("jo=40example.com", "jo=3D40example.com"),
        ("J\u00f6", "J=C3=B6"),
        ("a%2Fb", "a=252Fb"),
        ("..", "=2E=2E"),
        ("a..b", "a.=2Eb"),
    ],
)
def test_an_owner_as_its_provider_writes_it_is_escaped_in_keys(owner: str, written: str) -> None:
    assert escape_id(owner) == written
    assert unescape_id(written) == owner


@given(plain_owners)
def test_the_keys_of_plain_owners_stay_as_they_were(owner: str) -> None:
    assert escape_id(owner) == owner


@given(any_owners, any_owners)
def test_escaping_is_reversible_and_safe_so_that_no_two_owners_share_a_folder(one: str, other: str) -> None:
    assert unescape_id(escape_id(one)) == one
    assert (escape_id(one) == escape_id(other)) == (one == other)
    assert re.fullmatch(r"(?!\.)[A-Za-z0-9._=-]+", escape_id(one))
    assert ".." not in escape_id(one)


@given(st.text(st.sampled_from("=4a0FC3B6.@"), max_size=12))
def test_what_was_not_escaped_is_left_as_it_is(text: str) -> None:
    found = unescape_id(text)
    assert found == text or escape_id(found) == text


@given(owners, owners)
def test_the_organisation_is_read_back_from_the_key(org: str, user: str) -> None:
    template = "{org}/{user}/{uid}/{artifact}{ext}"
    of = KeyFacts(
        org=org,
        user=user,
        project=None,
        namespace="n",
        name="r",
        uid=uid_of(1),
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )
    key = render_key(prefix="p/", template=template, facts=of, artifact="a", content_type="Text/VTT ; charset=utf-8")
    assert key.endswith("/a.vtt")
    pattern = uid_pattern(prefix="p/", template=template)
    found = pattern.fullmatch(key) if pattern else None
    assert found is not None
    assert (unescape_id(found["org"]), unescape_id(found["user"]), found["uid"]) == (org, user, uid_of(1))


def test_the_allowed_names_of_an_owner() -> None:
    assert all(map(is_owner_id, ["acme", "jo@example.com", "a b", "\u5c71\u7530", "@" * 42, "a" * 128]))
    assert not any(
        map(is_owner_id, ["", " a", "a ", ".a", "a..b", "(unknown)", "https://h", "a\n", "\u202e", "@" * 43, "a" * 129])
    )
