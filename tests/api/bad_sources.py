"""Sources that the API server rejects, with the expected messages. No message contains a signature."""

from typing import Final

from tests.api.cases import Case, blocked, missing, out_of_bounds, rejected, several, too_long, unknown, wrong_type
from tests.api.manifests import CANARY, SIGNATURE, URL, a_recording, an_artifact, with_source, with_url

URL_FIELD: Final = "spec.artifacts[0].source.url"
OBJECT_NAME: Final = (
    "write the name of an object: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)
ABSOLUTE: Final = "must be an absolute http or https URL such as https://host/path"
PRINTABLE: Final = "must not contain spaces, control characters or letters outside ASCII; percent-encode them"
ADDRESS: Final = "must contain a host name, or an address of four decimal numbers such as 203.0.113.7"
SECRET_KEY: Final = "write a key of the Secret: letters, digits, '-', '_' and '.'"
YEARS: Final = "must be a time in the years 2000 to 2999"
CHECKSUM: Final = (
    "write algorithm:hex in lower case with algorithm sha256 (64 digits), md5 (32), crc64nvme (16) or crc32 (8)"
)
ONE_SOURCE: Final = "set exactly one of url, urlSecretRef, object and upload; with provider, all may be left out"

BAD_SOURCES: Final = (
    Case(
        "url and ref",
        with_source(urlSecretRef={"name": "s", "key": "k"}),
        rejected("spec.artifacts[0].source", ONE_SOURCE),
    ),
    Case("neither url nor ref", a_recording(an_artifact(source={})), rejected("spec.artifacts[0].source", ONE_SOURCE)),
    Case(
        "ref without key",
        a_recording(an_artifact(source={"urlSecretRef": {"name": "s"}})),
        blocked(missing("spec.artifacts[0].source.urlSecretRef.key")),
    ),
    Case(
        "urlSecretRef of an impossible name",
        a_recording(an_artifact(source={"urlSecretRef": {"name": "S", "key": "k"}})),
        rejected("spec.artifacts[0].source.urlSecretRef.name", OBJECT_NAME),
    ),
    Case(
        "ref key space",
        a_recording(an_artifact(source={"urlSecretRef": {"name": "s", "key": "a b"}})),
        rejected("spec.artifacts[0].source.urlSecretRef.key", SECRET_KEY),
    ),
    Case(
        "ref namespace",
        a_recording(an_artifact(source={"urlSecretRef": {"name": "s", "key": "k", "namespace": "kube-system"}})),
        unknown("Recording", "spec.artifacts[0].source.urlSecretRef.namespace"),
    ),
    Case(
        "source as text",
        a_recording(an_artifact(source=URL)),
        blocked(wrong_type("spec.artifacts[0].source", "object", got="string")),
    ),
    Case("url no scheme", with_url("media.example.com/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url empty", with_url(""), rejected(URL_FIELD, ABSOLUTE)),
    Case("url ftp", with_url("ftp://media.example.com/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url file", with_url("file:///etc/passwd" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url javascript", with_url("javascript:alert(1)" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url data", with_url("data:text/plain," + CANARY), rejected(URL_FIELD, ABSOLUTE)),
    Case("url s3", with_url("s3://bucket/key"), rejected(URL_FIELD, ABSOLUTE)),
    Case(
        "url with user name and password",
        with_url("https://me:" + CANARY + "@media.example.com/a"),
        rejected(URL_FIELD, "must not contain a user name or password; use headersSecretRef"),
    ),
    Case("url space", with_url("https://media.example.com/a b" + SIGNATURE), rejected(URL_FIELD, PRINTABLE)),
    Case("url tab", with_url("https://media.example.com/a\tb" + SIGNATURE), rejected(URL_FIELD, PRINTABLE)),
    Case("url newline", with_url("https://media.example.com/a" + SIGNATURE + "\n"), rejected(URL_FIELD, PRINTABLE)),
    Case(
        "url crlf", with_url("https://media.example.com/a" + SIGNATURE + "\r\nHost: x"), rejected(URL_FIELD, PRINTABLE)
    ),
    Case("url NUL", with_url("https://media.example.com/a\u0000" + SIGNATURE), rejected(URL_FIELD, PRINTABLE)),
    Case(
        "url with an escape sequence",
        with_url("https://media.example.com/\u001b[31m" + SIGNATURE),
        rejected(URL_FIELD, PRINTABLE),
    ),
    Case(
        "url with a text direction override",
        with_url("https://media.example.com/\u202e" + SIGNATURE),
        rejected(URL_FIELD, PRINTABLE),
    ),
    Case(
        "url with a letter outside ASCII",
        with_url("https://media.example.com/ü" + SIGNATURE),
        rejected(URL_FIELD, PRINTABLE),
    ),
    Case(
        "url fragment",
        with_url("https://media.example.com/a" + SIGNATURE + "#x"),
        rejected(URL_FIELD, "must not contain a fragment ('#…'), which is never sent to a server"),
    ),
    Case(
        "url backslash",
        with_url("https://media.example.com\\@evil.example.com/a" + SIGNATURE),
        several(
            rejected(URL_FIELD, ABSOLUTE),
            rejected(URL_FIELD, "must not contain a user name or password; use headersSecretRef"),
        ),
    ),
    Case("url no host", with_url("https:///a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url port only", with_url("https://:443/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url port text", with_url("https://media.example.com:abc/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url port 99999", with_url("https://media.example.com:99999/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url 127.1", with_url("https://127.1/a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)),
    Case("url with a host in one number", with_url("https://2130706433/a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)),
    Case("url with an octal host", with_url("https://0177.0.0.1/a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)),
    Case("url with a hex host", with_url("https://0x7f.1/a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)),
    Case(
        "url with a host in one hex number", with_url("https://0x7f000001/a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)
    ),
    Case(
        "url with a percent-encoded host",
        with_url("https://127%2e0.0.1/a" + SIGNATURE),
        several(rejected(URL_FIELD, ABSOLUTE), rejected(URL_FIELD, ADDRESS)),
    ),
    Case("url with an address and a dot", with_url("https://127.0.0.1./a" + SIGNATURE), rejected(URL_FIELD, ADDRESS)),
    Case("url ipv6 zone", with_url("https://[fe80::1%25eth0]/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case("url ipv6 bad", with_url("https://[::g]/a" + SIGNATURE), rejected(URL_FIELD, ABSOLUTE)),
    Case(
        "url with a bad percent-encoding",
        with_url("https://media.example.com/%zz" + SIGNATURE),
        rejected(URL_FIELD, ABSOLUTE),
    ),
    Case(
        "url too long",
        with_url("https://media.example.com/" + "a" * 9000 + SIGNATURE),
        blocked(too_long(URL_FIELD, 8192)),
    ),
    Case("url number", with_url(5), blocked(wrong_type(URL_FIELD, "string", got="integer"))),
    Case("url object", with_url({"a": URL}), unknown("Recording", "spec.artifacts[0].source.url.a")),
    Case("url list", with_url([URL]), blocked(wrong_type(URL_FIELD, "string", got="array"))),
    Case(
        "expires tomorrow",
        with_source(expiresAt="tomorrow"),
        blocked(wrong_type("spec.artifacts[0].source.expiresAt", "date-time", got="tomorrow")),
    ),
    Case(
        "expires no zone",
        with_source(expiresAt="2026-11-21T12:00:00"),
        blocked(wrong_type("spec.artifacts[0].source.expiresAt", "date-time", got="2026-11-21T12:00:00")),
    ),
    Case(
        "expires date",
        with_source(expiresAt="2026-11-21"),
        blocked(wrong_type("spec.artifacts[0].source.expiresAt", "date-time", got="2026-11-21")),
    ),
    Case(
        "expires year 0",
        with_source(expiresAt="0000-01-01T00:00:00Z"),
        rejected("spec.artifacts[0].source.expiresAt", YEARS),
    ),
    Case(
        "expires year 9999",
        with_source(expiresAt="9999-12-31T23:59:59Z"),
        rejected("spec.artifacts[0].source.expiresAt", YEARS),
    ),
    Case(
        "expires offset",
        with_source(expiresAt="2026-11-21T12:00:00+99:99"),
        rejected(
            "spec.artifacts[0].source",
            "Invalid date-time formatted string 2026-11-21T12:00:00+99:99: parsing time "
            f'"2026-11-21T12:00:00+99:99": extra text: "+99:99" evaluating rule: {YEARS}',
            value="object",
        ),
    ),
    Case(
        "expires offset2",
        with_source(expiresAt="9999-12-31T23:59:59-01:00"),
        rejected("spec.artifacts[0].source.expiresAt", YEARS),
    ),
    Case(
        "expires lower",
        with_source(expiresAt="2026-11-21t12:00:00z"),
        rejected(
            "spec.artifacts[0].source",
            'Invalid date-time formatted string 2026-11-21t12:00:00z: parsing time "2026-11-21t12:00:00z" as '
            f'"2006-01-02T15:04:05": cannot parse "t12:00:00z" as "T" evaluating rule: {YEARS}',
            value="object",
        ),
    ),
    Case(
        "expires leap",
        with_source(expiresAt="2026-11-21T23:59:60Z"),
        blocked(wrong_type("spec.artifacts[0].source.expiresAt", "date-time", got="2026-11-21T23:59:60Z")),
    ),
    Case(
        "expires unix",
        with_source(expiresAt=1795262400),
        blocked(wrong_type("spec.artifacts[0].source.expiresAt", "date-time", got="int64")),
    ),
    Case(
        "size text",
        with_source(size="480000000"),
        blocked(wrong_type("spec.artifacts[0].source.size", "integer", got="string")),
    ),
    Case(
        "size -1",
        with_source(size=-1),
        out_of_bounds("spec.artifacts[0].source.size", -1, "be greater than or equal to 0"),
    ),
    Case(
        "size float",
        with_source(size=1.5),
        blocked(
            wrong_type("spec.artifacts[0].source.size", "int64", got="float64"),
            rejected(
                "<nil>",
                "Checked value must be of type integer with format int64 in spec.artifacts[0].source.size",
                value="",
            ),
        ),
        older=blocked(wrong_type("spec.artifacts[0].source.size", "integer", got="number")),
    ),
    Case(
        "size 1e30",
        with_source(size=10**30),
        blocked(
            wrong_type("spec.artifacts[0].source.size", "int64", got="float64"),
            rejected(
                "<nil>",
                "Checked value must be of type integer with format int64 in spec.artifacts[0].source.size",
                value="",
            ),
        ),
        older=blocked(wrong_type("spec.artifacts[0].source.size", "integer", got="number")),
    ),
    Case(
        "checksum no alg",
        with_source(checksum="ab" * 32),
        rejected(
            "spec.artifacts[0].source.checksum",
            CHECKSUM,
        ),
    ),
    Case(
        "checksum upper",
        with_source(checksum="sha256:" + "AB" * 32),
        rejected(
            "spec.artifacts[0].source.checksum",
            CHECKSUM,
        ),
    ),
    Case(
        "checksum short",
        with_source(checksum="sha256:abcd"),
        rejected("spec.artifacts[0].source.checksum", CHECKSUM),
    ),
    Case(
        "checksum long",
        with_source(checksum="sha512:" + "ab" * 64),
        blocked(too_long("spec.artifacts[0].source.checksum", 71)),
    ),
    Case("checksum empty", with_source(checksum=""), rejected("spec.artifacts[0].source.checksum", CHECKSUM)),
    Case("unknown in source", with_source(URL=URL), unknown("Recording", "spec.artifacts[0].source.URL")),
)
