"""The name of the file that an artifact becomes."""

import re
from typing import Final

from recording_operator.api.recording import ArtifactStatus
from recording_operator.engine.keys import EXTENSIONS

_EXTENSION: Final = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}\Z")


def file_name(recording: str, artifact: ArtifactStatus) -> str:
    """Name of the Recording and the artifact, with the extension of the key, or else of the stored content type.

    Nothing else of the key is used, and no separator of folders.
    """
    extension = _EXTENSION.search(str(artifact.key).rpartition("/")[2])
    media_type = (artifact.content_type or "").partition(";")[0].strip().lower()
    return f"{recording}-{artifact.name}{extension[0] if extension else EXTENSIONS.get(media_type, '')}"
