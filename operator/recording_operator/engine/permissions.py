"""Which namespaces a StorageLocation allows. The default is none."""

from collections.abc import Mapping

from recording_operator.api.storagelocation import AllowedNamespaces, LabelSelector, LabelSelectorRequirement


def admits(allowed: AllowedNamespaces | None, *, namespace: str, labels: Mapping[str, str] | None) -> bool | None:
    """Whether the namespace may use the location; None if its labels are needed and not known yet."""
    if allowed is None:
        return False
    if namespace in allowed.names:
        return True
    selector = allowed.selector
    if selector is None or not (selector.match_labels or selector.match_expressions):
        return False  # an empty selector allows no namespace, because it may be a mistake
    if labels is None:
        return None
    return selects(selector, labels)


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether the labels match a Kubernetes label selector."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value is not None and value in requirement.values
        case _:
            return value is None or value not in requirement.values
