"""Times in the form that Kubernetes' MicroTime fields want."""

from datetime import UTC, datetime


def micro_time(moment: datetime) -> str:
    """RFC 3339 in UTC with exactly six decimals: the API server refuses any other number of them."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
