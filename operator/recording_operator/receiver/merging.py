"""What a later event changes in a Recording that exists. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recording_operator.api.recording import Phase
from recording_operator.api.recording_rules import MAX_ARTIFACTS
from recording_operator.providers.provider import Event, Outcome
from recording_operator.receiver.drafting import Draft

_Artifact = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The Recording as it should be. All sets contain names of artifacts."""

    artifacts: list[_Artifact] = field(repr=False)
    added: frozenset[str]
    """They were missing, or the provider had reported that there was no file."""
    renewed: frozenset[str]
    """The event may replace their URLs, or says that the provider has them."""
    recovered: frozenset[str]
    """The provider had reported a failure, and the event brings the file."""
    unchanged: frozenset[str]
    """The event brings them again, and their entry does not change, so that it does not tell the operator."""
    failed: frozenset[str]

    def must_restart(self, written: frozenset[str]) -> bool:
        """Whether spec.retryToken must change. `written`: of these something was written to a Secret.

        An artifact that has failed counts even if nothing was written: an earlier attempt of the same delivery may have
        written its URL, or the URL is requested from the provider.
        """
        return bool(self.recovered or self.unchanged & (written | self.failed))


def merge(stored: Mapping[str, Any], draft: Draft, event: Event, *, renewed: frozenset[str]) -> Merged:
    """Add to a stored Recording what an event brings."""
    is_failure = event.outcome is Outcome.FAILED
    drafted = {one["name"]: one for one in draft.artifacts}
    there = [dict(one) for one in stored["spec"]["artifacts"]]
    recovered = frozenset(one["name"] for one in there if not is_failure and one["name"] in drafted and _is_failed(one))
    missing = _missing(stored, draft, event)
    has_main = not is_failure and any(not one["optional"] for one in drafted.values())
    artifacts = list(_updated(there, drafted, renewed=renewed, recovered=recovered, has_main=has_main))
    same = {new["name"] for new, old in zip(artifacts, there, strict=True) if new == old}
    return Merged(
        artifacts=[*artifacts, *missing],
        added=recovered | {one["name"] for one in missing},
        renewed=renewed,
        recovered=recovered,
        unchanged=frozenset(same & renewed & drafted.keys()),
        failed=_in_phase(stored, Phase.FAILED),
    )


def renewable(stored: Mapping[str, Any], event: Event) -> frozenset[str]:
    """Artifacts that are not stored, and whose URL is in a Secret or is requested from the provider.

    A reported failure brings none of them again.
    """
    if event.outcome is Outcome.FAILED:
        return frozenset()
    complete = _in_phase(stored, Phase.COMPLETE)
    return frozenset(
        one["name"]
        for one in stored["spec"]["artifacts"]
        if (one.get("source") or {}).keys() & {"urlSecretRef", "provider"} and one["name"] not in complete
    )


def secrets_named(artifacts: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names of all Secrets that the artifacts refer to."""
    references = [
        reference
        for one in artifacts
        for holder in (one, one.get("source") or {})
        for kind in ("urlSecretRef", "headersSecretRef", "contentSecretRef")
        if (reference := holder.get(kind))
    ]
    return {reference["name"] for reference in references}


def _missing(stored: Mapping[str, Any], draft: Draft, event: Event) -> list[_Artifact]:
    """Artifacts that the Recording does not have. What failed of a recording that exists does not make it fail."""
    there = stored["spec"]["artifacts"]
    names = {one["name"] for one in there}
    new = [one for one in draft.artifacts if one["name"] not in names][: MAX_ARTIFACTS - len(there)]
    if event.outcome is Outcome.FAILED:
        return [one | {"optional": True} for one in new] if event.media else []
    return new


def _updated(
    there: Sequence[_Artifact],
    drafted: Mapping[str, _Artifact],
    *,
    renewed: frozenset[str],
    recovered: frozenset[str],
    has_main: bool,
) -> Iterator[_Artifact]:
    """The artifacts that are there, as they should be.

    A reported failure does not make a Recording fail whose main file has come after all, under another name.
    """
    for one in there:
        name = one["name"]
        if name in recovered:
            yield drafted[name] | {"kind": one["kind"]}
        elif has_main and _is_failed(one):
            yield one | {"optional": True}
        elif name in renewed and name in drafted:
            yield _expiring(one, drafted[name])
        else:
            yield one


def _is_failed(artifact: Mapping[str, Any]) -> bool:
    """Whether the provider has reported that there is no file."""
    return "failure" in ((artifact.get("source") or {}).get("provider") or {})


def _in_phase(stored: Mapping[str, Any], phase: Phase) -> frozenset[str]:
    status = (stored.get("status") or {}).get("artifacts") or ()
    return frozenset(one["name"] for one in status if one.get("phase") == phase.value)


def _expiring(stored: _Artifact, drafted: Mapping[str, Any]) -> _Artifact:
    """A new time of expiry tells the operator that the Secret has a new URL."""
    new = drafted.get("source") or {}
    if not ("urlSecretRef" in new and "urlSecretRef" in stored["source"]):
        return stored
    expires_at = new.get("expiresAt")
    source = {key: value for key, value in stored["source"].items() if key != "expiresAt"}
    return {**stored, "source": source | ({"expiresAt": expires_at} if expires_at else {})}
