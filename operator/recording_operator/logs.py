"""Logs: one line of JSON (or text) for each record, without secrets.

One formatter processes every record, and redacts its message, its fields and its traceback. Values of known secrets
(Secrets that were read, tokens in use) are registered and redacted everywhere. Other secrets are found by patterns.
"""

import json
import logging
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TextIO

from recording_operator.api.masking import MARK, URL_PATTERNS

FIELDS: Final = ("namespace", "recording", "uid", "artifact", "location", "reason")
"""Keys that a log call may pass as `extra`; each becomes a field of the record."""

LogFormat = Literal["text", "json"]

# Names of query parameters, fields and headers whose value is secret, if followed by `=` or `:`.
_SENSITIVE: Final = (
    r"x-amz-[a-z-]+|x-goog-[a-z-]+|awsaccesskeyid|aws_[a-z_]*(?:key|token|key_id)|signature|sig|policy|key-pair-id"
    r"|[a-z_-]*(?:token|secret|password|passwd|api[_-]?key|apikey|credential)s?"
)
# For each pattern: words, one of which must be in the text (in lower case), because a substring search is cheaper than
# the pattern; the pattern; the replacement.
_SENSITIVE_HINTS: Final = ("x-amz-", "x-goog-", "aws", "sig", "policy", "key", "token", "secret", "passw", "credential")
_PATTERNS: Final = tuple(
    (hints, re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for hints, pattern, replacement in (
        (("-----begin",), r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MARK),
        *((("://",), pattern, replacement) for pattern, replacement in URL_PATTERNS),
        # whole headers, in any format
        (
            ("authorization", "cookie"),
            r"\b((?:proxy-)?authorization|(?:set-)?cookie)([\"']?\s*[=:]\s*[\"']?)[^\"'\r\n]+",
            rf"\1\2{MARK}",
        ),
        # credentials of an Authorization header without its name
        (("bearer", "basic"), r"\b(bearer|basic)(\s+)(?=[^\s\"',]*[0-9=+/_])[^\s\"',]{8,}", rf"\1\2{MARK}"),
        (("aws4-hmac",), r"\bAWS4-HMAC-SHA256[^\"'\r\n]*", MARK),
        # name=value and name: value, plain, in a query, in JSON or in a printed dict
        (
            _SENSITIVE_HINTS,
            rf"(?<![a-z0-9])({_SENSITIVE})([\"']?\s*[=:]\s*)([\"'])(?:(?!\3).)+\3",
            rf"\1\2\3{MARK}\3",
        ),
        (
            _SENSITIVE_HINTS,
            rf"(?<![a-z0-9])({_SENSITIVE})([\"']?\s*[=:]\s*)[^\s\"'&,;<>{{}}\[\]]+",
            rf"\1\2{MARK}",
        ),
        (("akia", "asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", MARK),
        # JSON web tokens, such as those of ServiceAccounts
        (("eyj",), r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?", MARK),
    )
)
_SHORTEST_SECRET: Final = 6
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
# Below this level, libraries log their requests with URLs and bodies.
_QUIET: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        ("aiohttp", "alembic", "asyncio", "boto3", "botocore", "kubernetes", "requests", "s3transfer"),
        logging.WARNING,
    ),
    # Every request that is not HTTP, and the start and end of the server.
    "uvicorn": logging.ERROR,
    # Each failed attempt of a request. The caller logs it or retries.
    "urllib3": logging.ERROR,
    # Every attempt of a LIST or WATCH while the API server is unavailable, and a traceback at the end: `kube.outage`
    # logs an outage once, the watcher why kopf ended and each restart.
    "kopf": logging.CRITICAL,
}


class Redactor:
    """Removes secrets from text. Thread-safe. Keeps the last `remembered` values that were registered."""

    def __init__(self, *, remembered: int = 4096) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._values: OrderedDict[str, None] = OrderedDict()
        self._longest_first: tuple[str, ...] | None = None  # a value may be part of another

    def register(self, value: str) -> None:
        """From now on `value` is redacted everywhere. Values under 6 characters are too short to be secrets."""
        if len(value) < _SHORTEST_SECRET or value in MARK:
            return
        with self._lock:
            self._values[value] = None
            self._values.move_to_end(value)
            while len(self._values) > self._remembered:
                self._values.popitem(last=False)
            self._longest_first = None

    def redact(self, text: str) -> str:
        """`text` without secrets. Doing it again changes nothing."""
        with self._lock:
            if self._longest_first is None:
                self._longest_first = tuple(sorted(self._values, key=len, reverse=True))
            values = self._longest_first
        while True:
            redacted = redact_shapes(_without(text, values))
            if redacted == text:
                return text
            text = redacted  # again, because a replacement may create a new match


def redact_shapes(text: str) -> str:
    """`text` without what looks like a secret: queries and user names of URLs, credentials, keys, tokens."""
    # With IGNORECASE, a pattern matches some non-ASCII letters that `lower` does not change.
    lowered = text.lower() if text.isascii() else None
    for hints, pattern, replacement in _PATTERNS:
        if lowered is None or any(map(lowered.__contains__, hints)):
            text = pattern.sub(replacement, text)
    return text


class _Formatter(logging.Formatter):
    """Turns a record into its redacted fields. All output passes through here."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def fields(self, record: logging.LogRecord) -> dict[str, str]:
        """The fields by name, in output order."""
        shown = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redactor.redact(_message(record)),
        }
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                shown[name] = self._redactor.redact(str(value))
        if record.exc_info:
            shown["error"] = self._redactor.redact(self.formatException(record.exc_info))
        if record.stack_info:
            shown["stack"] = self._redactor.redact(record.stack_info)
        return shown


class JsonFormatter(_Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return json.dumps(self.fields(record))


class TextFormatter(_Formatter):
    """Text for a terminal. Control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        shown = self.fields(record)
        about = "/".join(shown[name] for name in ("namespace", "recording", "artifact", "location") if name in shown)
        line = f"{shown['time']} {shown['level']:<7} {about + ': ' if about else ''}{shown['message']}"
        line = line.replace("\n", "\\n")
        return "\n".join(part.translate(_CONTROLS) for part in (line, shown.get("error"), shown.get("stack")) if part)


def configure_logging(
    *, redactor: Redactor, log_format: LogFormat = "json", level: int = logging.INFO, stream: TextIO | None = None
) -> None:
    """Send all logs of the process to `stream` (standard error), redacted. This includes uncaught exceptions.

    `level` is the level of the operator; libraries stay at WARNING.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if log_format == "json" else TextFormatter(redactor))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, lowest in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, lowest))
    logging.captureWarnings(True)
    # If logging failed, the library would print the record without redaction.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong log call must not end what it reports on
        return f"(a log call with wrong arguments at {record.module}:{record.lineno})"


def _without(text: str, values: Sequence[str]) -> str:
    for value in values:
        text = text.replace(value, MARK)
    return text


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("recording_operator").critical(
        "The process ends because of an error", exc_info=(kind, error, trace)
    )


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is None or issubclass(arguments.exc_type, SystemExit):
        return
    name = arguments.thread.name if arguments.thread else "?"
    logging.getLogger("recording_operator").critical(
        "Thread %s ended because of an error",
        name,
        exc_info=(arguments.exc_type, arguments.exc_value, arguments.exc_traceback),
    )
