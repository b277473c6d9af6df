"""Quotas under any order of transfers, counts and deletions: the store never exceeds a quota by more than allowed."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recording_operator.api.quotas import Quota, QuotaAction
from recording_operator.engine.facts import OwnerUsage
from recording_operator.engine.queue import Rank
from recording_operator.engine.quota_ledger import ArtifactUse, QuotaOwner, RecordingOwner, Use
from recording_operator.engine.quota_room import RoomNeed
from recording_operator.engine.quotas import Quotas
from tests.engine.builders import START

ORGS = ("acme", "globex")
STORE = ("", "bucket", "p/")
QUOTAS = (
    Quota(org="acme", most_bytes=100, recordings=4),
    Quota(namespace="team-a", most_bytes=150, action=QuotaAction.FAIL),
)
LARGEST = 60


@dataclass
class Artifact:
    """One artifact of a Recording, in the world and as the operator sees it."""

    uid: str
    name: str
    owner: RecordingOwner
    size: int
    has_no_length: bool
    spec_size: bool
    use: Use = Use.NONE
    probed: bool = False
    in_store: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.uid, self.name


@dataclass
class Listing:
    """A count under way: what was stored when it began, and what it has found besides."""

    stored: list[Artifact]
    found: list[Artifact] = field(default_factory=list)


class QuotaMachine(RuleBasedStateMachine):
    """The world knows what is stored. The quotas are told of it late, or by counts."""

    def __init__(self) -> None:
        super().__init__()
        self.quotas = Quotas()
        self.quotas.set_location("archive", STORE, QUOTAS)
        self.artifacts: list[Artifact] = []
        self.created = 0
        self.listing: Listing | None = None
        self.unsized: dict[QuotaOwner, int] = {}

    def _tell(self, uid: str) -> None:
        mine = [one for one in self.artifacts if one.uid == uid]
        uses = tuple(
            ArtifactUse(one.name, one.use, one.size if one.use in (Use.STORED, Use.WRITTEN) else self._known(one) or 0)
            for one in mine
        )
        self.quotas.update(uid, mine[0].owner, uses)

    @staticmethod
    def _known(one: Artifact) -> int | None:
        return one.size if not one.has_no_length and (one.spec_size or one.probed) else None

    def _rank(self, one: Artifact) -> Rank:
        return Rank(0, False, START, START + timedelta(seconds=self.artifacts.index(one)), one.key)

    def _pick(self, index: int, *uses: Use) -> Artifact | None:
        found = [one for one in self.artifacts if one.use in uses]
        return found[index % len(found)] if found else None

    @rule(
        org=st.sampled_from(ORGS),
        namespace=st.sampled_from(("team-a", "team-b")),
        sizes=st.lists(st.integers(0, LARGEST), min_size=1, max_size=3),
        has_no_length=st.booleans(),
        spec_size=st.booleans(),
    )
    def create(self, org: str, namespace: str, sizes: list[int], has_no_length: bool, spec_size: bool) -> None:
        self.created += 1
        uid, owner = f"uid-{self.created}", RecordingOwner("archive", org, namespace)
        for number, size in enumerate(sizes):
            is_endless = has_no_length and number == 0
            one = Artifact(uid, f"a{number}", owner, size, is_endless, spec_size and not is_endless)
            self.artifacts.append(one)
        self._tell(uid)

    @precondition(lambda self: self.quotas.is_known("archive"))
    @rule(index=st.integers(0, 50))
    def start(self, index: int) -> None:
        one = self._pick(index, Use.NONE, Use.PAUSED)
        if one is None or self.quotas.held(one.key, "archive"):
            return
        need = RoomNeed(self._known(one), has_no_length=one.has_no_length and one.probed)
        if self.quotas.admit(one.key, one.owner, need, rank=self._rank(one)) is None:
            one.use = Use.UNDER_WAY
        self._tell(one.uid)

    @rule(index=st.integers(0, 50))
    def find_size(self, index: int) -> None:
        one = self._pick(index, Use.UNDER_WAY)
        if one is None or one.probed:
            return
        one.probed = True
        need = RoomNeed(None if one.has_no_length else one.size, has_no_length=one.has_no_length)
        if self.quotas.admit(one.key, one.owner, need, rank=self._rank(one)) is not None:
            one.use = Use.NONE
        self._tell(one.uid)

    @rule(index=st.integers(0, 50), is_reported=st.booleans())
    def store(self, index: int, is_reported: bool) -> None:
        one = self._pick(index, Use.UNDER_WAY)
        if one is None or not one.probed:
            return
        one.in_store = True
        if one.has_no_length:
            for owner in one.owner.quota_owners:
                self.unsized[owner] = max(self.unsized.get(owner, 0), one.size)
        if is_reported:
            one.use = Use.STORED
            self._tell(one.uid)

    @rule(index=st.integers(0, 50))
    def report_or_write(self, index: int) -> None:
        one = self._pick(index, Use.UNDER_WAY, Use.STORED)
        if one is not None and one.in_store:
            one.use = Use.WRITTEN if one.use is Use.STORED else Use.STORED
            self._tell(one.uid)

    @precondition(lambda self: self.quotas.is_known("archive"))
    @rule(index=st.integers(0, 50))
    def move(self, index: int) -> None:
        """A whole upload, with nothing in between."""
        one = self._pick(index, Use.NONE)
        if one is None:
            return
        place = [other for other in self.artifacts if other.use is Use.NONE].index(one)
        self.start(place)
        if one.use is Use.UNDER_WAY:
            self.find_size(self._place(one, Use.UNDER_WAY))
        if one.use is Use.UNDER_WAY:
            self.store(self._place(one, Use.UNDER_WAY), True)
            self.report_or_write(self._place(one, Use.UNDER_WAY, Use.STORED))

    def _place(self, one: Artifact, *uses: Use) -> int:
        return [other for other in self.artifacts if other.use in uses].index(one)

    @rule(index=st.integers(0, 50), keeps_upload=st.booleans())
    def stop(self, index: int, keeps_upload: bool) -> None:
        one = self._pick(index, Use.UNDER_WAY)
        if one is not None and not one.in_store:
            one.use = Use.PAUSED if keeps_upload and one.probed else Use.NONE
            one.probed = one.use is Use.PAUSED and one.probed
            self._tell(one.uid)

    @rule(index=st.integers(0, 50))
    def delete(self, index: int) -> None:
        one = self._pick(index, Use.WRITTEN)
        if one is None:
            return
        mine = [other for other in self.artifacts if other.uid == one.uid]
        if any(other.use is Use.UNDER_WAY for other in mine):
            return
        for other in mine:
            other.in_store = False
        self.artifacts = [other for other in self.artifacts if other.uid != one.uid]
        self.quotas.removed(one.uid, one.owner)
        self.quotas.forget(one.uid)

    @rule(index=st.integers(0, 50))
    def forget_finished(self, index: int) -> None:
        one = self._pick(index, Use.WRITTEN)
        if one is not None and all(other.use is Use.WRITTEN for other in self.artifacts if other.uid == one.uid):
            self.quotas.forget(one.uid)

    @rule()
    def begin_count(self) -> None:
        self.quotas.count_began(["archive"])
        self.listing = Listing([one for one in self.artifacts if one.in_store])

    @rule(index=st.integers(0, 50))
    def read_page(self, index: int) -> None:
        """Read one object, of all that are or come."""
        if self.listing is not None:
            unread = [one for one in self.artifacts if one not in self.listing.found]
            if unread and (one := unread[index % len(unread)]).in_store:
                self.listing.found.append(one)

    @rule()
    def end_count(self) -> None:
        if self.listing is None:
            return
        # What was stored when it began and is still there was read.
        before = [one for one in self.listing.stored if one.in_store]
        found = {one.key: one for one in (*self.listing.found, *before)}.values()
        rows: dict[tuple[str, str], list[Artifact]] = {}
        for one in found:
            rows.setdefault((one.owner.org, one.owner.namespace), []).append(one)
        usage = tuple(
            OwnerUsage(org, namespace, sum(one.size for one in some), len({one.uid for one in some}))
            for (org, namespace), some in rows.items()
        )
        self.quotas.counted("archive", usage)
        self.listing = None

    @rule()
    def release(self) -> None:
        for uid, _ in self.quotas.release():
            assert any(one.uid == uid for one in self.artifacts)

    @invariant()
    def the_store_never_exceeds_a_quota(self) -> None:
        for quota in QUOTAS:
            owner = QuotaOwner(quota.org, quota.namespace)
            stored = [one for one in self.artifacts if one.in_store and owner in one.owner.quota_owners]
            unsized = self.unsized.get(owner, 0)
            assert sum(one.size for one in stored) <= (quota.most_bytes or 0) + unsized
            assert quota.recordings is None or len({one.uid for one in stored}) <= quota.recordings

    @invariant()
    def usage_is_never_less_than_what_is_stored(self) -> None:
        for usage in self.quotas.usages():
            owner = QuotaOwner(usage.quota.org, usage.quota.namespace)
            stored = [one for one in self.artifacts if one.in_store and owner in one.owner.quota_owners]
            reported = [one for one in stored if one.use in (Use.STORED, Use.WRITTEN) or not one.has_no_length]
            assert usage.used_bytes >= sum(one.size for one in reported)
            assert usage.recordings >= len({one.uid for one in stored})


TestQuotas = QuotaMachine.TestCase
TestQuotas.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
