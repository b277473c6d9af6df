"""The cluster as the caller sees it: requests with the caller's own rights, in the namespace of the context."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.verb import program
from recording_operator.kube.connection import NoToken, TokenSource, connection, impersonation
from recording_operator.kube.resources import Resources
from recording_operator.kube.rest import READ_TIMEOUT_S, RestClient

_KIND_PREFIX: Final = "recording.recordings.dev/"
"""As `list -o name` prints it. No namespace has dots in its name."""
_NO_LIMIT_S: Final = 86_400.0
_HALF_A_SECOND: Final = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """An open connection. `resources` sends requests; `namespace` is the one that the user means."""

    resources: Resources
    rest: RestClient
    namespace: str
    context_namespace: str
    """The one of the context, whatever -n says."""
    context: str | None = None
    """Its name; None in a pod."""
    given_namespace: str | None = None
    """That of -n."""
    now: datetime
    """When the verb was called."""
    token: TokenSource = field(default_factory=NoToken, repr=False)
    """The caller's own, for servers that ask the API server whose it is."""
    _offsets: list[timedelta] = field(default_factory=list)

    @property
    def clock_offset(self) -> timedelta | None:
        """How far the clock of the API server is ahead of this machine's, to a second; None before its first response.

        The Date header has no fractions of a second, so half a second is added.
        """
        return min(self._offsets, key=abs) if self._offsets else None

    def address(self, name: str) -> tuple[str, str]:
        """Namespace and name of an object, which may be written NAMESPACE/NAME, or as `-o name` prints it.

        Raises UsageError if that is another namespace than that of -n.
        """
        namespace, slash, rest = name.removeprefix(_KIND_PREFIX).partition("/")
        if not slash:
            return self.namespace, namespace
        if self.given_namespace not in {None, namespace}:
            raise click.UsageError(f"{namespace}/{rest} is not in namespace {self.given_namespace}. Leave out -n.")
        return namespace, rest


@contextmanager
def open_cluster(options: ClusterOptions) -> Iterator[Cluster]:
    """Connect. Raises ConnectionConfigError; requests raise KubeError."""
    logging.getLogger().addHandler(logging.NullHandler())  # what a person must know is an error, not a log line
    server = connection(kubeconfig=options.kubeconfig, context=options.context)
    if options.as_user or options.as_groups:
        server = replace(server, impersonation=impersonation(user=options.as_user, groups=options.as_groups))
    seconds = options.request_timeout_s
    timeout_s = READ_TIMEOUT_S if seconds is None else seconds or _NO_LIMIT_S
    offsets: list[timedelta] = []
    rest = RestClient(
        server,
        user_agent=program().replace(" ", "-"),
        read_timeout_s=timeout_s,
        on_server_time=lambda time: _keep_nearest(offsets, time + _HALF_A_SECOND - datetime.now(UTC)),
    )
    try:
        yield Cluster(
            resources=Resources(rest),
            rest=rest,
            namespace=options.namespace or server.namespace,
            context_namespace=server.namespace,
            context=server.context,
            given_namespace=options.namespace,
            now=datetime.now(UTC),
            token=server.token,
            _offsets=offsets,
        )
    finally:
        rest.close()


def _keep_nearest(offsets: list[timedelta], offset: timedelta) -> None:
    """A verb may send a million requests."""
    offsets[:] = [min((*offsets, offset), key=abs)]
