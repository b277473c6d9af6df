"""A sample of `make chaos-uploads`: after faults and kills, nothing is left behind, duplicated or wrong."""

from tests.endurance.uploads import run


def test_after_uploads_with_faults_and_kills_nothing_is_left_over() -> None:
    outcome = run(uploads=80, seed=20261121, life_s=0.4, deleted_every=4)  # some of them in time
    assert outcome.is_right, outcome
    assert outcome.clean_after_s < 60
    assert min(outcome.faults, outcome.kills, outcome.deleted, outcome.failed) > 0, f"nothing was proved: {outcome}"
