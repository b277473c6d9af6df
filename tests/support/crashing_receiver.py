"""The receiver with crash points: `python -m tests.support.crashing_receiver receiver …`, for tests only.

The points are before and after each request of a delivery to the API server, such as `create_recording after`.
"""

from typing import Final

from recording_operator.kube.receiving import ReceiverApi
from tests.support.crashing_methods import run

REQUESTS: Final = ("create_recording", "get_recording", "change_recording", "create_secret", "change_secret")


if __name__ == "__main__":
    run((ReceiverApi, name) for name in REQUESTS)
