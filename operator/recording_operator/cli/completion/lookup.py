"""Names that a shell offers. A failure or a slow server means fewer names, never a message: someone is typing."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from threading import Thread
from typing import Any, Final

from click.shell_completion import CompletionItem

from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.text import clean
from recording_operator.kube.errors import KubeError
from recording_operator.kube.kubeconfig import Kubeconfig, kubeconfig_files
from recording_operator.kube.resources import LOCATIONS, NAMESPACES, RECORDINGS, REPORTS, SINKS, SOURCES, ResourceKind

LIMIT_S: Final = 1.0
"""What was found by then is offered."""
_PAGE: Final = 500
_TABLE: Final = "application/json;as=Table;g=meta.k8s.io;v=v1"
"""Names and printer columns: a small part of the objects."""
_PHASES: Final = ("", "Pending", "Uploading", "Complete", "Failed")
_KINDS: Final = {kind.plural: kind for kind in (LOCATIONS, REPORTS, SOURCES, SINKS)}
_COLUMNS: Final = {
    RECORDINGS.plural: ("Phase", "Reason", "Size"),
    LOCATIONS.plural: ("Bucket", "Directory", "Reason"),
    REPORTS.plural: ("Storage", "Month-To-Date"),
    SOURCES.plural: ("Provider", "Reason"),
    SINKS.plural: ("Reason",),
}
"""Printer columns that describe an object."""

_Typed = Mapping[str, Any]
"""Values of the parameters that the user has typed so far."""


def recordings(
    params: _Typed, incomplete: str, *, phases: Collection[str] = (), given: object = None
) -> list[CompletionItem]:
    """Recordings in these phases (none: all) that begin with the typed text, without those of `given`."""
    others = [phase for phase in _PHASES if phases and (phase or "Pending") not in phases]
    fields = ",".join(f"status.phase!={phase}" for phase in others)
    return _found_in_time(lambda: _addresses(params, RECORDINGS, incomplete, fields=fields, given=given))


def objects(plural: str, params: _Typed, incomplete: str, *, given: object = None) -> list[CompletionItem]:
    """Objects of another kind, without those of `given`."""
    return _found_in_time(lambda: _addresses(params, _KINDS[plural], incomplete, given=given))


def artifacts(params: _Typed, incomplete: str, *, recording: object, given: object = None) -> list[CompletionItem]:
    """Artifacts of a Recording, whose name is a text or a pair of namespace and name."""
    address = "/".join(recording) if isinstance(recording, tuple) else str(recording or "")
    return _found_in_time(lambda: _artifacts(params, address, incomplete, given=given)) if address else []


def namespaces(params: _Typed, incomplete: str) -> list[CompletionItem]:
    """Namespaces."""
    return _found_in_time(lambda: _matching(_namespaces(params), incomplete))


def contexts(params: _Typed, incomplete: str) -> list[CompletionItem]:
    """Contexts of the kubeconfig."""
    return _found_in_time(lambda: _matching(_kubeconfig(params).contexts, incomplete))


def _found_in_time(find: Callable[[], Iterator[CompletionItem]]) -> list[CompletionItem]:
    """What can be found in a second, even if the rest fails.

    In a thread: no timeout ends the lookup of a host name, or the program that has a user's credentials.
    """
    found: list[CompletionItem] = []

    def collect() -> None:
        try:
            for item in find():
                found.append(item)
        except Exception:  # noqa: BLE001 - whatever it is, the shell must not show it
            return

    logging.disable(logging.CRITICAL)
    thread = Thread(target=collect, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    return list(found)


def _options(params: _Typed) -> ClusterOptions:
    return ClusterOptions(
        namespace=params.get("namespace"),
        kubeconfig=params.get("kubeconfig"),
        context=params.get("context"),
        as_user=params.get("as_user"),
        as_groups=tuple(params.get("as_groups") or ()),
    )


def _addresses(
    params: _Typed, kind: ResourceKind, incomplete: str, *, fields: str = "", given: object = None
) -> Iterator[CompletionItem]:
    """NAME, or NAMESPACE/NAME if a slash was typed."""
    namespace, slash, begun = incomplete.partition("/") if kind.namespaced else ("", "", incomplete)
    taken = _names(given)
    with open_cluster(_options(params)) as cluster:
        where = namespace if slash else cluster.namespace
        for name, columns in _rows(cluster, kind, where, fields=fields):
            address = f"{namespace}/{name}" if slash else name
            if name.startswith(begun if slash else incomplete) and address not in taken:
                said = [columns[column] for column in _COLUMNS[kind.plural] if columns.get(column)]
                yield CompletionItem(address, help=clean(", ".join(map(str, said))))


def _rows(
    cluster: Cluster, kind: ResourceKind, namespace: str, *, fields: str
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Name and printer columns of every object, page by page."""
    query: dict[str, str | int] = {"limit": _PAGE, **({"fieldSelector": fields} if fields else {})}
    while True:
        page = cluster.rest.request("GET", kind.collection(namespace), query=query, accept=_TABLE)
        columns = [column["name"] for column in page["columnDefinitions"]]
        for row in page.get("rows") or ():
            yield row["object"]["metadata"]["name"], dict(zip(columns, row["cells"], strict=True))
        if not (token := page["metadata"].get("continue")):
            return
        query["continue"] = token


def _artifacts(params: _Typed, address: str, incomplete: str, *, given: object) -> Iterator[CompletionItem]:
    taken = _names(given)
    with open_cluster(_options(params)) as cluster:
        namespace, name = cluster.address(address)
        recording = cluster.resources.get(RECORDINGS, name, namespace=namespace)
    phases = {one["name"]: one.get("phase") for one in (recording.get("status") or {}).get("artifacts") or ()}
    for artifact in recording["spec"]["artifacts"]:
        if (found := artifact["name"]).startswith(incomplete) and found not in taken:
            yield CompletionItem(found, help=clean(f"{artifact['kind']}, {phases.get(found) or 'Pending'}"))


def _namespaces(params: _Typed) -> Iterable[str]:
    """All, or those of the kubeconfig's contexts where the caller may not list namespaces."""
    try:
        with open_cluster(_options(params)) as cluster:
            return [one["metadata"]["name"] for one in cluster.resources.list(NAMESPACES)]
    except KubeError:
        named = (context.text("namespace") for context in _kubeconfig(params).contexts.values())
        return dict.fromkeys(sorted(filter(None, named)))


def _kubeconfig(params: _Typed) -> Kubeconfig:
    return Kubeconfig.read(kubeconfig_files(params.get("kubeconfig")))


def _matching(names: Iterable[str], incomplete: str) -> Iterator[CompletionItem]:
    return (CompletionItem(name) for name in names if name.startswith(incomplete))


def _names(given: object) -> Collection[object]:
    """The values of a parameter that can be repeated: they are not offered twice."""
    return given if isinstance(given, tuple) else ()
