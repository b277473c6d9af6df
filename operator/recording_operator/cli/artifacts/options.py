"""The options of every verb that reaches the store of a StorageLocation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

import click

from recording_operator.cli.cluster_options import operator_namespace_option

_C = TypeVar("_C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """How the store is reached, and with whose credentials."""

    operator_namespace: str | None = None
    """None: it is looked for."""
    endpoint_url: str | None = None
    own_credentials: bool = False


def store_options(command: _C) -> Callable[..., Any]:
    """Add the options. The verb gets them as `access`, a StoreAccess."""

    @wraps(command)
    def called(**given: Any) -> Any:
        access = StoreAccess(
            operator_namespace=given.pop("operator_namespace"),
            endpoint_url=given.pop("endpoint_url"),
            own_credentials=given.pop("own_credentials"),
        )
        return command(access=access, **given)

    decorated: Callable[..., Any] = called
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


_OPTIONS: Final = (
    operator_namespace_option(),
    click.option(
        "--own-credentials", is_flag=True, help="Use your own AWS credentials instead of the StorageLocation's Secret."
    ),
    click.option(
        "--endpoint-url",
        help="Address of the store, if you reach it by another than s3.endpoint of the StorageLocation.",
    ),
)
