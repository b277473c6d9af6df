"""A live table of Recordings on the whole terminal. It is the only module that needs rich."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from recording_operator.api.units import format_bytes
from recording_operator.cells import clean
from recording_operator.cli.recordings.row import ListedRecording
from recording_operator.cli.recordings.watched import PHASE_ORDER, WatchedRecording, WatchedRecordings
from recording_operator.cli.screen.bars import bar, stored_share
from recording_operator.times import age, relative, span

_COLOURS: Final = {"Complete": "green", "Uploading": "blue", "Pending": "yellow", "Failed": "red"}
_HEAD_LINES: Final = 4
"""What is watched, counts, an empty line, and the titles of the columns."""
_BAR_COLUMNS: Final = 10
_WIDE: Final = 100
_WIDER: Final = 140
_WIDEST: Final = 170


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    title: str
    from_columns: int = 0
    """The least width of a terminal that has room for it."""
    ratio: int | None = None
    is_number: bool = False


_COLUMNS: Final = (
    _Column(title="NAME", ratio=3),
    _Column(title="PHASE"),
    _Column(title="PROGRESS"),
    _Column(title="SIZE", is_number=True, from_columns=_WIDE),
    _Column(title="RATE", is_number=True),
    _Column(title="LEFT", is_number=True),
    _Column(title="EXPIRES", from_columns=_WIDE),
    _Column(title="AGE", from_columns=_WIDE, is_number=True),
    _Column(title="LOCATION", from_columns=_WIDER),
    _Column(title="ORG", from_columns=_WIDER),
    _Column(title="TITLE", from_columns=_WIDEST, ratio=2),
)


class LiveTable:
    """Draws on the alternate screen of the terminal, which is as before when the table is closed."""

    def __init__(self, *, title: str, with_namespace: bool) -> None:
        self._console = Console(highlight=False)
        self._title = title
        self._with_namespace = with_namespace
        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False,
                          redirect_stderr=False)  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def draw(self, watched: WatchedRecordings, *, now: datetime, now_s: float) -> None:
        """Draw what is known now."""
        shown = watched.shown(now=now)
        room = max(self._console.size.height - _HEAD_LINES, 1)
        fits = shown if len(shown) <= room else shown[: room - 1]
        parts: list[RenderableType] = [
            self._head(watched, shown, now_s=now_s),
            Text(""),
            self._table(fits, now=now, now_s=now_s),
        ]
        if len(fits) < len(shown):
            parts.append(Text(f"and {len(shown) - len(fits)} more", style="dim"))
        self._live.update(Group(*parts), refresh=True)

    def _head(self, watched: WatchedRecordings, shown: Sequence[WatchedRecording], *, now_s: float) -> Text:
        if watched.is_interrupted:
            return Text(
                f"{self._title}\nThe API server does not respond. This was seen last.", style="red", no_wrap=True
            )
        if not watched.is_listed:
            return Text(f"{self._title}\nReading…", no_wrap=True)
        counts = Counter(one.row.phase for one in shown)
        counted = ", ".join(f"{counts[phase]} {phase.lower()}" for phase in PHASE_ORDER if counts[phase])
        text = f"{self._title}{_total(shown, now_s=now_s)}\n{counted or 'There are no Recordings.'}"
        return Text("\n".join(map(clean, text.splitlines())), no_wrap=True, overflow="ellipsis")

    def _table(self, shown: Sequence[WatchedRecording], *, now: datetime, now_s: float) -> Table:
        columns = [one for one in _COLUMNS if one.from_columns <= self._console.size.width]
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1), header_style="bold")
        for column in columns:
            table.add_column(
                column.title,
                no_wrap=True,
                overflow="ellipsis",
                ratio=column.ratio,
                justify="right" if column.is_number else "left",
            )
        for one in shown:
            cells = self._cells(one, now=now, now_s=now_s)
            table.add_row(*(cells[column.title] for column in columns))
        return table

    def _cells(self, one: WatchedRecording, *, now: datetime, now_s: float) -> dict[str, Text]:
        row = one.row
        rate, left_s = one.speed.rate(now_s=now_s), one.speed.left_s(row.bytes_total, now_s=now_s)
        texts = {
            "NAME": f"{row.namespace}/{row.name}" if self._with_namespace else row.name,
            "SIZE": row.size,
            "RATE": "" if rate is None else f"{format_bytes(int(rate))}/s",
            "LEFT": span(left_s) if left_s and left_s >= 1 else "",
            "EXPIRES": relative(row.expires, now=now),
            "AGE": age(row.created, now=now),
            "LOCATION": row.location,
            "ORG": row.org,
            "TITLE": row.title,
        }
        cells = {title: Text(clean(text)) for title, text in texts.items()}
        colour = _COLOURS.get(row.phase, "")
        return {**cells, "PHASE": Text(clean(row.phase), style=colour), "PROGRESS": Text(_progress(row), style=colour)}


def _progress(row: ListedRecording) -> str:
    """A bar while bytes move, otherwise why they do not."""
    share = stored_share(row.progress)
    if row.phase == "Complete" and (share is None or row.reason == "PartiallyStored"):
        return clean(row.reason)
    if share is None or row.phase in {"Pending", "Failed"}:
        return clean(row.reason if row.phase in {"Pending", "Failed"} else row.progress)
    return f"{bar(share, room=_BAR_COLUMNS)} {clean(row.progress)}"


def _total(shown: Sequence[WatchedRecording], *, now_s: float) -> str:
    rates = [rate for one in shown if (rate := one.speed.rate(now_s=now_s)) is not None]
    return f", {format_bytes(int(sum(rates)))}/s" if rates else ""
