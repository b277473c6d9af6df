"""Checks whether a location may store the content: `limits.contentTypes` of the StorageLocation.

A declared type must be in the list, and the content must be of a type in the list. Where no type is declared, the
content decides; if its format is not known, the type that the source states.
"""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.transfer.content import media_types
from recording_operator.transfer.content.check import IdentifiedContent, identified
from recording_operator.transfer.content.found_types import FoundTypes, types_of_file, types_of_text
from recording_operator.transfer.source.content_facts import ContentFacts

_MOST_SHOWN: Final = 5
OF_LOCATION: Final = (
    "limits.contentTypes of the StorageLocation",
    "Choose another location, or ask the owner of this one to allow it.",
)
"""Which list `ObjectSpec.allowed_types` is, and what to do if it lacks a type."""


def check_declared(obj: ObjectSpec, *, listed: tuple[str, str] = OF_LOCATION) -> None:
    """Raises TransferError(UnexpectedContent) if the location does not store the declared type."""
    declared = media_types.bare_type(obj.content_type)
    if obj.allowed_types and declared and not _matches(declared, obj.allowed_types):
        raise _not_allowed(obj, f"the artifact declares {declared}", listed)


def check_allowed(facts: ContentFacts, obj: ObjectSpec, *, listed: tuple[str, str] = OF_LOCATION) -> None:
    """Raises TransferError(UnexpectedContent) if the location does not store content of this type.

    The content fits the declared type: `check_content` has passed.
    """
    if not obj.allowed_types:
        return
    check_declared(obj, listed=listed)
    declared, stated = media_types.bare_type(obj.content_type), media_types.bare_type(facts.content_type)
    named = declared or stated
    if media_types.is_untyped(named) and any(media_types.is_untyped(pattern) for pattern in obj.allowed_types):
        return
    content = identified(facts, declared)
    found = None if content is None else _found(content, declared=declared, stated=stated, kind=obj.kind)
    if found is None:
        if not declared and not _matches(stated, obj.allowed_types):
            raise _not_allowed(obj, f"{facts.host} sends {stated or 'content without a type'}", listed)
    elif content is not None and not any(found.fits(pattern) for pattern in obj.allowed_types):
        raise _not_allowed(obj, f"{facts.host} sends {content.described}", listed)


def check_allowed_text(text: bytes, obj: ObjectSpec) -> None:
    """`check_allowed` for an inline text, whose type is that of `obj`."""
    facts = ContentFacts(
        host="the spec",
        size_bytes=len(text),
        etag=None,
        last_modified=None,
        ranges=False,
        ends_visibly=True,
        content_type=obj.content_type,
        head=text,
    )
    check_allowed(facts, obj)


def _found(content: IdentifiedContent, *, declared: str, stated: str, kind: str) -> FoundTypes | None:
    """The types of the content; None if only its name can tell."""
    if content.text is not None:
        if declared and not media_types.is_media(declared):
            return None  # many formats are text, and `check_content` has compared those that it knows
        return types_of_text(content.flavour, stated=stated if media_types.is_text(stated) else "")
    name = content.media or content.other
    if name is None:
        return None
    for one in (declared, stated):
        if name in media_types.signed_formats(one):
            return FoundTypes(types=frozenset({one}), families=frozenset({one.partition("/")[0]}))
    family = declared.partition("/")[0]
    return types_of_file(name, hint=family if media_types.is_media(declared) else kind.lower())


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return name in patterns or f"{name.partition('/')[0]}/*" in patterns


def _not_allowed(obj: ObjectSpec, what: str, listed: tuple[str, str]) -> TransferError:
    where, advice = listed
    shown = ", ".join(obj.allowed_types[:_MOST_SHOWN])
    if len(obj.allowed_types) > _MOST_SHOWN:
        shown += f" and {len(obj.allowed_types) - _MOST_SHOWN} more"
    return TransferError(
        Reason.UNEXPECTED_CONTENT,
        f"{where} allows {shown}, but {what}. {advice}",
    )
