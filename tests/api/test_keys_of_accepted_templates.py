"""For every template, prefix and name that the API server accepts, keys are plain paths of at most 1,024 bytes."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcluster import ControlPlane
from recording_operator.api.storagelocation_rules import MAX_PREFIX_CHARS, MAX_TEMPLATE_CHARS, PLACEHOLDERS
from recording_operator.engine.keys import EXTENSIONS, KeyFacts, render_key
from tests.api.apiserver import ApiServer
from tests.api.manifests import a_location, a_recording, an_artifact

UID = "0b6f0f5e-4a52-4a0e-9a3a-64cf3f0a4a3b"
LONGEST_TYPE = max(EXTENSIONS, key=lambda content_type: len(EXTENSIONS[content_type]))
EVERY_PLACEHOLDER = "".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS, key=lambda name: name == "ext"))
NEEDED = ["{uid}", "{artifact}"]
OTHERS = st.sampled_from(["{org}", "{user}", "{project}", "{year}", "a", "."])
# Most are accepted, some not: what is asked is that no accepted one does harm.
TEMPLATES = st.builds(
    lambda pieces, between, end: between.join(pieces) + end,
    st.lists(OTHERS, min_size=1, max_size=4).flatmap(lambda others: st.permutations(NEEDED + others)),
    st.sampled_from(["/", "/", "-", ".", ""]),
    st.sampled_from(["", "{ext}", "/{ext}", ".{ext}", "/"]),
)
OWNERS = st.sampled_from(
    ["acme", "-", "_", ".", "..", ".a", "a.", "a..b", "jo@b.c", "auth0|5f", "/../", "\u5c71 \u7530"]
)
EXTS = st.sampled_from(["", LONGEST_TYPE])


def facts(*, org: str, user: str | None = None, project: str | None = None, name: str = "weekly") -> KeyFacts:
    """A Recording in the namespace with the longest name."""
    return KeyFacts(
        org=org,
        user=user,
        project=project,
        namespace="n" * 63,
        name=name,
        uid=UID,
        created=datetime(2026, 11, 21, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def server(cluster: ControlPlane) -> ApiServer:
    """The API server."""
    return ApiServer(cluster.kubeconfig)


@pytest.mark.cluster
@pytest.mark.parametrize("owner", ["o" * 128, "@" * 16 + "o" * 80, "@" * 42, "\u0436" * 21])
def test_the_longest_key_has_1024_bytes_at_most(server: ApiServer, owner: str) -> None:
    template = "x" * (MAX_TEMPLATE_CHARS - len(EVERY_PLACEHOLDER)) + EVERY_PLACEHOLDER
    prefix = "p" * (MAX_PREFIX_CHARS - 1) + "/"
    assert server.create(a_location(s3={"prefix": prefix}, keyTemplate=template)).message == "accepted"
    longest = {"org": owner, "user": owner, "project": owner}
    recording = a_recording(an_artifact(name="a" * 63), name="r" * 63, owner=longest)
    assert server.create(recording).message == "accepted"
    key = render_key(
        prefix=prefix,
        template=template,
        facts=facts(name="r" * 63, **longest),
        artifact="a" * 63,
        content_type=LONGEST_TYPE,
    )
    assert 990 < len(key.encode()) <= 1024


@pytest.mark.cluster
def test_every_accepted_template_makes_keys_that_are_plain_paths(server: ApiServer) -> None:
    accepted = 0

    @given(
        template=TEMPLATES,
        owner=st.fixed_dictionaries({"org": OWNERS}, optional={"user": OWNERS, "project": OWNERS}),
        content_type=EXTS,
    )
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(template: str, owner: dict[str, str], content_type: str) -> None:
        nonlocal accepted
        if server.create(a_location(keyTemplate=template)).code >= 300:
            return
        if server.create(a_recording(owner=owner)).code >= 300:
            return
        accepted += 1
        key = render_key(
            prefix="", template=template, facts=facts(**owner), artifact="video", content_type=content_type
        )
        assert not {"", ".", ".."} & set(key.split("/")), template
        assert re.fullmatch(r"[A-Za-z0-9!_.*()=/-]+", key), template

    check()
    assert accepted > 20, "the property was hardly tried"
