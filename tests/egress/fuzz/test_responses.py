"""Some seconds of `make fuzz`."""

from tests.egress.fuzz.responses import run, seeds


def test_s34_no_response_is_read_otherwise_than_it_was_meant() -> None:
    assert len(seeds()) >= 10
    run(examples=1000, number=20261128)
