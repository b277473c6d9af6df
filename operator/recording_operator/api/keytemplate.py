"""Parses an object's key with the template from which it was made."""

import re
from typing import Final

from recording_operator.api.names import MANIFEST_FILE, RESERVED_FOLDER
from recording_operator.api.recording_rules import MAX_OWNER_CHARS

PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
UID_PATTERN: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


# Ids never contained `=` without escaping, so ids without special characters keep their keys.
_ESCAPED: Final = re.compile(r"[^A-Za-z0-9._-]|(?:^|(?<=\.))\.")
_ESCAPE: Final = re.compile(r"(?:=[0-9A-F]{2})+")


def escape_id(value: str) -> str:
    """Escape an owner's id for keys and headers: `jo=40example.com`. Different ids have different results."""
    return _ESCAPED.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), value)


def unescape_id(text: str) -> str:
    """Undo `escape_id`. Invalid escapes are left unchanged."""
    try:
        value = _ESCAPE.sub(lambda found: bytes.fromhex(found[0].replace("=", "")).decode(), text)
    except UnicodeDecodeError:
        return text
    return value if escape_id(value) == text else text


def is_owner_id(value: str) -> bool:
    """Whether the API server accepts this as the id of an owner."""
    plain = value.isprintable() and value == value.strip() and ".." not in value and "://" not in value
    return plain and not value.startswith((".", "(")) and 0 < len(escape_id(value)) <= MAX_OWNER_CHARS


def key_pattern(*, prefix: str, template: str) -> re.Pattern[str] | None:
    """A pattern that matches whole keys of this template and captures each placeholder; None without a {uid}.

    A key that does not match is not the operator's. `exact_fields` says which captured values are reliable.
    """
    if "{uid}" not in template:
        return None
    pieces, end, seen = [re.escape(prefix)], 0, set[str]()
    for found in PLACEHOLDER.finditer(template):
        pieces.append(re.escape(template[end : found.start()]))
        end = found.end()
        pieces.append(f"(?P={found[1]})" if found[1] in seen else f"(?P<{found[1]}>{_values(found[1])})")
        seen.add(found[1])
    pieces.append(re.escape(template[end:]))
    return re.compile("".join(pieces))


def manifest_patterns(*, prefix: str, template: str) -> tuple[re.Pattern[str], ...]:
    """Patterns that match whole keys of manifests and capture `uid`, and what else the folder shows.

    A manifest is in the folder of its Recording or in the operator's own (`engine/manifest.py`).
    """
    own = re.compile(f"{re.escape(f'{prefix}{RESERVED_FOLDER}/manifests/')}(?P<uid>{UID_PATTERN})[.]json")
    folder = template.partition("{artifact}")[0]
    beside = key_pattern(prefix=prefix, template=f"{folder}{MANIFEST_FILE}") if folder.endswith("/") else None
    return (own,) if beside is None else (own, beside)


def is_manifest_key(key: str) -> bool:
    """Whether a key of a template or of `manifest_patterns` is one of a manifest.

    Also true for an artifact `metadata` that has the same name.
    """
    folder, _, name = key.rpartition("/")
    return name == MANIFEST_FILE or folder.endswith(f"{RESERVED_FOLDER}/manifests")


def exact_fields(template: str) -> frozenset[str]:
    """Placeholders that are the whole name of a folder. With `{org}-{user}` the end of the first is ambiguous."""
    whole = set()
    for found in PLACEHOLDER.finditer(template):
        begins = found.start() == 0 or template[found.start() - 1] == "/"
        ends = found.end() == len(template) or template[found.end()] == "/"
        if begins and ends:
            whole.add(found[1])
    return frozenset(whole | ({"uid"} if "{uid}" in template else set()))


def _values(placeholder: str) -> str:
    if placeholder == "uid":
        return UID_PATTERN
    return "[^/]*" if placeholder == "ext" else "[^/]+"
