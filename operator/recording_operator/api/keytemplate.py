"""Reading an object's key back: which of its parts stand for what, by the template that made it."""

import re
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
UID_PATTERN: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def key_pattern(*, prefix: str, template: str) -> re.Pattern[str] | None:
    """A pattern that matches the keys of this template whole and captures each placeholder; None without a {uid}.

    A key that does not match is not ours. See `exact_fields` for what of a match can be relied on.
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


def exact_fields(template: str) -> frozenset[str]:
    """Placeholders that fill a folder's name alone: with `{org}-{user}` nobody can tell where one ends."""
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
