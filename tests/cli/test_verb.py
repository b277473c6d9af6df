"""What every verb does with its options and its failures."""

import click
import pytest
from click.testing import CliRunner

from recording_operator.cli.cluster_options import ClusterOptions, cluster_options
from recording_operator.cli.verb import Failure, Verb, explained, note
from recording_operator.kube.errors import Forbidden

RBAC = 'recordings.recordings.dev "a" is forbidden: User "u" cannot patch resource "recordings" in API group'


@pytest.mark.parametrize(("given", "seconds"), [("0", 0.0), ("0s", 0.0), ("90", 90.0), ("1m", 60.0)])
def test_request_timeouts(given: str, seconds: float) -> None:
    seen: list[ClusterOptions] = []

    @click.command(cls=Verb)
    @cluster_options()
    def verb(cluster: ClusterOptions) -> None:
        seen.append(cluster)

    assert CliRunner().invoke(verb, ["--request-timeout", given]).exit_code == 0
    assert [one.request_timeout_s for one in seen] == [seconds]


def test_messages_have_no_control_characters() -> None:
    @click.command(cls=Verb)
    def verb() -> None:
        note("denied \x1b]0;owned\x07\nin two lines")
        raise Failure("\x1b[31mred")

    result = CliRunner().invoke(verb)
    assert result.exit_code == 1
    assert result.stderr == "verb: denied ]0;owned\nin two lines\nverb: [31mred\n"


@pytest.mark.parametrize(
    ("message", "lacks_a_right"),
    [
        (RBAC, True),
        ("denied request: team-a cannot move Recordings during an audit", False),
        ("denied request: u cannot patch resource x", False),
        ("exceeded quota: recordings, requested: 1", False),
    ],
)
def test_only_rbac_means_a_missing_right(message: str, lacks_a_right: bool) -> None:
    error = Forbidden(message, status=403)
    error.method, error.path = "PATCH", "/apis/recordings.dev/v1alpha1/namespaces/team/recordings/a"
    assert explained(error).startswith("You may not patch recordings a") == lacks_a_right
