"""Removes secrets, and names on request, from everything that a bug report contains.

What looks like a secret is found by `logs.Redactor`, the redactor of the operator's logs. In addition, objects are read
for the places that users put secrets into: URLs, environment variables, annotations, contents. The values there are
registered with the redactor, so that they are removed from logs, Events and metrics too.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from recording_operator.api.masking import MARK
from recording_operator.api.names import GROUP
from recording_operator.logs import Redactor

_KEPT_ANNOTATIONS: Final = (f"{GROUP}/", "deployment.kubernetes.io/", "helm.sh/", "meta.helm.sh/", "checksum/")
_WHOLE_VALUES: Final = frozenset({"inline", "externalId", "caBundle"})
"""Content of a recording, the id that a role asks for, and certificates, which are of no use here."""
_NAMED_VALUES: Final = frozenset({"env", "httpHeaders"})
_ARGUMENTS: Final = frozenset({"args", "command"})
"""Of a container. Only the names of options are of use."""
_PUBLIC_OPTIONS: Final = ("--settings=", "--http-port=", "--log-format=", "--log-level=")
_PUBLIC_WORDS: Final = frozenset({"run", "receiver", "recording-operator"})
_ORGANISATIONS: Final = frozenset({"orgs", "byOrg"})
"""Lists of names, or of rows with names, in StorageReports."""
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]*)://([^\s/?#\"'<>\\]*)([^\s\"'<>\\]*)", re.IGNORECASE)
_KEPT_SCHEMES: Final = frozenset({"s3", "file"})
_LABEL: Final = re.compile(r'[{,](org|user|project|title)="((?:[^"\\]|\\.)+)"')
_URL_FIELDS: Final = frozenset({"url", "uri"})
"""Their paths may be secret too: webhooks of chat programs have a token there."""
_NAMES: Final = {"title": "title", "org": "org", "user": "user", "project": "project"}
_STORED: Final = ("s3://", "file://")
_SHORTEST_SECRET: Final = 6
_SHORTEST_TOKEN: Final = 12
"""Shorter segments of a path are words rather than tokens."""
_REMEMBERED: Final = 100_000


class ReportRedaction:
    """Redacts objects and texts. Objects that are given to `learn` first make the rest safer."""

    def __init__(self, *, anonymize: bool) -> None:
        self._redactor = Redactor(remembered=_REMEMBERED)
        self._pseudonyms: dict[str, str] | None = {} if anonymize else None
        self._pattern: re.Pattern[str] | None = None

    def learn(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Note the secrets and, to anonymize, the names in these objects."""
        for manifest in manifests:
            self._learn(manifest)
        self._compile()

    def learn_labels(self, text: str) -> None:
        """Note the names in the labels of metrics, to anonymize them."""
        for key, name in _LABEL.findall(text):
            self._note_name(key, name)
        self._compile()

    def _compile(self) -> None:
        names = sorted(self._pseudonyms or (), key=len, reverse=True)
        found = "|".join(map(re.escape, names))
        self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{found})(?![A-Za-z0-9])") if names else None

    def text(self, text: str) -> str:
        """A log, a metric or a message without secrets."""
        redacted = _URL.sub(_without_path, self._redactor.redact(text))
        if self._pattern is None or self._pseudonyms is None:
            return redacted
        pseudonyms = self._pseudonyms
        return self._pattern.sub(lambda match: pseudonyms[match[0]], redacted)

    def manifest(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """An object without secrets, and without what other programs have written into its metadata."""
        metadata = dict(manifest.get("metadata") or {})
        metadata.pop("managedFields", None)
        shown: dict[str, Any] = self._value("", {**manifest, "metadata": metadata})
        return shown

    def document(self, document: Any) -> Any:
        """Values of a JSON document without secrets. Its keys stay."""
        return self._value("", document)

    def _learn(self, value: Any, key: str = "") -> None:
        match value:
            case Mapping():
                self._learn_mapping(value)
            case list() | tuple():
                for one in value:
                    if key in _ORGANISATIONS:
                        self._note_name("org", one.get("name") if isinstance(one, Mapping) else one)
                    self._learn(one, key)
            case str() if key in _NAMES and value:
                self._note_name(key, value)
            case str() if key in _WHOLE_VALUES:
                self._register(value)
            case str() if "://" in value and not value.startswith(_STORED):
                for part in secret_parts(value, whole_path=key in _URL_FIELDS):
                    self._register(part)

    def _note_name(self, key: str, name: Any) -> None:
        if self._pseudonyms is not None and isinstance(name, str) and name:
            self._pseudonyms.setdefault(name, f"{_NAMES[key]}-{len(self._pseudonyms) + 1}")

    def _learn_arguments(self, arguments: list[Any]) -> None:
        """Any of them may be secret, or hold one in its words."""
        for one in map(str, arguments):
            if one in _PUBLIC_WORDS or one.startswith(_PUBLIC_OPTIONS):
                continue
            for word in one.split():
                value = word.partition("=")[2] if word.startswith("-") else word
                if value not in _PUBLIC_WORDS and (word == one or len(value) >= _SHORTEST_TOKEN or ":" in value):
                    self._register(value)
            if not one.startswith("-"):
                self._register(one)

    def _learn_mapping(self, value: Mapping[str, Any]) -> None:
        for name, one in value.items():
            if name == "annotations" and isinstance(one, Mapping):
                for annotation, text in one.items():
                    if not annotation.startswith(_KEPT_ANNOTATIONS):
                        self._register(str(text))
            elif name in _NAMED_VALUES and isinstance(one, list):
                for named in one:
                    self._register(str(named.get("value") or ""))
            elif name in _ARGUMENTS and isinstance(one, list):
                self._learn_arguments(one)
            elif name in _NAMES and isinstance(one, Mapping):
                self._note_name(name, one.get("value"))
                self._learn(one, name)
            else:
                self._learn(one, name)

    def _register(self, value: str) -> None:
        """Also as it is written in JSON, such as the lines of a log, and in Secrets."""
        plain, escaped = json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]
        for form in dict.fromkeys((value, plain, escaped)):
            self._redactor.register(form)
        if len(value) >= _SHORTEST_SECRET:
            self._redactor.register(base64.b64encode(value.encode()).decode())

    def _value(self, key: str, value: Any) -> Any:
        match value:
            case Mapping() if key == "annotations":
                return {name: self._annotation(name, one) for name, one in value.items()}
            case Mapping() if key == "binaryData":
                return dict.fromkeys(value, MARK)
            case Mapping():
                return {name: self._value(str(name), one) for name, one in value.items()}
            case list() | tuple() if key in _ARGUMENTS:
                return [self._argument(str(one)) for one in value]
            case list() | tuple():
                return [_named_value(one) if key in _NAMED_VALUES else self._value(key, one) for one in value]
            case str():
                return self._string(key, value)
            case _:
                return value

    def _annotation(self, name: str, value: Any) -> str:
        return self.text(str(value)) if name.startswith(_KEPT_ANNOTATIONS) else MARK

    def _argument(self, argument: str) -> str:
        if argument in _PUBLIC_WORDS or argument.startswith(_PUBLIC_OPTIONS):
            return self.text(argument)
        name, equals, _ = argument.partition("=")
        if not name.startswith("-") or len(name.split()) > 1:
            return MARK
        return f"{name}={MARK}" if equals else name

    def _string(self, key: str, value: str) -> str:
        if key in _WHOLE_VALUES and value:
            return f"{MARK} ({len(value.encode())} bytes)"
        if key in _URL_FIELDS and "://" in value and not value.startswith(_STORED):
            return _host_only(value)
        before = f"{key}="  # a key such as password tells the redactor what its value is
        redacted = self._redactor.redact(before + value)
        return self.text(redacted.removeprefix(before) if redacted.startswith(before) else MARK)


def secret_parts(text: str, *, whole_path: bool) -> list[str]:
    """What may be secret in a URL: user name, password, the values of its query, the fragment and perhaps the path."""
    try:
        url = urlsplit(text.strip())
        userinfo = [url.username or "", url.password or ""]
    except ValueError:
        return [text]
    values = [value for _, value in parse_qsl(url.query, keep_blank_values=True)]
    raw = [pair.partition("=")[2] for pair in url.query.split("&")]
    segments = [one for one in url.path.split("/") if len(one) >= _SHORTEST_TOKEN]
    path = [url.path.strip("/"), *segments] if whole_path else []
    found = [*userinfo, *values, *raw, url.query, url.fragment, *path]
    return [one for part in found for one in (part, unquote(part)) if len(one) >= _SHORTEST_SECRET]


def _without_path(match: re.Match[str]) -> str:
    """A URL with its scheme and host: any other part of it may be secret, also its path."""
    scheme, authority, rest = match.groups()
    if scheme.lower() in _KEPT_SCHEMES:
        return match[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{f'/{MARK}' if rest else ''}"


def _host_only(text: str) -> str:
    try:
        url = urlsplit(text.strip())
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return MARK
    return f"{url.scheme}://{url.hostname or ''}{port}/{MARK}"


def _named_value(named: Any) -> Any:
    """An environment variable or a header: its name and, if its value comes from elsewhere, from where."""
    if not isinstance(named, Mapping) or "value" not in named:
        return named
    return {**named, "value": MARK}
