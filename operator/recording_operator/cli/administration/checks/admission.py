"""Check of the chart's admission policies: whether they are in force."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recording_operator.cli.administration.checks.checked import Checked, failed, ok, warning
from recording_operator.cli.administration.installation import PART_OF
from recording_operator.cli.caller import Cluster
from recording_operator.kube.resources import ADMISSION_BINDINGS, ADMISSION_POLICIES


def check_admission(cluster: Cluster) -> Iterator[Checked]:
    """Whether the chart's admission policies are installed, were type-checked without errors, and reject requests."""
    found = list(cluster.resources.list(ADMISSION_POLICIES, labels=PART_OF))
    if not found:
        yield ok(
            "admission", "The chart's admission policies are not installed; the operator checks namespaces itself."
        )
        return
    actions = _actions(cluster.resources.list(ADMISSION_BINDINGS))
    problems = list(_problems(found, actions))
    yield from problems
    if not problems:
        yield ok("admission", f"{len(found)} admission policies are in force.")


def _actions(bindings: Iterator[Mapping[str, Any]]) -> dict[str, set[str]]:
    """What the bindings of each policy do."""
    found: dict[str, set[str]] = {}
    for one in bindings:
        spec = one.get("spec") or {}
        found.setdefault(str(spec.get("policyName")), set()).update(spec.get("validationActions") or ())
    return found


def _problems(policies: Sequence[Mapping[str, Any]], actions: Mapping[str, set[str]]) -> Iterator[Checked]:
    names = [str(one["metadata"]["name"]) for one in policies]
    if wrong := [name for name, one in zip(names, policies, strict=True) if _has_errors(one)]:
        yield failed("admission", f"The API server finds errors in {', '.join(wrong)}. Upgrade the CRDs or the chart.")
    if unbound := [name for name in names if not actions.get(name)]:
        yield failed("admission", f"No binding puts {', '.join(unbound)} in force. Install the chart again.")
    if lenient := [name for name in names if actions.get(name) and "Deny" not in actions[name]]:
        yield warning("admission", f"The bindings of {', '.join(lenient)} reject nothing. Add the action Deny.")
    if unseen := [name for name, one in zip(names, policies, strict=True) if _is_unseen(one)]:
        yield warning("admission", f"The API server has not type-checked {', '.join(unseen)} yet.")


def _has_errors(policy: Mapping[str, Any]) -> bool:
    checking = (policy.get("status") or {}).get("typeChecking") or {}
    return bool(checking.get("expressionWarnings"))


def _is_unseen(policy: Mapping[str, Any]) -> bool:
    seen = int((policy.get("status") or {}).get("observedGeneration") or 0)
    return seen < int(policy["metadata"].get("generation") or 0)
