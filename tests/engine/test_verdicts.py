"""Every reason that an attempt can end with has a consequence, and the consequence is the one that was thought of."""

import re
from pathlib import Path

import recording_operator
from recording_operator.api.reasons import REASON_DOCS, Reason
from recording_operator.engine.verdicts import ABOUT_THE_LOCATION, VERDICTS, Verdict, verdict_of

ROOT = Path(recording_operator.__file__).parent
NO_END_OF_AN_ATTEMPT = {
    Reason.QUEUED,
    Reason.UPLOADING,
    Reason.STORED,
    Reason.PARTIALLY_STORED,
    Reason.SUSPENDED,
    Reason.DELETING,
    Reason.DELETION_POLICY_NOT_ALLOWED,
    Reason.PROBE_SUCCEEDED,
    Reason.PROBING,
    Reason.FULL_OBJECT_CRC64NVME,
    Reason.ETAG_MD5,
    Reason.READ_BACK,
    Reason.NOT_STORED_YET,
    Reason.NOT_PROVED,
}


def test_every_reason_is_either_a_state_or_has_a_verdict() -> None:
    ends = {reason for reason in Reason if reason not in NO_END_OF_AN_ATTEMPT and reason in REASON_DOCS}
    about_reports = {reason for reason in ends if reason not in VERDICTS}

    assert not (NO_END_OF_AN_ATTEMPT & VERDICTS.keys())
    assert not (about_reports & reasons_named_in("transfer")), "a transfer ends with it, and nobody says what follows"


def test_what_transfers_and_their_secrets_raise_has_a_verdict() -> None:
    raised = reasons_named_in("transfer") | reasons_named_in("kube/secrets.py")

    assert len(raised) > 20
    assert raised - VERDICTS.keys() - NO_END_OF_AN_ATTEMPT == set()


def test_doubts_about_a_location_never_cost_an_attempt() -> None:
    assert {verdict_of(reason) for reason in ABOUT_THE_LOCATION} == {Verdict.NOT_ITS_FAULT}


def test_an_unlisted_reason_is_tried_again() -> None:
    assert verdict_of(Reason.PROBING) is Verdict.RETRY


def reasons_named_in(folder: str) -> set[Reason]:
    """Reasons that the sources in a folder (or one file) mention."""
    place = ROOT / folder
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    names = {name for file in files for name in re.findall(r"\bReason\.([A-Z0-9_]+)\b", file.read_text())}
    return {Reason[name] for name in names}
