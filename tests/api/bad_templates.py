"""keyTemplates that the API server rejects, with the expected messages."""

from typing import Final

from tests.api.cases import Case, blocked, rejected, several, too_long
from tests.api.manifests import with_template

SEGMENTS: Final = "must not begin or end with '/', or contain '//', '..' or a segment with only '.' or {ext}"
KEY_CHARACTERS: Final = "use only letters, digits and ! - _ . * ( ) =, placeholders, and '/' between folders"

BAD_TEMPLATES: Final = (
    Case(
        "keyTemplate without {uid}",
        with_template("{org}/{name}/{artifact}"),
        rejected(
            "spec.keyTemplate",
            "must contain {uid}, so that two recordings never share a key",
            value="{org}/{name}/{artifact}",
        ),
    ),
    Case(
        "keyTemplate with namespace and name only",
        with_template("{namespace}/{name}/{artifact}"),
        rejected(
            "spec.keyTemplate",
            "must contain {uid}, so that two recordings never share a key",
            value="{namespace}/{name}/{artifact}",
        ),
    ),
    Case(
        "keyTemplate without {artifact}",
        with_template("{org}/{uid}"),
        rejected(
            "spec.keyTemplate", "must contain {artifact}, so that two artifacts never share a key", value="{org}/{uid}"
        ),
    ),
    Case(
        "keyTemplate with an unknown placeholder",
        with_template("{orgg}/{uid}/{artifact}"),
        rejected(
            "spec.keyTemplate",
            "use only the placeholders {org} {user} {project} {namespace} {name} {uid} {artifact} {ext} {year} "
            "{month} {day}",
            value="{orgg}/{uid}/{artifact}",
        ),
    ),
    Case(
        "keyTemplate with a lone brace",
        with_template("{uid}/{artifact}/{"),
        rejected(
            "spec.keyTemplate",
            "use only the placeholders {org} {user} {project} {namespace} {name} {uid} {artifact} {ext} {year} "
            "{month} {day}",
            value="{uid}/{artifact}/{",
        ),
    ),
    Case(
        "keyTemplate with ..",
        with_template("../{uid}/{artifact}"),
        rejected("spec.keyTemplate", SEGMENTS, value="../{uid}/{artifact}"),
    ),
    Case(
        "keyTemplate with a leading /",
        with_template("/{uid}/{artifact}"),
        rejected("spec.keyTemplate", SEGMENTS, value="/{uid}/{artifact}"),
    ),
    Case(
        "keyTemplate with a trailing /",
        with_template("{uid}/{artifact}/"),
        rejected("spec.keyTemplate", SEGMENTS, value="{uid}/{artifact}/"),
    ),
    Case(
        "keyTemplate with //",
        with_template("{uid}//{artifact}"),
        rejected("spec.keyTemplate", SEGMENTS, value="{uid}//{artifact}"),
    ),
    Case(
        "keyTemplate with a folder .",
        with_template("./{uid}/{artifact}"),
        rejected("spec.keyTemplate", SEGMENTS, value="./{uid}/{artifact}"),
    ),
    Case(
        "keyTemplate with {ext} inside",
        with_template("{uid}/{ext}/{artifact}"),
        several(
            rejected("spec.keyTemplate", "{ext} must be at the end", value="{uid}/{ext}/{artifact}"),
            rejected("spec.keyTemplate", SEGMENTS, value="{uid}/{ext}/{artifact}"),
        ),
    ),
    Case(
        "keyTemplate with {ext} alone",
        with_template("{uid}/{artifact}/{ext}"),
        rejected("spec.keyTemplate", SEGMENTS, value="{uid}/{artifact}/{ext}"),
    ),
    Case(
        "keyTemplate with . and {ext}",
        with_template("{uid}/{artifact}/.{ext}"),
        rejected("spec.keyTemplate", SEGMENTS, value="{uid}/{artifact}/.{ext}"),
    ),
    Case(
        "keyTemplate with a placeholder twice",
        with_template("{org}/{org}/{uid}/{artifact}"),
        rejected("spec.keyTemplate", "must not contain a placeholder twice", value="{org}/{org}/{uid}/{artifact}"),
    ),
    Case(
        "keyTemplate with a space",
        with_template("{uid}/my recordings/{artifact}"),
        rejected("spec.keyTemplate", KEY_CHARACTERS, value="{uid}/my recordings/{artifact}"),
    ),
    Case(
        "keyTemplate with a percent sign",
        with_template("{uid}/%2e%2e/{artifact}"),
        rejected("spec.keyTemplate", KEY_CHARACTERS, value="{uid}/%2e%2e/{artifact}"),
    ),
    Case(
        "keyTemplate with a backslash",
        with_template("{uid}\\{artifact}"),
        rejected("spec.keyTemplate", KEY_CHARACTERS, value="{uid}\\{artifact}"),
    ),
    Case(
        "keyTemplate in the operator's folder",
        with_template(".recording-operator/{uid}/{artifact}"),
        rejected(
            "spec.keyTemplate",
            "must not contain .recording-operator, which is reserved for the operator",
            value=".recording-operator/{uid}/{artifact}",
        ),
    ),
    Case(
        "keyTemplate too long",
        with_template("a" * 200 + "{uid}/{artifact}"),
        blocked(too_long("spec.keyTemplate", 200)),
    ),
    Case(
        "keyTemplate empty",
        with_template(""),
        several(
            rejected("spec.keyTemplate", "must contain {uid}, so that two recordings never share a key", value=""),
            rejected("spec.keyTemplate", "must contain {artifact}, so that two artifacts never share a key", value=""),
            rejected("spec.keyTemplate", SEGMENTS, value=""),
        ),
        older=several(
            rejected("spec.keyTemplate", "must contain {uid}, so that two recordings never share a key", value=""),
            rejected("spec.keyTemplate", "must contain {artifact}, so that two artifacts never share a key", value=""),
            rejected(
                "spec.keyTemplate",
                "index out of range: -1 evaluating rule: must not contain a placeholder twice",
                value="",
            ),
            rejected("spec.keyTemplate", SEGMENTS, value=""),
        ),
    ),
)
