"""Validation rules that the API server itself evaluates, each with a message that says what to write.

CEL with a message is preferred to `pattern`, which shows people a regular expression. If a rule on a field
fails, the error message contains the field's value; with a rule on the parent and `fieldPath` it does not. Rules about
source URLs, which contain signatures, are therefore on the parent. Every string and list needs a bound, or the rules
exceed the server's cost budget.
"""

from dataclasses import dataclass
from typing import Any, Final

DURATION_MESSAGE: Final = (
    "write a duration such as 30s, 10m or 720h (units: ms, s, m, h; days are not a unit: write 24h)"
)
QUANTITY_MESSAGE: Final = "write an amount of bytes such as 500Gi, 10M or 1048576"
OBJECT_NAME_MESSAGE: Final = (
    "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)
# Sixteen characters, at most six digits per unit: no sum of them leaves the range of CEL's durations (292 years).
_DURATION_RULE: Final = r"self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$')"
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
ATOMIC: Final[Any] = {"x-kubernetes-map-type": "atomic"}
"""A reference is replaced as a whole, because merged fields of two writers could name an unintended object."""
OBJECT_NAME_PATTERN: Final = f"^{_LABEL}([.]{_LABEL})*$"
SECRET_KEY_PATTERN: Final = "^[-._a-zA-Z0-9]+$"  # noqa: S105 - a pattern
SECRET_KEY_MESSAGE: Final = "write a key of the Secret: letters, digits, '-', '_' and '.'"  # noqa: S105 - a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of x-kubernetes-validations: If `rule` is false, the server responds with `message` at `field_path`."""

    rule: str
    message: str
    field_path: str | None = None

    def as_schema(self) -> dict[str, str]:
        """The entry in the format of the CRD."""
        entry = {"message": self.message, "rule": self.rule}
        return entry if self.field_path is None else {"fieldPath": self.field_path, **entry}


def rules(*entries: Rule) -> dict[str, Any]:
    """The rules as a part of a schema."""
    return {"x-kubernetes-validations": [entry.as_schema() for entry in entries]}


def string(*entries: Rule, max_length: int, **more: Any) -> dict[str, Any]:
    """Schema of a bounded string with rules."""
    return {"type": "string", "maxLength": max_length, **more, **(rules(*entries) if entries else {})}


def duration_schema(*entries: Rule) -> dict[str, Any]:
    """Schema of a duration; further rules may use `duration(self)`."""
    return string(Rule(rule=_DURATION_RULE, message=DURATION_MESSAGE), *entries, max_length=16)


def quantity_schema(*entries: Rule) -> dict[str, Any]:
    """Schema of an amount of bytes greater than zero; further rules may use `quantity(self)` where `isQuantity`."""
    return string(
        Rule(rule="isQuantity(self) && quantity(self).compareTo(quantity('0')) > 0", message=QUANTITY_MESSAGE),
        *entries,
        max_length=32,
    )


def object_name_schema() -> dict[str, Any]:
    """Schema of the name of another Kubernetes object (an RFC 1123 subdomain)."""
    return string(Rule(rule=f"self.matches('{OBJECT_NAME_PATTERN}')", message=OBJECT_NAME_MESSAGE), max_length=253)


def label_schema(message: str) -> dict[str, Any]:
    """Schema of an RFC 1123 label, at most 63 characters."""
    return string(Rule(rule=f"self.matches('^{_LABEL}$')", message=message), max_length=63)


def immutable(field: str, *, instead: str, unless: str = "false") -> Rule:
    """A field of the object that may not be set, changed or removed later, `unless` an expression is true.

    The rule is on the parent: a rule on the field itself is not evaluated when the field is added or removed.
    """
    same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return Rule(
        rule=same if unless == "false" else f"({unless}) || ({same})",
        message=f"{field} cannot be changed; {instead}",
        field_path=f".{field}",
    )
