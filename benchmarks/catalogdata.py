"""Made-up Recordings of many tenants for the benchmark of the catalog. The same number gives the same rows."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from recording_operator.catalog.entries import CatalogArtifact, CatalogEntry

NEWEST: Final = datetime(2026, 11, 30, tzinfo=UTC)
DAYS: Final = 730
NAMESPACES: Final = 1_000
ORGS: Final = 50
USERS: Final = 5_000
PROJECTS: Final = 300
LOCATIONS: Final = ("archive", "hot", "eu", "legal")
_WORDS: Final = 600
_SYLLABLES: Final = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "ru", "sa", "te", "vi", "wo", "zu")
_PHASES: Final = (("Complete", 0.965), ("Failed", 0.99), ("Uploading", 0.997), ("Pending", 1.0))


def _vocabulary() -> list[str]:
    drawn = random.Random(7)
    found: dict[str, None] = {}
    while len(found) < _WORDS:
        found.setdefault("".join(drawn.choices(_SYLLABLES, k=drawn.randint(2, 4))))
    return list(found)


VOCABULARY: Final = _vocabulary()
"""Words of titles; those at the beginning are the most common."""


def entries(
    number: int, *, seed: int = 1, newest: datetime = NEWEST, namespaces: int = NAMESPACES
) -> Iterator[CatalogEntry]:
    """So many rows. A few namespaces and organisations have a large part of them, as tenants do."""
    drawn = random.Random(seed)
    for index in range(number):
        namespace = min(int(drawn.paretovariate(0.7)) - 1, namespaces - 1)
        namespace = drawn.randrange(namespaces) if namespace > namespaces * 0.3 else namespace
        created = newest - timedelta(seconds=drawn.randrange(DAYS * 86_400))
        yield _entry(index, namespace, created, drawn)


def _entry(index: int, namespace: int, created: datetime, drawn: random.Random) -> CatalogEntry:
    lot = drawn.random()
    phase = next(name for name, most in _PHASES if lot < most)
    size_bytes = int(10 ** drawn.uniform(6, 10)) if phase != "Pending" else None
    words = " ".join(VOCABULARY[min(int(drawn.paretovariate(0.6)) - 1, _WORDS - 1)] for _ in range(4))
    stored = phase == "Complete"
    name = f"meeting-{index:07}"
    key = f"recordings/org-{namespace % ORGS:02}/{created:%Y/%m/%d}/{name}"
    artifacts = tuple(
        CatalogArtifact(
            name=kind.lower(),
            kind=kind,
            phase=phase,
            key=f"{key}/{kind.lower()}",
            size_bytes=size_bytes,
            bytes_done=size_bytes,
            content_type="video/mp4",
            checksum="crc64nvme:0011223344556677" if stored else "",
            stored=stored,
        )
        for kind in ("Video", "Transcript")
    )
    return CatalogEntry(
        uid=f"00000000-0000-4000-8000-{index:012}",
        namespace=f"team-{namespace:04}",
        name=name,
        org=f"org-{namespace % ORGS:02}",
        user=f"user{drawn.randrange(USERS)}@org-{namespace % ORGS:02}.example",
        project=f"project-{namespace % PROJECTS}",
        title=f"{words} {index % 97}",
        labels={"app": "meetings"},
        phase=phase,
        location=LOCATIONS[drawn.randrange(len(LOCATIONS))],
        created=created,
        completed=created + timedelta(minutes=9) if stored else None,
        size_bytes=size_bytes,
        bytes_done=size_bytes,
        artifacts=artifacts,
        stored_uid=f"00000000-0000-4000-8000-{index:012}",
        in_cluster=index % 5 == 0,
        version=index + 1,
    )
