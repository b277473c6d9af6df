"""When a report is due, as a pure function of schedule, time zone and the last processed time."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_FIELDS: Final = 5


class ScheduleError(ValueError):
    """An invalid schedule or time zone. The message says which, and what to write."""


def next_time(schedule: str, time_zone: str, *, after: datetime) -> datetime:
    """The first scheduled time after `after`, in UTC. Raises ScheduleError.

    When daylight saving time begins, a skipped time is moved to the change. When it ends, a repeated time counts once,
    as in cron.
    """
    return _tick(schedule, time_zone, after, reverse=False)


def last_time(schedule: str, time_zone: str, *, until: datetime) -> datetime:
    """The last scheduled time until `until` (inclusive), in UTC. Raises ScheduleError."""
    # Backwards, the iterator starts before the given second.
    return _tick(schedule, time_zone, datetime.fromtimestamp(int(until.timestamp()) + 1, UTC), reverse=True)


def missed_time(schedule: str, time_zone: str, *, acted_on: datetime | None, now: datetime) -> datetime | None:
    """The last scheduled time that was missed. Several missed times count as one. Raises ScheduleError."""
    last = last_time(schedule, time_zone, until=now)
    return last if acted_on is None or last > acted_on else None


def _tick(schedule: str, time_zone: str, start: datetime, *, reverse: bool) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"The time zone {time_zone} is unknown. Write one such as UTC or Europe/London.") from None
    if len(schedule.split()) != _FIELDS:
        raise ScheduleError(f"The schedule '{schedule}' is invalid. Write five fields such as '0 0 * * *'.")
    local = start.astimezone(UTC if time_zone == "UTC" else zone)
    try:
        found = next(iter(CronSim(schedule, local, reverse=reverse)))
    except CronSimError as error:
        raise ScheduleError(
            f"The schedule '{schedule}' is invalid: {str(error).lower()}. Write five fields such as '0 0 * * *'."
        ) from None
    except StopIteration:
        raise ScheduleError(f"The schedule '{schedule}' never occurs.") from None
    return found.astimezone(UTC)
