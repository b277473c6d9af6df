"""The name of the file that an artifact becomes."""

import re
from typing import Final

_EXTENSION: Final = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}\Z")


def file_name(recording: str, artifact: str, key: str) -> str:
    """Name of the Recording and the artifact, with the extension of the key.

    Nothing else of the key is used, and no separator of folders.
    """
    extension = _EXTENSION.search(key.rpartition("/")[2])
    return f"{recording}-{artifact}{extension[0] if extension else ''}"
