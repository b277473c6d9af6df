"""Replaces the URL of an artifact, for the verb `refresh-url`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from recording_operator.cli.arguments import read_url
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.interruption import ended_as_by_ctrl_c
from recording_operator.cli.recordings.controls import new_token
from recording_operator.cli.recordings.owned_secrets import add_secret, remove_secret, replace_value
from recording_operator.cli.recordings.secret_access import warn_if_secrets_are_closed
from recording_operator.cli.recordings.selection import name_of, named
from recording_operator.cli.recordings.sources import checked_url
from recording_operator.cli.verb import Failure, note, program
from recording_operator.kube.errors import Conflict, KubeError
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.drafting import OwnedSecretDraft, url_expiry, with_suffix
from recording_operator.user_actions.settling import contains, is_rejected, look_again

_TRIES: Final = 10
_SUFFIXES: Final = {"client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str
    artifact: str | None
    url: str
    expires_at: str | None
    secret: bool
    dry_run: str | None


def run_refresh_url(request: RefreshRequest) -> None:
    """Replace the URL. Raises Failure, KubeError, UsageError."""
    url = checked_url(read_url(request.url), name=request.artifact or "the artifact")
    with ended_as_by_ctrl_c(), open_cluster(request.cluster) as cluster:
        recording = named(cluster, request.name)
        artifact = _chosen(recording, request.artifact)
        if request.dry_run != "client":
            _Refresh(cluster, recording, str(artifact["name"]), url, request).run()
    suffix = _SUFFIXES.get(request.dry_run or "", "")
    click.echo(
        f"recording.recordings.dev/{recording['metadata']['name']} has a fresh URL of {artifact['name']}{suffix}"
    )


def _chosen(recording: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """The named artifact, or the only one that needs a URL. Raises Failure, UsageError."""
    artifacts: dict[str, Mapping[str, Any]] = {str(one["name"]): one for one in recording["spec"]["artifacts"]}
    if name is not None and name not in artifacts:
        raise Failure(f"{name_of(recording)} has no artifact {name}. It has {', '.join(artifacts)}.")
    stored = {one["name"] for one in _statuses(recording).values() if one.get("phase") == "Complete"}
    with_url = [key for key, one in artifacts.items() if _has_url(one)]
    open_ones = [key for key in with_url if key not in stored]
    if name is None:
        if not open_ones:
            raise Failure(f"{name_of(recording)} needs no URL: all its files are stored, or come from elsewhere.")
        if len(open_ones) > 1:
            raise click.UsageError(f"Which artifact? Write one of {', '.join(open_ones)} before the URL.")
        return artifacts[open_ones[0]]
    if name in stored:
        raise Failure(f"Artifact {name} of {name_of(recording)} is stored, so it needs no URL.")
    if name not in with_url:
        raise Failure(f"Artifact {name} of {name_of(recording)} does not come from a URL.")
    return artifacts[name]


def _has_url(artifact: Mapping[str, Any]) -> bool:
    source = artifact.get("source") or {}
    return bool(source) and "object" not in source


def _statuses(recording: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {one["name"]: one for one in (recording.get("status") or {}).get("artifacts") or ()}


class _Refresh:
    """The Secret is written first, then the spec. The spec wakes the operator, which then reads the fresh URL.

    The API server checks both before the first write. If it is not known whether the spec was written, a new Secret
    stays: it is deleted with the Recording, too.
    """

    def __init__(
        self, cluster: Cluster, recording: dict[str, Any], artifact: str, url: str, request: RefreshRequest
    ) -> None:
        self._cluster = cluster
        self._recording = recording
        self._artifact = artifact
        self._url = url
        self._expires_at = request.expires_at or url_expiry(url)
        self._in_secret = request.secret
        self._is_trial = request.dry_run == "server"

    def run(self) -> None:
        """Write both."""
        if self._is_trial or self._in_secret:
            self._write_source(self._place(is_trial=True), is_trial=True)
        if self._is_trial:
            return
        changed = self._write()
        if self._in_secret:
            warn_if_secrets_are_closed(self._cluster, changed)

    _made: dict[str, Any] | None = None
    _replaced: str | None = None
    """The Secret whose value was replaced."""
    _sent: Mapping[str, Any] | None = None
    """The spec of the last request."""

    def _write(self) -> dict[str, Any]:
        named_url = self._place(is_trial=False)
        try:
            return self._write_source(named_url, is_trial=False)
        except BaseException as error:
            if is_rejected(error) or isinstance(error, Failure):
                self._take_back()
                raise
            found = self._found()
            if found is None or not isinstance(error, KubeError):
                raise
            return found

    def _found(self) -> dict[str, Any] | None:
        """The Recording with the fresh URL, after a request without a response. Says what is found."""
        found = look_again(
            self._cluster.resources, self._recording, lambda current: contains(current["spec"], self._sent)
        )
        metadata, name = self._recording["metadata"], name_of(self._recording)
        if found is not None:
            note(f"There was no response, but {name} has a fresh URL of {self._artifact} now.")
            return found
        look = f"{program()} status {metadata['name']} -n {metadata['namespace']}"
        made = None if self._made is None else self._made["metadata"]["name"]
        stays = f" Secret {made} was kept, and is deleted with the Recording." if made else ""
        note(f"It is not known whether {name} has a fresh URL of {self._artifact} now. To look: {look}.{stays}")
        return None

    def _place(self, *, is_trial: bool) -> dict[str, Any]:
        """Put the URL into the Secret that the artifact names, or into a new one. Returns the reference to it."""
        if not self._in_secret:
            return {"url": self._url}
        resources = self._cluster.resources
        ref = (self._source(self._recording)).get("urlSecretRef")
        if ref and replace_value(
            resources, self._recording, ref["name"], key=ref["key"], value=self._url, dry_run=is_trial
        ):
            self._replaced = None if is_trial else str(ref["name"])
            return {"urlSecretRef": ref}
        name = with_suffix(self._recording["metadata"]["name"])
        secret = OwnedSecretDraft(name=name, data={self._artifact: self._url.encode()}, has_urls=True)
        made = add_secret(resources, self._recording, secret, dry_run=is_trial)
        self._made = None if is_trial else made
        return {"urlSecretRef": {"name": name, "key": self._artifact}}

    def _take_back(self) -> None:
        if self._made is not None:
            remove_secret(self._cluster.resources, self._made)
        if self._replaced is not None:
            note(f"Secret {self._replaced} has the fresh URL, but the Recording could not be changed.")

    def _write_source(self, named_url: Mapping[str, Any], *, is_trial: bool) -> dict[str, Any]:
        metadata, current = self._recording["metadata"], self._recording
        for _ in range(_TRIES):
            version = {"uid": metadata["uid"], "resourceVersion": current["metadata"]["resourceVersion"]}
            self._sent = self._spec(current, named_url)
            change = {"metadata": version, "spec": self._sent}
            try:
                return self._cluster.resources.patch(
                    RECORDINGS, metadata["name"], change, namespace=metadata["namespace"], dry_run=is_trial
                )
            except Conflict:
                current = named(self._cluster, name_of(self._recording))
                if current["metadata"]["uid"] != metadata["uid"]:
                    break
        raise Failure(f"{name_of(self._recording)} was changed or replaced while it was edited. Try again.")

    def _spec(self, current: Mapping[str, Any], named_url: Mapping[str, Any]) -> dict[str, Any]:
        source = self._source(current)
        kept = {key: value for key, value in source.items() if key not in ("url", "urlSecretRef", "expiresAt")}
        if (source.get("provider") or {}).get("failure"):
            del kept["provider"]
        fresh = {**kept, **named_url, **({"expiresAt": self._expires_at} if self._expires_at else {})}
        artifacts = [
            {**one, "source": fresh} if one["name"] == self._artifact else one for one in current["spec"]["artifacts"]
        ]
        status = _statuses(current).get(self._artifact) or {}
        # The operator does not watch Secrets: an artifact that has failed starts again only if the spec changes.
        is_noticed = fresh != source and status.get("sourceRevision")
        wakes = status.get("phase") == "Failed" and not is_noticed
        return {"artifacts": artifacts, **({"retryToken": new_token()} if wakes else {})}

    def _source(self, recording: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(
            one.get("source") or {} for one in recording["spec"]["artifacts"] if one["name"] == self._artifact
        )
        return found
