"""Whether a namespace may use a StorageLocation."""

from collections.abc import Mapping, Sequence
from typing import Any

_NAME_LABEL = "kubernetes.io/metadata.name"


def namespace_allowed(allowed: Mapping[str, Any] | None, *, namespace: str, labels: Mapping[str, str]) -> bool:
    """True when `namespace`, with `labels`, is in `spec.allowedNamespaces` (`names` or `selector`; either is enough).

    Nothing given admits nobody, and so does an empty selector, which elsewhere in Kubernetes means everybody: a
    location that its author left open by mistake would store, and bill, for anyone. Write `matchExpressions` with
    `Exists` on `kubernetes.io/metadata.name` for "all".
    """
    if not allowed:
        return False
    if namespace in (allowed.get("names") or ()):
        return True
    selector = allowed.get("selector") or {}
    return selector_matches(selector, {**labels, _NAME_LABEL: namespace})


def selector_matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """A Kubernetes LabelSelector, except that the empty one matches nothing. An unknown operator matches nothing."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions: Sequence[Mapping[str, Any]] = selector.get("matchExpressions") or ()
    if not wanted and not expressions:
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expression_matches(expression, labels) for expression in expressions
    )


def _expression_matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
