"""Times in the format of Kubernetes' MicroTime fields."""

from datetime import UTC, datetime


def micro_time(moment: datetime) -> str:
    """RFC 3339 in UTC with exactly six decimals: the API server rejects any other number of them."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
