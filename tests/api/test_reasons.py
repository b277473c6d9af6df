"""The table of reasons is complete: every reason is used and documented, and has consistent traits."""

import re
from pathlib import Path

import pytest

import recording_operator
from recording_operator.api.reasons import Reason, Trait, Verdict, reasons_with, verdict_of
from recording_operator.api.recording import RecordingStatus

ROOT = Path(recording_operator.__file__).parent
ENDS_NO_ATTEMPT = {
    Reason.QUEUED,
    Reason.USAGE_MIGRATED,
    Reason.UPLOADING,
    Reason.STORED,
    Reason.PARTIALLY_STORED,
    Reason.MOVING,
    Reason.MOVE_FAILED,
    Reason.OLD_OBJECTS_KEPT,
    Reason.SUSPENDED,
    Reason.DELETING,
    Reason.DELETION_BLOCKED,
    Reason.OBJECTS_LEFT,
    Reason.DELETION_POLICY_NOT_ALLOWED,
    Reason.FULL_OBJECT_CRC64NVME,
    Reason.ETAG_MD5,
    Reason.READ_BACK,
    Reason.NOT_STORED_YET,
    Reason.NOT_PROVED,
    Reason.PROBE_SUCCEEDED,
    Reason.EXPIRED,
    Reason.LIFECYCLE_APPLIED,
    Reason.ENFORCED_BY_OPERATOR,
    Reason.LIFECYCLE_PARTLY_APPLIED,
    Reason.LIFECYCLE_REPAIRED,
    Reason.LIFECYCLE_REMOVED,
    Reason.LIFECYCLE_REJECTED,
    Reason.LIFECYCLE_UNSUPPORTED,
    Reason.LIFECYCLE_OVERWRITTEN,
    Reason.QUOTA_AVAILABLE,
    Reason.REFRESHING_URL,
    Reason.WAITING_FOR_UPLOAD,
    Reason.REFRESHED,
    Reason.SCHEDULE_INVALID,
    Reason.PRICES_INVALID,
    Reason.CURRENCY_MISMATCH,
    Reason.REFRESH_FAILED,
    Reason.WITHIN_BUDGET,
    Reason.THRESHOLD_PASSED,
    Reason.RECEIVING,
    Reason.MAPPING_INVALID,
    Reason.NAME_TAKEN,
    Reason.DELIVERING,
    Reason.SINK_NOT_FOUND,
    Reason.SINK_BLOCKED,
    Reason.SINK_UNAVAILABLE,
    Reason.SINK_REJECTED,
    Reason.SINK_GONE,
    Reason.NOT_ANNOUNCED,
}
# The table again, by effect. It finds a row that lost an effect by accident, even if no other test does.
EFFECTS = {
    Trait.SILENT: """
        QUEUED
    """,
    Trait.NORMAL_EVENT: """
        UPLOADING STORED EXPIRED MOVING SUSPENDED CANCELLED INTERRUPTED REFRESHING_URL WAITING_FOR_UPLOAD
    """,
    Trait.STALLS: """
        NO_LOCATION LOCATION_NOT_FOUND LOCATION_NOT_ALLOWED IMPORT_NOT_ALLOWED SECRET_NOT_FOUND SECRET_NOT_USABLE
        SOURCE_EXPIRED PROVIDER_SOURCE_MISSING PROVIDER_DENIED
    """,
    Trait.RECHECKS_LOCATION: """
        STORE_UNAVAILABLE STORE_DENIED STORE_QUOTA BUCKET_NOT_FOUND ACCESS_DENIED CREDENTIALS_NOT_FOUND
        CREDENTIALS_INVALID ENDPOINT_UNREACHABLE ENDPOINT_BLOCKED WRONG_REGION ENCRYPTION_KEY_NOT_USABLE
        CLOCK_SKEW STORE_UNSUPPORTED PATH_NOT_FOUND PATH_NOT_ALLOWED PATH_OVERLAPS
        ROLE_NOT_ASSUMED
    """,
    Trait.WAITS_FOR_LOCATION: """
        LOCATION_NOT_FOUND LOCATION_NOT_READY
    """,
    Trait.ABOUT_SECRET: """
        SECRET_NOT_FOUND SECRET_NOT_USABLE
    """,
    Trait.KEPT_IN_QUEUE: """
        INTERRUPTED QUOTA_EXCEEDED REFRESHING_URL WAITING_FOR_UPLOAD
    """,
    Trait.ABOUT_PROVIDER: """
        PROVIDER_SOURCE_MISSING PROVIDER_UNAVAILABLE PROVIDER_DENIED
    """,
    Trait.ASKS_PROVIDER: """
        SOURCE_EXPIRED SOURCE_FORBIDDEN SOURCE_NOT_FOUND
    """,
    Trait.BLOCKS_SINK: """
        SECRET_NOT_FOUND SECRET_NOT_USABLE SINK_NOT_FOUND SINK_BLOCKED
    """,
    Trait.TRANSIENT: """
        SOURCE_NOT_READY SOURCE_UNRESOLVABLE SOURCE_UNREACHABLE SOURCE_UNAVAILABLE SOURCE_TOO_SLOW
        SOURCE_RESET SOURCE_PROTOCOL_ERROR STORE_UNAVAILABLE
    """,
    Trait.MAY_RECOVER: """
        INTERRUPTED LOCATION_NOT_READY BUDGET_EXCEEDED QUOTA_EXCEEDED SOURCE_NOT_READY SOURCE_NOT_FOUND
        SOURCE_UNRESOLVABLE
        SOURCE_UNREACHABLE SOURCE_UNAVAILABLE SOURCE_TLS_ERROR SOURCE_TOO_SLOW SOURCE_EMPTY SOURCE_RESET
        SOURCE_PROTOCOL_ERROR STORE_UNAVAILABLE STORE_INTEGRITY STORE_QUOTA STORE_UPLOAD_LOST
        ENDPOINT_UNREACHABLE CLOCK_SKEW INTERNAL_ERROR PROVIDER_UNAVAILABLE PROVIDER_HAS_NO_MEDIA
    """,
    Trait.NEEDS_ADMINISTRATOR: """
        BUCKET_NOT_FOUND ACCESS_DENIED CREDENTIALS_NOT_FOUND CREDENTIALS_INVALID ENDPOINT_BLOCKED
        STORE_UNSUPPORTED PATH_NOT_FOUND PATH_NOT_ALLOWED PATH_OVERLAPS
        ROLE_NOT_ASSUMED
    """,
    Trait.REJECTS_CREDENTIALS: "ACCESS_DENIED CREDENTIALS_INVALID",
    Trait.NEW_SOURCE: """
        SOURCE_FORBIDDEN SIZE_MISMATCH
    """,
    Trait.ONE_USE_URL: """
        SOURCE_NOT_FOUND SOURCE_FORBIDDEN
    """,
    Trait.BREAKS_RANGE: """
        SOURCE_RESET SOURCE_PROTOCOL_ERROR
    """,
    Trait.NO_NEW_REQUESTS: """
        SOURCE_EXPIRED SOURCE_FORBIDDEN
    """,
    Trait.UPLOAD_USELESS: """
        SOURCE_TOO_LARGE SIZE_MISMATCH CHECKSUM_MISMATCH STORE_KEY_CONFLICT STORE_INTEGRITY
    """,
    Trait.WRONG_BYTES: """
        SIZE_MISMATCH CHECKSUM_MISMATCH INTEGRITY_UNVERIFIABLE STORE_INTEGRITY
    """,
    Trait.REJECTS_BYTES: """
        STORE_INTEGRITY STORE_UNSUPPORTED
    """,
    Trait.STREAMS_INSTEAD: """
        STORE_DENIED STORE_INTEGRITY STORE_UNSUPPORTED
    """,
    Trait.ENDS_PROBE: """
        STORE_UNAVAILABLE STORE_QUOTA BUCKET_NOT_FOUND CREDENTIALS_NOT_FOUND ENDPOINT_BLOCKED WRONG_REGION
        ENCRYPTION_KEY_NOT_USABLE CLOCK_SKEW ROLE_NOT_ASSUMED
    """,
    Trait.MAY_BE_ONE_OBJECT: "INTEGRITY_UNVERIFIABLE ACCESS_DENIED ENCRYPTION_KEY_NOT_USABLE",
}
VERDICTS = {
    Verdict.RETRY: """
        SOURCE_NOT_READY SOURCE_NOT_FOUND SOURCE_FORBIDDEN SOURCE_UNRESOLVABLE SOURCE_UNREACHABLE
        SOURCE_UNAVAILABLE SOURCE_TLS_ERROR SOURCE_TOO_SLOW SOURCE_EMPTY SOURCE_RESET SOURCE_PROTOCOL_ERROR
        STORE_INTEGRITY STORE_UPLOAD_LOST INTERNAL_ERROR RETENTION_IN_FORCE PROVIDER_HAS_NO_MEDIA
    """,
    Verdict.FINAL: """
        CANCELLED SOURCE_BLOCKED SOURCE_INVALID SOURCE_REDIRECT_LIMIT SOURCE_TOO_LARGE SOURCE_TRUNCATED
        SOURCE_CHANGED UNEXPECTED_CONTENT SIZE_MISMATCH CHECKSUM_MISMATCH INTEGRITY_UNVERIFIABLE
        STORE_KEY_CONFLICT IDENTITY_REJECTED OBJECT_NOT_FOUND PROVIDER_FAILED UPLOAD_EXPIRED
    """,
    Verdict.WAIT: """
        INTERRUPTED NO_LOCATION LOCATION_NOT_FOUND LOCATION_NOT_ALLOWED LOCATION_NOT_READY IMPORT_NOT_ALLOWED
        BUDGET_EXCEEDED QUOTA_EXCEEDED
        SECRET_NOT_FOUND SECRET_NOT_USABLE STORE_UNAVAILABLE STORE_DENIED STORE_QUOTA BUCKET_NOT_FOUND ACCESS_DENIED
        CREDENTIALS_NOT_FOUND CREDENTIALS_INVALID ENDPOINT_UNREACHABLE ENDPOINT_BLOCKED WRONG_REGION
        ENCRYPTION_KEY_NOT_USABLE CLOCK_SKEW STORE_UNSUPPORTED PATH_NOT_FOUND PATH_NOT_ALLOWED PATH_OVERLAPS
        ROLE_NOT_ASSUMED PROVIDER_SOURCE_MISSING PROVIDER_UNAVAILABLE PROVIDER_DENIED
    """,
    Verdict.EXPIRED: """
        SOURCE_EXPIRED
    """,
}


@pytest.mark.parametrize("trait", list(Trait))
def test_the_reasons_with_an_effect_are_those_that_were_decided(trait: Trait) -> None:
    assert reasons_with(trait) == {Reason[name] for name in EFFECTS[trait].split()}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_reasons_with_a_verdict_are_those_that_were_decided(verdict: Verdict) -> None:
    assert {reason for reason in Reason if reason.verdict is verdict} == {
        Reason[name] for name in VERDICTS[verdict].split()
    }


def test_every_reason_that_ends_an_attempt_has_a_verdict() -> None:
    assert {reason for reason in Reason if reason.verdict is None} == ENDS_NO_ATTEMPT


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_and_is_set_somewhere(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z]|spec\.).*\.", reason.sentence)
    assert reason in reasons_named_in("."), "no code sets it"


def test_every_reason_has_a_test() -> None:
    tests = [file for file in Path(__file__).parents[1].rglob("*.py") if file.name != Path(__file__).name]
    words = set(re.findall(r"\w+", " ".join(file.read_text() for file in tests)))

    assert [reason.name for reason in Reason if not {reason.name, reason.value} & words] == []


@pytest.mark.parametrize("trait", list(Trait))
def test_every_trait_is_used_by_a_reason_and_read_in_the_code(trait: Trait) -> None:
    code = "".join(file.read_text() for file in ROOT.rglob("*.py") if file.name != "reasons.py")

    assert reasons_with(trait)
    assert f"Trait.{trait.name}" in code


def test_no_module_keeps_a_list_of_reasons_beside_the_table() -> None:
    lists = re.compile(
        r"frozenset\(\s*\{\s*Reason\.|^_?[A-Z_]+(?:: Final[^=]*)? = (?:\{|\()\s*Reason\.[A-Z_]+,", re.MULTILINE
    )
    files = {str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py") if lists.search(file.read_text())}

    assert files == set()


def test_every_reason_of_transfers_and_secrets_has_a_verdict() -> None:
    raised = reasons_named_in("transfer") | reasons_named_in("stores") | reasons_named_in("kube/secrets.py")

    assert len(raised) > 20
    assert {reason for reason in raised if reason.verdict is None} <= ENDS_NO_ATTEMPT


def test_a_reason_that_rechecks_the_location_never_costs_an_attempt() -> None:
    assert {reason.verdict for reason in reasons_with(Trait.RECHECKS_LOCATION)} == {Verdict.WAIT}


def test_every_fault_of_a_store_has_its_location_checked() -> None:
    elsewhere = reasons_with(Trait.ABOUT_SECRET) | reasons_with(Trait.WAITS_FOR_LOCATION)
    elsewhere |= {Reason.NO_LOCATION, Reason.LOCATION_NOT_ALLOWED, Reason.IMPORT_NOT_ALLOWED}
    elsewhere |= {Reason.INTERRUPTED, Reason.BUDGET_EXCEEDED, Reason.QUOTA_EXCEEDED}
    elsewhere |= {Reason.PROVIDER_SOURCE_MISSING, Reason.PROVIDER_UNAVAILABLE, Reason.PROVIDER_DENIED}
    waits = {reason for reason in Reason if reason.verdict is Verdict.WAIT}

    assert waits - elsewhere == reasons_with(Trait.RECHECKS_LOCATION)


def test_reasons_retried_within_an_attempt_may_recover() -> None:
    assert reasons_with(Trait.TRANSIENT) <= reasons_with(Trait.MAY_RECOVER)


def test_a_reason_that_an_administrator_must_repair_is_not_transient() -> None:
    assert not reasons_with(Trait.NEEDS_ADMINISTRATOR) & reasons_with(Trait.MAY_RECOVER)


def test_a_reason_without_a_verdict_is_retried() -> None:
    assert verdict_of(Reason.QUEUED) is Verdict.RETRY


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.startswith("Store")])
def test_a_status_with_a_reason_by_its_older_name_is_read(reason: Reason) -> None:
    older = reason.replace("Store", "Target", 1)

    assert RecordingStatus.model_validate({"reason": older}).reason is reason


def test_a_reason_of_a_newer_version_is_read_as_none() -> None:
    assert RecordingStatus.model_validate({"reason": "TargetOnMars"}).reason is None


def reasons_named_in(folder: str) -> set[Reason]:
    """Reasons that the sources in a folder (or one file) mention, the table itself left out."""
    place = ROOT / folder
    files = [place] if place.is_file() else [file for file in place.rglob("*.py") if file.name != "reasons.py"]
    names = {name for file in files for name in re.findall(r"\bReason\.([A-Z0-9_]+)\b", file.read_text())}
    return {Reason[name] for name in names}
