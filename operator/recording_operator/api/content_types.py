"""Lists of media types, and families of them, that may be stored."""

from typing import Final

_TYPE: Final = "[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
CONTENT_TYPE_PATTERN: Final = f"^{_TYPE}/({_TYPE}|[*])$"
CONTENT_TYPE_PATTERN_MESSAGE: Final = (
    "write a media type in lower case without parameters, such as video/mp4, or a family such as video/*"
)
