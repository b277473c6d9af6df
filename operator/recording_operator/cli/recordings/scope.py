"""Where the Recordings of a question are: a yes is not meant for those of another cluster or namespace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from recording_operator.cli.caller import Cluster
from recording_operator.cli.recordings.selection import name_of
from recording_operator.cli.screen.text import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The Recordings, and their cluster as the user calls it."""

    context: str | None
    namespaces: tuple[str, ...]
    names: tuple[str, ...]
    """As NAMESPACE/NAME, unless all are in the namespace of the call."""

    @classmethod
    def of(cls, cluster: Cluster, found: Sequence[Mapping[str, Any]]) -> Self:
        """That of these Recordings."""
        namespaces = tuple(sorted({str(one["metadata"]["namespace"]) for one in found}))
        is_usual = namespaces == (cluster.namespace,)
        names = tuple(str(one["metadata"]["name"]) if is_usual else name_of(one) for one in found)
        return cls(context=cluster.context, namespaces=namespaces, names=names)

    def text(self) -> str:
        """A sentence, such as `Context kind, namespace team-a.`"""
        count = len(self.namespaces)
        where = f"namespace {self.namespaces[0]}" if count == 1 else f"{count} namespaces"
        sentence = f"context {self.context}, {where}." if self.context else f"{where}."
        return clean(sentence[0].upper() + sentence[1:])

    def named(self, *, most: int) -> str:
        """The first names, and how many more there are."""
        more = f" and {len(self.names) - most} more" if len(self.names) > most else ""
        return f"{', '.join(map(clean, self.names[:most]))}{more}"
