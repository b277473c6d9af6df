"""Prefixes of rules cover every key of the template, and no file of the operator."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.api.keytemplate import is_owner_id
from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.engine.keys import KeyFacts, render_key
from recording_operator.lifecycle.keys import recording_prefixes

TEMPLATES = (
    "{org}/{namespace}/{name}/{uid}/{artifact}{ext}",
    "{user}-{uid}/{artifact}",
    "{project}/{uid}/{artifact}",
    "{namespace}/{uid}/{artifact}",
    "{name}/{uid}/{artifact}",
    "{uid}/{artifact}",
    "{artifact}/{uid}",
    "{year}/{month}/{day}/{uid}/{artifact}",
    "{month}/{uid}/{artifact}",
    "{day}/{uid}/{artifact}",
    "media/{org}/{uid}/{artifact}{ext}",
    ".media/{org}/{uid}/{artifact}{ext}",
)
owners = st.text(min_size=1, max_size=20).filter(is_owner_id)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("template", TEMPLATES)
@given(
    org=owners,
    user=owners | st.none(),
    namespace=names,
    name=names,
    artifact=names,
    uid=st.uuids(),
    created=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
)
def test_exactly_one_prefix_covers_a_key(
    template: str,
    org: str,
    user: str | None,
    namespace: str,
    name: str,
    artifact: str,
    uid: uuid.UUID,
    created: datetime,
) -> None:
    facts = KeyFacts(org=org, user=user, project=user, namespace=namespace, name=name, uid=str(uid), created=created)
    key = render_key(prefix="", template=template, facts=facts, artifact=artifact, content_type="video/mp4")
    assert sum(key.startswith(prefix) for prefix in recording_prefixes(template)) == 1


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_prefix_covers_a_file_of_the_operator(template: str) -> None:
    assert not any(f"{RESERVED_FOLDER}/owner".startswith(prefix) for prefix in recording_prefixes(template))


@pytest.mark.parametrize(
    ("template", "count"),
    [("media/{org}/{uid}", 1), ("{year}/{uid}", 10), ("{uid}/{artifact}", 16), ("{org}/{uid}", 65)],
)
def test_a_template_that_begins_with_a_folder_needs_one_rule(template: str, count: int) -> None:
    assert len(recording_prefixes(template)) == count


def test_a_beginning_like_that_of_the_folder_is_never_covered_by_mistake() -> None:
    prefixes = recording_prefixes(".{org}/{uid}/{artifact}")
    assert ".a" in prefixes
    assert ".r" not in prefixes
