"""The EventSinks: which of them an event of a Recording is announced to."""

from collections import OrderedDict
from typing import Final

from recording_operator.api.recording import Recording
from recording_operator.engine.facts import Affects
from recording_operator.engine.notification_facts import Sink, SinksChanged

_REMEMBERED: Final = 10_000


class Sinks:
    """The EventSinks that exist now; none are known before the first fact."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, dict[str, Sink]] | None = None
        self.forgotten: dict[str, tuple[tuple[str, str], ...]] = {}
        """The sinks that Recordings wait for which are not in memory, by uid of the Recording."""
        self._ended: OrderedDict[str, None] = OrderedDict()

    @property
    def known(self) -> bool:
        """Whether they were listed. Before that, nothing that they may select is written."""
        return self._by_namespace is not None

    def observe(self, fact: SinksChanged) -> Affects:
        """Note the sinks. Returns which Recordings the change concerns: at first all, then those of a namespace."""
        before, after = self._by_namespace, dict[str, dict[str, Sink]]()
        for sink in fact.sinks:
            after.setdefault(sink.namespace, {})[sink.name] = sink
        self._by_namespace = after
        if before is None:
            return lambda _recording, _location: True
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        return lambda recording, _location: recording.metadata.namespace in changed

    def get(self, namespace: str, name: str) -> Sink | None:
        """The sink of this name."""
        return (self._by_namespace or {}).get(namespace, {}).get(name)

    def selecting(self, recording: Recording, event: str) -> list[Sink]:
        """The sinks that an event of the Recording is announced to, by name."""
        there = (self._by_namespace or {}).get(recording.metadata.namespace)
        if not there:
            return []
        labels = recording.metadata.labels
        chosen = (
            sink
            for sink in there.values()
            if event in sink.events
            and not sink.stopped
            and all(labels.get(name) == value for name, value in sink.match_labels)
        )
        return sorted(chosen, key=lambda sink: sink.name)

    def note_end(self, uid: str) -> None:
        """The sinks were notified that the Recording is deleted. The watch shows its end after that."""
        self._ended[uid] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def was_notified_of_end(self, uid: str) -> bool:
        """Whether the sinks were notified that the Recording is deleted."""
        return uid in self._ended
