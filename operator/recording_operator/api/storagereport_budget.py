"""The budget of a StorageReport: when it warns, and what happens when it is exceeded."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from recording_operator.api import cel
from recording_operator.api.figures import Budgeted
from recording_operator.api.meta import ApiModel
from recording_operator.api.storagereport_rules import BUDGET_RULES, CURRENCY_SCHEMA, PERCENT_SCHEMA


class ThresholdType(StrEnum):
    """Whether a threshold refers to the month so far or to the projected end of the month."""

    ACTUAL = "Actual"
    FORECASTED = "Forecasted"


class BudgetAction(StrEnum):
    """What happens while the month has cost as much as the budget."""

    WARN = "Warn"
    HOLD_UPLOADS = "HoldUploads"


class Threshold(ApiModel):
    """A percentage of the budget that causes a warning."""

    percent: Annotated[int, WithJsonSchema(PERCENT_SCHEMA)] = Field(description="Percentage of the budget, 1 to 1000.")
    type: ThresholdType = Field(
        default=ThresholdType.ACTUAL,
        description="Actual: the month so far. Forecasted: the projected end of the month.",
    )


class Budget(ApiModel):
    """Budget for a month."""

    model_config = ConfigDict(json_schema_extra=cel.rules(*BUDGET_RULES))

    amount: Budgeted = Field(description="Amount for one month, as a decimal string such as '50'.")
    currency: Annotated[str, WithJsonSchema(CURRENCY_SCHEMA)] = Field(
        default="USD", description="Currency of the amount. It must be the currency of the prices."
    )
    thresholds: Annotated[tuple[Threshold, ...], Field(json_schema_extra={"maxItems": 10})] = Field(
        default=(), description="When to warn. Default: at 100 percent, Actual and Forecasted."
    )
    action: BudgetAction = Field(
        default=BudgetAction.WARN,
        description="What happens while the cost of the month so far is at least the amount. Warn: nothing more. "
        "HoldUploads: new uploads in the scope of this report wait. Uploads that have begun continue, and Recordings "
        "with a priority of 100 or more start.",
    )
