"""The S3 settings in the environment and profile of the process, with botocore's precedence.

Only `recording-operator copy` uses this: a StorageLocation states where its store is.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from recording_operator.stores.s3.service_models import service_models


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbientEndpoint:
    """The endpoint of the store; `url` None means AWS."""

    url: str | None
    path_style: bool


def ambient_endpoint(*, given: str | None) -> AmbientEndpoint:
    """The given endpoint, else the configured one: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, services section, profile.

    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is respected. With an endpoint, path style is used unless the profile's
    `s3.addressing_style` is `virtual`. Raises ValueError, with a message, if the configuration cannot be used.
    """
    try:
        session = botocore.session.Session()
        session.register_component("data_loader", service_models())
        style = str((session.get_config_variable("s3") or {}).get("addressing_style", ""))
        found = given or _configured(session)
    except (BotoCoreError, ValueError) as error:
        raise ValueError(f"The AWS configuration cannot be used: {error}") from None
    except AttributeError:  # botocore expects a section instead of text
        raise ValueError("The AWS configuration cannot be used: a section of the profile is not indented.") from None
    if found is not None and not _is_url(found):
        raise ValueError("The endpoint is not a URL. Write https://HOST or http://HOST:PORT.")
    return AmbientEndpoint(url=found, path_style=style != "virtual" if found else style == "path")


def _is_url(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return False
    extra = "@" in parts.netloc or parts.query or parts.fragment
    return parts.scheme in ("https", "http") and bool(parts.hostname) and port != 0 and not extra


def _configured(session: botocore.session.Session) -> str | None:
    # botocore returns the address of a client, but not whether it was configured. So two clients are created, with and
    # without the configured endpoint. Unsigned clients need no credentials.
    with_it, without = (_address(session, ignored=ignored) for ignored in (None, True))
    return None if with_it == without else with_it


def _address(session: botocore.session.Session, *, ignored: bool | None) -> str:
    config = Config(signature_version=UNSIGNED, ignore_configured_endpoint_urls=ignored)
    client = session.create_client("s3", region_name="us-east-1", config=config)
    try:
        return str(client.meta.endpoint_url)
    finally:
        client.close()
