"""Write the names of fields in the SDKs of providers to the files here.

Run: PYTHONPATH=. .venv/bin/python -m tests.providers.schemas.extract

It needs npm. The files contain names only, no text of the SDKs. Tests read the files and need no network.
"""

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.providers.schemas.typescript import fields_of, texts_of

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """A package of the npm registry with the types of a provider."""

    package: str
    version: str
    integrity: str
    """SHA-512 of the archive, as in lock files of npm."""
    declarations: str
    """The file with the types, in the archive."""
    types: tuple[str, ...]
    texts: tuple[tuple[str, str], ...] = ()
    """Types and fields whose possible texts are listed too."""
    events: str = ""
    """What the declarations of events look like; its group is the name of an event."""


SDKS: Final = {
    "zoom": Sdk(
        package="@zoom/rivet",
        version="0.4.0",
        integrity="sha512-bsY3PuPDmZWQtol1IWojUDye6SeaOdD+WF5B+MlWSV2VD/9+LNpBkayb4YuUp0lksANHBcNROo1QxQKPWH7IEw==",
        declarations="meetings/meetings.d.ts",
        types=(
            "RecordingCompletedEvent",
            "RecordingTranscriptCompletedEvent",
            "CloudRecordingGetMeetingRecordingsResponse",
        ),
        texts=(
            ("RecordingCompletedEvent", "file_type"),
            ("RecordingCompletedEvent", "recording_type"),
            ("RecordingTranscriptCompletedEvent", "recording_type"),
            ("CloudRecordingGetMeetingRecordingsResponse", "file_type"),
            ("CloudRecordingGetMeetingRecordingsResponse", "recording_type"),
        ),
        events=r'Event<"(recording\.\w+)">',
    ),
    "meetingbaas": Sdk(
        package="@meeting-baas/sdk",
        version="6.0.5",
        integrity="sha512-gDF2P/bQ9wZ1tO5V1/pNRj/FCIXGEUtd6VF1tox2WKDYxB7NU0VppEXwZfwWPDm3bCw72GDre1+XA67WnBFlPw==",
        declarations="dist/index.d.ts",
        types=(
            "BotWebhookCompleted",
            "BotWebhookCompletedData",
            "BotWebhookFailed",
            "BotWebhookFailedData",
            "GetBotDetailsResponse",
            "GetBotDetailsResponseData",
        ),
    ),
    "gladia": Sdk(
        package="@gladiaio/sdk",
        version="2.1.0",
        integrity="sha512-Wh4gI8mnsEny/mq3hco1Hy/M2ckQfuLaYNLOX22J2+m0LTiP+U466Y5TemDZML+v78Y+9NpDnVwkPwVowBetTg==",
        declarations="dist/v2/prerecorded/generated-types.d.ts",
        types=("PreRecordedV2Response", "PreRecordedV2TranscriptionResult"),
        texts=(("PreRecordedV2Response", "status"),),
    ),
}


def main() -> None:
    """Download each SDK and write its file."""
    for name, sdk in SDKS.items():
        with tempfile.TemporaryDirectory() as folder:
            package = _unpacked(sdk, Path(folder))
            source = (package / sdk.declarations).read_text(encoding="utf-8")
            licence = json.loads((package / "package.json").read_text(encoding="utf-8"))["license"]
        document = {
            "package": f"{sdk.package}@{sdk.version}",
            "integrity": sdk.integrity,
            "licence": licence,
            "fields": {type_name: fields_of(source, type_name) for type_name in sdk.types},
            "texts": {f"{owner}.{field}": texts_of(source, owner, field) for owner, field in sdk.texts},
            "events": sorted(set(re.findall(sdk.events, source))) if sdk.events else [],
        }
        (HERE / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _unpacked(sdk: Sdk, folder: Path) -> Path:
    subprocess.run(["npm", "pack", "--silent", f"{sdk.package}@{sdk.version}"], cwd=folder, check=True)
    (archive,) = folder.glob("*.tgz")
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != sdk.integrity:
        raise SystemExit(f"{sdk.package}@{sdk.version} has integrity {found}. Expected {sdk.integrity}.")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


if __name__ == "__main__":
    main()
