"""Who owns an object. Locations that share a bucket: each object is counted once."""

import tracemalloc
import uuid
from typing import Any

import pytest

from recording_operator.api.storagelocation import StorageLocation
from recording_operator.usage.owners import KeySpaces, RecordingIndex, basis_of, key_space

DEFAULT = "{org}/{namespace}/{name}/{uid}/{artifact}{ext}"
UID = "0a1b2c3d-0000-4000-8000-000000000001"


def location(name: str, *, prefix: str = "", template: str = DEFAULT, **s3: Any) -> StorageLocation:
    return StorageLocation.model_validate(
        {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "StorageLocation",
            "metadata": {"name": name, "uid": UID, "generation": 1},
            "spec": {
                "s3": {"bucket": "shared", "prefix": prefix, **s3},
                "credentials": {"secretRef": {"name": "secret"}},
                "keyTemplate": template,
                "allowedNamespaces": {"from": "All"},
            },
        }
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://s3.example.com", "https://s3.example.com/"),
        ("https://s3.example.com", "https://S3.Example.com:443"),
        ("http://10.0.0.1", "http://10.0.0.1:80"),
        (None, "https://s3.us-east-1.amazonaws.com"),
        (None, "https://s3.amazonaws.com"),
        ("https://s3.dualstack.eu-west-2.amazonaws.com", "https://s3-us-west-2.amazonaws.com"),
    ],
)
def test_one_place_for_every_spelling_of_its_endpoint(one: str | None, other: str | None) -> None:
    assert key_space(location("a", endpoint=one)) == key_space(location("b", endpoint=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://s3.example.com", "http://s3.example.com"),
        ("https://s3.example.com", "https://s3.example.com:9000"),
        ("https://s3.example.com", None),
        ("https://s3.example.com/a", "https://s3.example.com/b"),
        ("https://s3.amazonaws.com.example.com", None),
        ("https://s3.cn-north-1.amazonaws.com.cn", None),
    ],
)
def test_two_places(one: str | None, other: str | None) -> None:
    assert key_space(location("a", endpoint=one)) != key_space(location("b", endpoint=other))


def test_the_first_counted_location_by_name_counts_for_all_its_twins() -> None:
    first, second, third = location("a"), location("b"), location("c")
    key_spaces = KeySpaces([third, second], [first, second, third])
    assert [key_spaces.counted_by(one) for one in (first, second, third)] == ["b", None, "b"]
    assert [key_spaces.twins_of(one) for one in (first, second, third)] == [["b", "c"], ["a", "c"], ["a", "b"]]


def test_a_location_that_is_not_counted_takes_nothing_from_its_twin() -> None:
    first, second = location("a"), location("b")
    assert KeySpaces([second], [first, second]).counted_by(second) is None
    assert KeySpaces([], [first, second]).counted_by(first) is None


def test_a_location_with_another_template_is_not_a_twin() -> None:
    other = location("a", template="{org}/{uid}/{artifact}{ext}")
    assert KeySpaces([other, location("b")], []).counted_by(location("b")) is None


def test_the_longer_prefix_claims_its_own_keys_and_no_others() -> None:
    outer, inner = location("a"), location("b", prefix="cold/")
    [claim] = KeySpaces([outer], [outer, inner]).claims_on(outer)
    assert claim.holds(f"cold/acme/team/meeting/{UID}/video.mp4")
    # An organisation called as the other's prefix: the outer location's template made this key.
    assert not claim.holds(f"cold/team/meeting/{UID}/video.mp4")
    assert KeySpaces([outer, inner], [outer, inner]).claims_on(inner) == ()


def test_if_two_templates_match_each_others_keys_the_first_by_name_counts() -> None:
    one = location("a", template="{org}/{namespace}/{uid}/{artifact}")
    other = location("b", template="{org}/{user}/{uid}/{artifact}")
    key_spaces = KeySpaces([one, other], [one, other])
    [claim] = key_spaces.claims_on(other)
    assert claim.holds(f"acme/team/{UID}/video")
    assert key_spaces.claims_on(one) == ()
    # Where the first is not counted, the second has to.
    assert KeySpaces([other], [one, other]).claims_on(other) == ()


def test_another_bucket_or_store_claims_nothing() -> None:
    outer = location("a")
    others = [location("b", prefix="cold/", bucket="other"), location("c", prefix="cold/", endpoint="https://s3.test")]
    assert KeySpaces([outer, *others], [outer, *others]).claims_on(outer) == ()


def test_a_basis_changes_with_whatever_is_counted() -> None:
    outer, inner = location("a"), location("b", prefix="cold/")
    claims = KeySpaces([outer], [outer, inner]).claims_on(outer)
    bases = {
        basis_of(outer, (), versions=False),
        basis_of(outer, (), versions=True),
        basis_of(outer, claims, versions=False),
        basis_of(inner, (), versions=False),
        basis_of(location("a", template="{org}/{uid}/{artifact}{ext}"), (), versions=False),
    }
    assert len(bases) == 5
    assert basis_of(location("c"), (), versions=False) in bases


def test_a_recording_takes_about_twenty_bytes() -> None:
    tracemalloc.start()
    try:
        index = RecordingIndex()
        for number in range(50_000):
            index.add(str(uuid.UUID(int=number << 64)), org=f"org-{number % 100}", namespace="team")
        assert index.owner(str(uuid.UUID(int=49_999 << 64))) == ("org-99", "team", True)
        assert index.owner(str(uuid.UUID(int=50_000 << 64))) == (None, None, False)
        assert tracemalloc.get_traced_memory()[0] < 50_000 * 24
    finally:
        tracemalloc.stop()
