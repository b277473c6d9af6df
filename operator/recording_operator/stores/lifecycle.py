"""The lifecycle configuration of a store: rules by age that the store itself enforces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from recording_operator.lifecycle.merge import Difference
from recording_operator.lifecycle.rule import BucketRule


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleWrite:
    """What was found when the rules were applied. `written`: the configuration was changed."""

    found: Difference
    written: bool


class LifecycleRules(Protocol):
    """Rules by age. They are shared with other writers."""

    def apply_lifecycle(self, rules: Sequence[BucketRule], *, own: str) -> LifecycleWrite:
        """Make the rules whose ids begin with `own` exactly these. Rules of others stay as they are, byte by byte.

        Nothing is written if the rules are as wanted. Raises StoreError: LifecycleUnsupported, LifecycleRejected,
        LifecycleOverwritten, AccessDenied, or that of a failed request.
        """
