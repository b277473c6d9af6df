"""Parameters that are names of objects. As values they are texts; a shell offers the names that the cluster has.

    @click.argument("name", type=RecordingName(phases=("Failed",)))
    @click.argument("artifact", type=ArtifactName(recording="name"))

Names are read with the options that the user has typed so far: -n, --context, --kubeconfig, --as. Nothing is imported
for this before a shell asks.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import click
from click.types import StringParamType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_OF_URLS: Final = frozenset("?:")
_MOST_SLASHES: Final = 2


def _checked(kind: StringParamType, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
    """Reject a URL in place of a name, without its text: it may have a signature."""
    slashes = _MOST_SLASHES if isinstance(kind, RecordingName) else 0
    if _OF_URLS & set(value) or value.count("/") > slashes:
        kind.fail("write a name here, not a URL or a path.", param, ctx)
    return value


class NewName(StringParamType):
    """Name of an object that does not exist yet."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reject a URL."""
        return _checked(self, super().convert(value, param, ctx), param, ctx)


class RecordingName(StringParamType):
    """Name of a Recording, which may be written NAMESPACE/NAME. With `phases`, a shell offers only those."""

    def __init__(self, *, phases: Collection[str] = ()) -> None:
        self.phases = phases

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reject a URL."""
        return _checked(self, super().convert(value, param, ctx), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Recordings of the namespace."""
        from recording_operator.cli.completion.lookup import recordings  # noqa: PLC0415 - reads the cluster

        return recordings(ctx.params, incomplete, phases=self.phases, given=ctx.params.get(param.name or ""))


class ArtifactName(StringParamType):
    """Name of an artifact of the Recording that the parameter `recording` names."""

    def __init__(self, *, recording: str = "name") -> None:
        self.recording = recording

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reject a URL."""
        return _checked(self, super().convert(value, param, ctx), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Artifacts of the Recording."""
        from recording_operator.cli.completion.lookup import artifacts  # noqa: PLC0415 - reads the cluster

        named = ctx.params.get(self.recording)
        return artifacts(ctx.params, incomplete, recording=named, given=ctx.params.get(param.name or ""))


class _ObjectName(StringParamType):
    """Name of an object of another kind."""

    plural: str

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Objects of the kind."""
        from recording_operator.cli.completion.lookup import objects  # noqa: PLC0415 - reads the cluster

        return objects(self.plural, ctx.params, incomplete, given=ctx.params.get(param.name or ""))


class LocationName(_ObjectName):
    """Name of a StorageLocation."""

    plural = "storagelocations"


class ReportName(_ObjectName):
    """Name of a StorageReport."""

    plural = "storagereports"


class SourceName(_ObjectName):
    """Name of a RecordingSource, which may be written NAMESPACE/NAME."""

    plural = "recordingsources"


class SinkName(_ObjectName):
    """Name of an EventSink, which may be written NAMESPACE/NAME."""

    plural = "eventsinks"


class NamespaceName(StringParamType):
    """Name of a namespace."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002 - click's signature
        """Namespaces, or those of the kubeconfig's contexts where the caller may not list them."""
        from recording_operator.cli.completion.lookup import namespaces  # noqa: PLC0415 - reads the cluster

        return namespaces(ctx.params, incomplete)


class ContextName(StringParamType):
    """Name of a context of the kubeconfig."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":  # noqa: ARG002 - click's signature
        """Contexts."""
        from recording_operator.cli.completion.lookup import contexts  # noqa: PLC0415 - reads the kubeconfig

        return contexts(ctx.params, incomplete)
