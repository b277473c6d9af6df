"""The sources of the simulation, and how each behaves."""

from dataclasses import dataclass
from random import Random
from typing import Final

from recording_operator.api.reasons import Reason, Verdict

_NOT_OF_A_SOURCE: Final = (
    Reason.CANCELLED,
    Reason.INTERRUPTED,
    Reason.BUDGET_EXCEEDED,
    Reason.QUOTA_EXCEEDED,
    Reason.IMPORT_NOT_ALLOWED,
    Reason.SECRET_NOT_FOUND,
    Reason.SECRET_NOT_USABLE,
    Reason.PROVIDER_SOURCE_MISSING,
    Reason.PROVIDER_UNAVAILABLE,
    Reason.PROVIDER_DENIED,
    Reason.PROVIDER_HAS_NO_MEDIA,
    Reason.PROVIDER_FAILED,
    Reason.UPLOAD_EXPIRED,
)
_BY_VERDICT: Final = {
    verdict: sorted(reason for reason in Reason if reason.verdict is verdict and reason not in _NOT_OF_A_SOURCE)
    for verdict in Verdict
}


@dataclass(slots=True, kw_only=True)
class Fate:
    """What becomes of transfers from one URL. `parts` is 0 for what fits into one request."""

    parts: int
    part_s: float
    verdict: Verdict | None = None
    """How an attempt fails, if it does."""
    chance: float = 0.0
    retry_after_s: float | None = None
    has_no_length: bool = False
    fails_at: int | None = None
    """The part at which an attempt fails. None: any."""

    def failure(self, rng: Random) -> Reason | None:
        """The reason for which this attempt fails, or None."""
        if self.verdict is None or rng.random() >= self.chance:
            return None
        return rng.choice(_BY_VERDICT[self.verdict])

    def heal(self) -> None:
        """Faults that pass have passed."""
        if self.verdict in (Verdict.RETRY, Verdict.WAIT):
            self.verdict = None


def draw_copy_fate(rng: Random, *, parts: int, faulty: bool) -> Fate:
    """A copy between two stores."""
    fate = Fate(parts=parts if parts > 1 else 0, part_s=rng.choice((0.1, 2.0, 15.0)))
    if faulty and rng.random() < 0.4:
        fate.verdict = rng.choice((Verdict.RETRY, Verdict.RETRY, Verdict.WAIT, Verdict.FINAL))
        fate.chance = rng.choice((0.3, 0.7, 1.0))
        fate.retry_after_s = rng.choice((None, 7.0))
    return fate


def draw_fate(rng: Random, *, faulty: bool) -> Fate:
    """A source: most are good, some fail now and then, or for good."""
    fate = Fate(parts=rng.choice((0, 0, 0, 2, 5)), part_s=rng.choice((0.1, 2.0, 15.0)))
    if faulty and rng.random() < 0.6:
        fate.verdict = rng.choice((Verdict.RETRY, Verdict.RETRY, Verdict.WAIT, Verdict.EXPIRED, Verdict.FINAL))
        fate.chance = 1.0 if fate.verdict in (Verdict.EXPIRED, Verdict.FINAL) else rng.choice((0.3, 0.7, 1.0))
        fate.retry_after_s = rng.choice((None, None, 7.0, 400.0))
    fate.has_no_length = rng.random() < 0.15
    return fate
