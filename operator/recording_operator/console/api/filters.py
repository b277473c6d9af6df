"""The parameters that choose Recordings."""

from typing import Annotated

from fastapi import Depends, Query

from recording_operator.api.recording import Phase
from recording_operator.catalog.wanted import EntryFilter
from recording_operator.console.api.addresses import NO_NUL, UtcTime

_Name = Annotated[str | None, Query(max_length=253, pattern=NO_NUL)]


def wanted_of(
    *,
    namespace: _Name = None,
    org: _Name = None,
    user: _Name = None,
    project: _Name = None,
    phase: Annotated[Phase | None, Query()] = None,
    location: _Name = None,
    q: Annotated[
        str | None,
        Query(max_length=200, pattern=NO_NUL, description="Words of title, name, organisation or user."),
    ] = None,
    created_from: Annotated[UtcTime | None, Query(alias="from", description="Created at this time or later.")] = None,
    created_before: Annotated[UtcTime | None, Query(alias="to", description="Created before this time.")] = None,
) -> EntryFilter:
    """What the parameters choose."""
    return EntryFilter(
        namespace=namespace,
        org=org,
        user=user,
        project=project,
        phase=phase,
        location=location,
        text=q,
        created_from=created_from,
        created_before=created_before,
    )


Wanted = Annotated[EntryFilter, Depends(wanted_of)]
