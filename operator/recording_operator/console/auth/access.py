"""What a caller may do: the API server reviews the access, and the result is kept for a while."""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

from recording_operator.api.names import GROUP
from recording_operator.catalog.wanted import VisibleNamespaces
from recording_operator.console.auth.callers import Caller
from recording_operator.console.auth.reviews import with_own_rights
from recording_operator.kube.errors import NotFound
from recording_operator.kube.resources import NAMESPACES, Resources
from recording_operator.kube.rest import RestClient

_PATH: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_RIGHT: Final = "create subjectaccessreviews.authorization.k8s.io"
_NAMESPACES_RIGHT: Final = "get namespaces"
REMEMBERED_S: Final = 30.0
DENIED_S: Final = 300.0
"""How long `visible` remembers in which of many namespaces nothing may be seen: usually in most of them."""
_MOST_REMEMBERED: Final = 100_000
_AT_ONCE: Final = 8
_CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
"""Each token of a ServiceAccount has another one; the rights are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a caller wants to do with a resource of this API. Without a namespace: in all of them."""

    verb: str
    resource: str = "recordings"
    namespace: str = ""
    name: str = ""


class AccessReviewer:
    """Asks the API server what callers may do. Thread-safe."""

    def __init__(self, rest: RestClient, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._resources = Resources(rest)
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._results: OrderedDict[tuple[bytes, Action], tuple[float, bool]] = OrderedDict()
        self._turns: WeakValueDictionary[bytes, threading.Lock] = WeakValueDictionary()
        self._created: dict[str, tuple[float, datetime | None]] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="access")

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown(cancel_futures=True)

    def may(self, caller: Caller, action: Action) -> bool:
        """Whether the caller may do it. Raises KubeError and Problem 500."""
        return self._reviewed(caller, action)[1]

    def visible(self, caller: Caller, namespaces: Iterable[str], *, verb: str = "list") -> VisibleNamespaces:
        """Of which of these namespaces the caller may see the Recordings. Raises KubeError and Problem 500.

        Of many namespaces, a denial is remembered for DENIED_S. Meanwhile a caller who asks for one of them, and may
        see it now, sees it in all.
        """
        names = tuple(namespaces)
        with self._turn(caller) if len(names) > 1 else nullcontext():
            if self.may(caller, Action(verb=verb)):
                return VisibleNamespaces(everything=True, since={})
            found = self._since(caller, names if len(names) == 1 else self._not_denied(caller, names, verb), verb)
        return VisibleNamespaces(since={name: since for name, since in found.items() if since is not None})

    def since(self, caller: Caller, namespace: str, *, verb: str) -> datetime | None:
        """Since when the namespace exists, if the caller may read Recordings there. Raises KubeError and Problem 500.

        A namespace that was deleted and created again is read after the review that allows the access: otherwise its
        new users would see what is older than it.
        """
        reviewed_s, allowed = self._reviewed(caller, Action(verb=verb, namespace=namespace))
        if not allowed:
            return None
        with self._lock:
            read_s, created = self._created.get(namespace, (-1.0, None))
        began_s = self._steady_s()
        if reviewed_s <= read_s and began_s < read_s + REMEMBERED_S:
            return created
        try:
            stored = with_own_rights(lambda: self._resources.get(NAMESPACES, namespace), right=_NAMESPACES_RIGHT)
            created = datetime.fromisoformat(stored["metadata"]["creationTimestamp"])
        except NotFound:
            created = None
        with self._lock:
            self._created[namespace] = (began_s, created)
        return created

    def _turn(self, caller: Caller) -> threading.Lock:
        """Of a caller's requests only one at a time reviews namespaces: the next one finds its results."""
        who = _digest(caller)
        with self._lock:
            turn = self._turns.get(who) or threading.Lock()
            self._turns[who] = turn
            return turn

    def _since(self, caller: Caller, names: Sequence[str], verb: str) -> dict[str, datetime | None]:
        found: dict[str, datetime | None] = {}
        for begin in range(0, len(names), _AT_ONCE):  # callers take turns
            some = names[begin : begin + _AT_ONCE]
            found |= zip(some, self._pool.map(lambda name: self.since(caller, name, verb=verb), some), strict=True)
        return found

    def _not_denied(self, caller: Caller, names: Sequence[str], verb: str) -> Sequence[str]:
        who, after_s = _digest(caller), self._steady_s() - DENIED_S
        with self._lock:
            known = [self._results.get((who, Action(verb=verb, namespace=name)), (after_s, True)) for name in names]
        return [name for name, (at_s, may) in zip(names, known, strict=True) if may or at_s <= after_s]

    def _reviewed(self, caller: Caller, action: Action) -> tuple[float, bool]:
        """When the access was reviewed, and whether it is allowed."""
        key = (_digest(caller), action)
        began_s = self._steady_s()
        with self._lock:
            result = self._results.get(key)
        if result is not None and began_s < result[0] + REMEMBERED_S:
            return result
        result = (began_s, self._review(caller, action))
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            self._forget(began_s - DENIED_S)
        return result

    def _forget(self, before_s: float) -> None:
        """The oldest results, which come first."""
        while self._results:
            oldest = next(iter(self._results))
            if self._results[oldest][0] > before_s and len(self._results) <= _MOST_REMEMBERED:
                return
            del self._results[oldest]

    def _review(self, caller: Caller, action: Action) -> bool:
        attributes = {
            "group": GROUP,
            "resource": action.resource,
            "verb": action.verb,
            "namespace": action.namespace,
            "name": action.name,
        }
        spec: dict[str, Any] = {
            "user": caller.username,
            "uid": caller.uid,
            "groups": list(caller.groups),
            "extra": {name: list(values) for name, values in caller.extra.items()},
            "resourceAttributes": {name: value for name, value in attributes.items() if value},
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        reviewed = with_own_rights(lambda: self._rest.request("POST", _PATH, body=body), right=_RIGHT)
        status = reviewed.get("status") or {}
        return bool(status.get("allowed"))


def _digest(caller: Caller) -> bytes:
    """Who it is, for the memory of results."""
    extra = sorted((name, values) for name, values in caller.extra.items() if name != _CREDENTIAL)
    return hashlib.sha256(json.dumps([caller.username, caller.uid, caller.groups, extra]).encode()).digest()
