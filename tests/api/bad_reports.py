"""StorageReports that the API server rejects, with the expected messages, and some that it accepts."""

from typing import Any, Final

from recording_operator.api.names import API_VERSION
from tests.api.bad_s3 import BUCKET
from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, unknown, unsupported, wrong_type
from tests.api.manifests import JsonObject, a_location

SCHEDULE: Final = "write five cron fields (minute hour day month weekday) such as '0 0 * * *'"
ZONE: Final = "write a time zone such as UTC or Europe/London"
AMOUNT: Final = "write an amount as a decimal string such as '50' or '49.99'"
RATIO: Final = "write a decimal number as a string such as '0.5'"
PRICE: Final = "write a price as a decimal string such as '0.023'"
PROFILE: Final = "write the name of a price profile such as aws-s3/us-east-1"


def a_report(**spec: Any) -> JsonObject:
    """A StorageReport."""
    return {"apiVersion": API_VERSION, "kind": "StorageReport", "metadata": {"name": "daily"}, "spec": spec}


GOOD_REPORTS: Final = {
    "nothing but defaults": a_report(),
    "every field": a_report(
        schedule="*/15 8-18,20 1,15 JAN-MAR MON-FRI",
        timeZone="America/Argentina/Buenos_Aires",
        scope={"orgs": ["acme", "a.b_c-d"], "namespaces": ["team"], "storageLocations": ["archive.eu"]},
        prices={"profile": "aws-s3/us-east-1", "storagePerGBMonth": "0.023", "downloadPerGB": "0"},
        playback={"ratio": "0.5", "base": "Uploaded"},
        budget={
            "amount": "49.99",
            "currency": "EUR",
            "thresholds": [{"percent": 80}, {"percent": 80, "type": "Forecasted"}],
        },
        suspend=True,
        refreshToken="now",
    ),
    "sunday is 7 or 0": a_report(schedule="0 0 * * 0,7"),
}

BAD_REPORTS: Final = (
    Case("six fields", a_report(schedule="0 0 0 * * *"), rejected("spec.schedule", SCHEDULE, value="0 0 0 * * *")),
    Case("@daily", a_report(schedule="@daily"), rejected("spec.schedule", SCHEDULE, value="@daily")),
    Case("no schedule", a_report(schedule=""), rejected("spec.schedule", SCHEDULE, value="")),
    Case("zone with a path", a_report(timeZone="../etc"), rejected("spec.timeZone", ZONE, value="../etc")),
    Case("zone empty", a_report(timeZone=""), rejected("spec.timeZone", ZONE, value="")),
    Case(
        "ratio as a number",
        a_report(playback={"ratio": 0.5}),
        blocked(wrong_type("spec.playback.ratio", "string", got="number")),
    ),
    Case("ratio 50%", a_report(playback={"ratio": "50%"}), rejected("spec.playback.ratio", RATIO, value="50%")),
    Case("ratio negative", a_report(playback={"ratio": "-1"}), rejected("spec.playback.ratio", RATIO, value="-1")),
    Case(
        "base",
        a_report(playback={"base": "Watched"}),
        blocked(unsupported("spec.playback.base", "Watched", "Stored", "Uploaded")),
    ),
    Case("budget without amount", a_report(budget={}), blocked(missing("spec.budget.amount"))),
    Case("amount $50", a_report(budget={"amount": "$50"}), rejected("spec.budget.amount", AMOUNT, value="$50")),
    Case("amount 1e3", a_report(budget={"amount": "1e3"}), rejected("spec.budget.amount", AMOUNT, value="1e3")),
    Case(
        "amount 0",
        a_report(budget={"amount": "0.00"}),
        rejected("spec.budget.amount", "must be more than 0", value="0.00"),
    ),
    Case(
        "currency usd",
        a_report(budget={"amount": "50", "currency": "usd"}),
        rejected("spec.budget.currency", "write a currency as three capital letters such as USD", value="usd"),
    ),
    Case(
        "percent 0",
        a_report(budget={"amount": "50", "thresholds": [{"percent": 0}]}),
        out_of_bounds("spec.budget.thresholds[0].percent", 0, "be greater than or equal to 1"),
    ),
    Case(
        "a threshold twice",
        a_report(budget={"amount": "50", "thresholds": [{"percent": 80}, {"percent": 80, "type": "Actual"}]}),
        rejected("spec.budget.thresholds", "must not contain a threshold twice"),
    ),
    Case(
        "org with ..",
        a_report(scope={"orgs": ["a..b"]}),
        rejected("spec.scope.orgs[0]", "must not begin with '.' or contain '..'", value="a..b"),
    ),
    Case(
        "price with a sign",
        a_report(prices={"storagePerGBMonth": "$0.02"}),
        rejected("spec.prices.storagePerGBMonth", PRICE, value="$0.02"),
    ),
    Case(
        "profile with a space",
        a_report(prices={"profile": "aws s3"}),
        rejected("spec.prices.profile", PROFILE, value="aws s3"),
    ),
    Case(
        "profile of a location",
        a_location(prices={"profile": "../etc"}),
        rejected("spec.prices.profile", PROFILE, value="../etc"),
    ),
    Case(
        "two ways to count downloads",
        a_location(prices={"cloudWatch": {"filterId": "all"}, "accessLogs": {"bucket": "our-logs"}}),
        rejected("spec.prices.accessLogs", "set at most one of cloudWatch and accessLogs"),
    ),
    Case(
        "a bucket of logs with a path",
        a_location(prices={"accessLogs": {"bucket": "our-logs/recordings"}}),
        rejected("spec.prices.accessLogs.bucket", BUCKET, value="our-logs/recordings"),
    ),
    Case(
        "a prefix of logs with a space",
        a_location(prices={"accessLogs": {"bucket": "our-logs", "prefix": "our logs/"}}),
        rejected(
            "spec.prices.accessLogs.prefix",
            "use only letters, digits and ! - _ . * ( ) = and '/', such as logs/recordings/",
            value="our logs/",
        ),
    ),
    Case("unknown field", a_report(cron="0 0 * * *"), unknown("StorageReport", "spec.cron")),
)
