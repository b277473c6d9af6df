"""Reads usage samples from a bucket, without Kubernetes."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.storagereport import Playback, ReportScope, StorageReportSpec
from recording_operator.cli.reports.counted import Counted, CountedError
from recording_operator.cli.words import for_report
from recording_operator.controller.usage.samples import UsageSamples, unread
from recording_operator.controller.usage.store_files import FileCache, StoreFiles
from recording_operator.costs.focus import BilledResource
from recording_operator.costs.library import find_profile
from recording_operator.costs.profile import PriceError, Profile, parse_profile
from recording_operator.costs.terms import CostTerms, LocationPrices
from recording_operator.costs.view import ReportInputs
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.copy_target import CopyTarget
from recording_operator.stores.factory import open_copy_target
from recording_operator.stores.location_store import LocationStore
from recording_operator.usage.months import CLOCKS_DIFFER, chain
from recording_operator.usage.timeline import LocationUsage, usage_of

_PROFILE_FILE: Final = ".toml"
_LONGEST_PROFILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRequest:
    """Which samples to read, and at which prices to value them."""

    bucket: str
    prefix: str
    region: str | None
    endpoint_url: str | None
    ca_bundle: Path | None
    locations: tuple[str, ...]
    orgs: tuple[str, ...]
    namespaces: tuple[str, ...]
    prices: str | None
    playback_ratio: Decimal | None
    compare: tuple[str, ...]

    @property
    def address(self) -> str:
        """Where the samples are."""
        return f"s3://{self.bucket}/{self.prefix}"


def from_bucket(request: BucketRequest, *, now: datetime) -> Counted:
    """The inputs of a report about samples in a bucket. Raises CountedError, and ValueError for wrong options."""
    given = _profile(request.prices) if request.prices else None
    comparison = {name: _profile(name) for name in request.compare}
    try:
        with closing(_open(request)) as store:
            locations = _chosen(request, _locations_in(store, request))
            read = {name: _read(store, request, name, until=now + CLOCKS_DIFFER) for name in locations}
    except (TransferError, LocationError) as error:
        raise CountedError(f"{request.address}: {for_report(error.message)}") from None
    found = {name: counted for name, (counted, _) in read.items() if counted is not None}
    notes = tuple(note for _, of_location in read.values() for note in of_location)
    if not found:
        raise CountedError(" ".join([f"{request.address} has no usage samples that can be read.", *notes]))
    return Counted(
        title=request.address,
        inputs=ReportInputs(
            spec=_spec(request),
            now=now,
            terms=_terms(found, given, request),
            usage=found,
            comparison={versions[0].name: versions for versions in comparison.values()},
            notes=notes,
        ),
        resources={name: BilledResource(address=request.address, region=request.region or "") for name in found},
    )


def _open(request: BucketRequest) -> LocationStore:
    bundle = request.ca_bundle
    try:
        return open_copy_target(
            CopyTarget(
                bucket=request.bucket,
                region=request.region,
                endpoint=request.endpoint_url,
                ca_bundle_pem=None if bundle is None else bundle.read_text(encoding="utf-8"),
            )
        )
    except OSError as error:
        raise ValueError(f"--ca-bundle cannot be read: {error.strerror}.") from None


def _locations_in(store: LocationStore, request: BucketRequest) -> list[str]:
    """The locations that have files in the bucket."""
    folder = f"{request.prefix}{RESERVED_FOLDER}/usage/"
    names = {one.key.removeprefix(folder).partition("/")[0] for one in store.list_documents(folder)}
    return sorted(names - {""})


def _chosen(request: BucketRequest, found: Sequence[str]) -> Sequence[str]:
    if not found:
        raise CountedError(
            f"{request.address} has no usage samples. Give the prefix of the StorageLocation, spec.s3.prefix."
        )
    missing = [name for name in request.locations if name not in found]
    if missing:
        raise CountedError(
            f"{request.address} has no usage samples of {', '.join(missing)}. It has those of {', '.join(found)}."
        )
    if len(found) > 1 and not request.locations:
        raise CountedError(
            f"{request.address} has usage samples of {', '.join(found)}. Choose with --location, once for each of them."
        )
    return request.locations or found


def _read(
    store: LocationStore, request: BucketRequest, name: str, *, until: datetime
) -> tuple[LocationUsage | None, list[str]]:
    files = StoreFiles(store, location=name, prefix=request.prefix, cache=FileCache()).load()
    samples = UsageSamples(chain((entry for file in files for entry in file.entries), until=until))
    return usage_of(samples), list(unread(name, files))


def _spec(request: BucketRequest) -> StorageReportSpec:
    ratio = request.playback_ratio
    return StorageReportSpec(
        scope=ReportScope(orgs=request.orgs, namespaces=request.namespaces),
        playback=Playback() if ratio is None else Playback(ratio=ratio),
        compare=tuple(request.compare),
    )


def _terms(found: Mapping[str, LocationUsage], given: tuple[Profile, ...] | None, request: BucketRequest) -> CostTerms:
    prices = {name: given or _named(one.newest.profile, name) for name, one in found.items()}
    return CostTerms(
        prices={name: LocationPrices(group=of[0].name, versions=of) for name, of in prices.items()},
        playback=_spec(request).playback,
    )


def _named(profile: str, location: str) -> tuple[Profile, ...]:
    try:
        return find_profile(profile or "default")
    except PriceError:
        raise CountedError(
            f"The samples of {location} name the price profile {profile}, which is not included in this program. Give "
            "another one with --prices, or its .toml file."
        ) from None


def _profile(given: str) -> tuple[Profile, ...]:
    """A profile by name or from a file. Raises ValueError."""
    if not given.endswith(_PROFILE_FILE):
        return find_profile(given)
    try:
        with Path(given).open("rb") as file:
            text = file.read(_LONGEST_PROFILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"The price profile cannot be read from {given}: {why}.") from None
    return (parse_profile(text, where=given),)
