"""Failures of stores and their Secrets, as one line for the person who called."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from recording_operator.api.reasons import Trait
from recording_operator.cli.verb import EXIT_FAILED, Failure
from recording_operator.cli.words import for_location, for_secrets
from recording_operator.errors import LocationError, TransferError
from recording_operator.kube.errors import Forbidden
from recording_operator.kube.secrets import SecretError
from recording_operator.logs import Redactor, configure_logging
from recording_operator.stores.archive import NotRestorableError
from recording_operator.stores.presigning import NotPresignableError
from recording_operator.user_actions.rights import right_of

EXIT_TRY_LATER: Final = 75
"""EX_TEMPFAIL of sysexits.h."""


@contextmanager
def store_failures() -> Iterator[None]:
    """Turn failures of a store into Failure. The libraries log nothing meanwhile."""
    configure_logging(redactor=Redactor(), log_format="text", level=logging.ERROR)
    try:
        yield
    except (NotPresignableError, NotRestorableError) as error:
        raise Failure(str(error)) from None
    except SecretError as error:
        raise Failure(_of_secret(error)) from None
    except (TransferError, LocationError) as error:
        raise failure_of(error) from None


def failure_of(error: TransferError | LocationError) -> Failure:
    """The failure of a store: with status 75 if it may end without intervention."""
    may_recover = Trait.MAY_RECOVER in error.reason.traits
    return Failure(for_location(error.message), status=EXIT_TRY_LATER if may_recover else EXIT_FAILED)


def _of_secret(error: SecretError) -> str:
    message = for_secrets(error.message)
    refused = error.__context__
    right = right_of(refused.method, refused.path) if isinstance(refused, Forbidden) else None
    if right is None:
        return message
    return f"{message} To check your rights: {right.check}. With --own-credentials, your own AWS credentials are used."
