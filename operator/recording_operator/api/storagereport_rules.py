"""The rules by which the API server validates a StorageReport, with their messages."""

from typing import Any, Final

from recording_operator.api import cel
from recording_operator.api.cel import Rule
from recording_operator.api.recording_rules import OWNER_SCHEMA

_VALUE: Final = "([0-9]{1,2}|[A-Za-z]{3})"
_ITEM: Final = f"([*]|{_VALUE}(-{_VALUE})?)(/[0-9]{{1,2}})?"
_FIELD: Final = f"{_ITEM}(,{_ITEM})*"
_SCHEDULE: Final = f"^{_FIELD}( {_FIELD}){{4}}$"
_DECIMAL: Final = "^[0-9]{1,9}([.][0-9]{1,9})?$"

SCHEDULE_SCHEMA: Final = cel.string(
    Rule(
        rule=f"self.matches('{_SCHEDULE}')",
        message="write five cron fields (minute hour day month weekday) such as '0 0 * * *'",
    ),
    max_length=100,
)
TIME_ZONE_SCHEMA: Final = cel.string(
    Rule(
        rule="self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
        message="write a time zone such as UTC or Europe/London",
    ),
    max_length=64,
)
SCOPE_ORG_SCHEMA: Final = OWNER_SCHEMA
SCOPE_NAMESPACE_SCHEMA: Final = cel.label_schema("write the name of a namespace")
CURRENCY_SCHEMA: Final = cel.string(
    Rule(rule="self.matches('^[A-Z]{3}$')", message="write a currency as three capital letters such as USD"),
    max_length=3,
)
ANY_OBJECT_SCHEMA: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PERCENT_SCHEMA: Final[dict[str, Any]] = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 1000}


def decimal_schema(message: str, *entries: Rule) -> dict[str, Any]:
    """Schema of a decimal number written as a string, not negative."""
    return cel.string(Rule(rule=f"self.matches('{_DECIMAL}')", message=message), *entries, max_length=20)


PRICE_SCHEMA: Final = decimal_schema("write a price as a decimal string such as '0.023'")
RATIO_SCHEMA: Final = decimal_schema("write a decimal number as a string such as '0.5'")
AMOUNT_SCHEMA: Final = decimal_schema(
    "write an amount as a decimal string such as '50' or '49.99'",
    Rule(rule="!self.matches('^0+([.]0+)?$')", message="must be more than 0"),
)

BUDGET_RULES: Final = (
    Rule(
        rule="!has(self.thresholds) || self.thresholds.all(x, self.thresholds.exists_one(y,"
        " y.type == x.type && y.percent == x.percent))",
        message="must not contain a threshold twice",
        field_path=".thresholds",
    ),
)
