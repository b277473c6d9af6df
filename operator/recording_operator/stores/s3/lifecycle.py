"""The lifecycle configuration of an S3 bucket: read, merge, write, read again.

S3 replaces the whole configuration with each write, and has no condition for it. docs/lifecycle.md says what follows
from that.
"""

import base64
import hashlib
import random
import time
from collections.abc import Sequence
from typing import Any, Final

from recording_operator.api.reasons import Reason
from recording_operator.lifecycle.merge import difference
from recording_operator.lifecycle.rule import MOST_RULES, BucketRule
from recording_operator.stores.errors import StoreError
from recording_operator.stores.lifecycle import LifecycleWrite
from recording_operator.stores.s3.errors import translated
from recording_operator.stores.s3.lifecycle_document import LifecycleDocument, LifecycleDocumentError, parsed

_GET: Final = "GetBucketLifecycleConfiguration"
_PUT: Final = "PutBucketLifecycleConfiguration"
_DELETE: Final = "DeleteBucketLifecycle"
_DOCUMENT: Final = "Document"
_WRITES: Final = 3
_SETTLE_S: Final = 2.0
_NONE: Final = "NoSuchLifecycleConfiguration"
_UNSUPPORTED: Final = frozenset({"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "405", "501"})
_RIGHTS: Final = "Needed on the bucket: s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration."


def register(client: Any) -> None:
    """Give and take the configuration as bytes."""
    events = client.meta.events
    events.register(f"before-parse.s3.{_GET}", _keep_bytes)
    events.register(f"before-parameter-build.s3.{_PUT}", _take_bytes)
    events.register(f"before-call.s3.{_PUT}", _send_bytes)


def apply(client: Any, *, bucket: str, rules: Sequence[BucketRule], own: str) -> LifecycleWrite:
    """As `LifecycleRules` says.

    After a write, the configuration is read again, because another client may have replaced it meanwhile. If it
    differs, it is read once more after a pause, because S3 may respond with an older one, and then merged again. After
    a write that failed, the configuration is read again too.
    """
    document = _read(client, bucket)
    first = difference(document.found, rules, own=own)
    for left in reversed(range(_WRITES)):
        if not difference(document.found, rules, own=own).any:
            return LifecycleWrite(found=first, written=first.any)
        try:
            _write(client, bucket, document, rules, own=own)
        except StoreError as error:
            if error.reason is not Reason.STORE_UNAVAILABLE or not left:
                raise
        document = _read(client, bucket)
        if difference(document.found, rules, own=own).any:
            time.sleep(random.uniform(_SETTLE_S / 2, _SETTLE_S))  # noqa: S311 - a wait, not a secret
            document = _read(client, bucket)
    if difference(document.found, rules, own=own).any:
        raise StoreError(
            Reason.LIFECYCLE_OVERWRITTEN,
            f"The bucket's lifecycle configuration was written {_WRITES} times, and differs again: another client "
            "overwrites it, or the store changes the rules. Exclude rules whose ids begin with "
            "recording-operator/ there.",
        )
    return LifecycleWrite(found=first, written=True)


def _read(client: Any, bucket: str) -> LifecycleDocument:
    try:
        with translated(_GET):
            response = client.get_bucket_lifecycle_configuration(Bucket=bucket)
        return parsed(response[_DOCUMENT], least_size=response.get("TransitionDefaultMinimumObjectSize"))
    except LifecycleDocumentError as error:
        raise StoreError(
            Reason.LIFECYCLE_UNSUPPORTED, f"The bucket's lifecycle configuration cannot be edited: {error}."
        ) from None
    except StoreError as error:
        if error.code == _NONE:
            return LifecycleDocument()
        raise _read_error(error) from None


def _write(client: Any, bucket: str, document: LifecycleDocument, rules: Sequence[BucketRule], *, own: str) -> None:
    others = document.without(own)
    if others + len(rules) > MOST_RULES:
        raise StoreError(
            Reason.LIFECYCLE_REJECTED,
            f"The location needs {len(rules)} rules, and the bucket has {others} of others: together more than "
            f"{MOST_RULES}, the limit of S3. Write a prefix in each rule, or use a keyTemplate that begins "
            "with a folder.",
        )
    try:
        if not others and not rules:
            with translated(_DELETE):
                client.delete_bucket_lifecycle(Bucket=bucket)
            return
        with translated(_PUT):
            _put(client, bucket, document, document.with_rules(rules, own=own))
    except StoreError as error:
        raise _write_error(error, rules) from None


def _put(client: Any, bucket: str, document: LifecycleDocument, text: bytes) -> None:
    # Without the header, S3 would reset the bucket's setting, which applies to the rules of others too.
    kept = {} if document.least_size is None else {"TransitionDefaultMinimumObjectSize": document.least_size}
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": []}, **kept, **{_DOCUMENT: text}
    )


def _read_error(error: StoreError) -> StoreError:
    if error.reason is Reason.STORE_UNSUPPORTED:
        message = f"The store has no lifecycle configuration of buckets ({_GET}: {error.code})."
        return StoreError(Reason.LIFECYCLE_UNSUPPORTED, message, code=error.code)
    return _with_rights(error)


def _write_error(error: StoreError, rules: Sequence[BucketRule]) -> StoreError:
    if error.reason is not Reason.STORE_UNSUPPORTED:
        return _with_rights(error)
    if error.code in _UNSUPPORTED:
        message = f"The store's lifecycle configuration cannot be changed ({_PUT}: {error.code})."
        return StoreError(Reason.LIFECYCLE_UNSUPPORTED, message, code=error.code)
    classes = sorted({name for rule in rules for _, name in rule.transitions})
    hint = f" Check that objects can move to {', '.join(classes)} there." if classes else ""
    message = f"The store rejected the rules ({_PUT}: {error.code}). Nothing was changed.{hint}"
    return StoreError(Reason.LIFECYCLE_REJECTED, message, code=error.code)


def _with_rights(error: StoreError) -> StoreError:
    if error.location_reason is not Reason.ACCESS_DENIED:
        return error
    return StoreError(Reason.ACCESS_DENIED, f"{error.message} {_RIGHTS}", code=error.code)


# Handlers of botocore's events


def _keep_bytes(*, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    customized_response_dict[_DOCUMENT] = response_dict["body"]


def _take_bytes(*, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_DOCUMENT] = params.pop(_DOCUMENT)


def _send_bytes(*, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    body: bytes = context[_DOCUMENT]
    params["body"] = body
    # Beside the checksum that botocore adds: stores other than AWS require this older one.
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
