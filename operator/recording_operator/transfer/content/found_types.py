"""Media types that content can have, by its format. docs/decisions/content.md says how a format is found."""

from dataclasses import dataclass
from typing import Final

_BOTH: Final = frozenset({"video", "audio"})
_VIDEO, _AUDIO, _IMAGE, _FILE = (frozenset({name}) for name in ("video", "audio", "image", "application"))
# Families of formats that have exactly one, or both of video and audio, which is the default.
_FAMILIES: Final = {
    **dict.fromkeys(("MPEG", "AV1", "FLV", "WTV", "DV", "IVF", "YUV4MPEG", "Dirac", "Motion JPEG"), _VIDEO),
    **dict.fromkeys(
        ("FLAC", "ID3", "APE tag", "Wave64", "IFF", "CAF", "AU", "AMR", "iLBC", "SILK", "AC-3", "DTS", "TrueHD",
         "WavPack", "True Audio", "Monkey's Audio", "Musepack", "DSF", "VOC", "NIST SPHERE", "IRCAM", "PAF", "SoX",
         "MIDI", "MPEG audio", "AAC", "LATM"),
        _AUDIO,
    ),
    **dict.fromkeys(("PNG", "JPEG", "GIF", "WebP", "TIFF", "HEIF"), _IMAGE),
    **dict.fromkeys(("PDF", "ZIP", "gzip", "bzip2", "xz", "Zstandard", "7z", "RAR", "OLE"), _FILE),
}  # fmt: skip
_MP3: Final = ("audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg-3")
_AAC: Final = ("audio/aac", "audio/aacp", "audio/x-aac", "audio/x-hx-aac-adts")
# https://www.iana.org/assignments/media-types, and names that are in use without registration.
_TYPES: Final = {
    "ISO media": ("video/mp4", "audio/mp4", "application/mp4", "video/quicktime", "video/x-m4v", "audio/x-m4a",
                  "audio/m4a", "video/3gpp", "audio/3gpp", "video/3gpp2", "audio/3gpp2", "video/mj2"),
    "Matroska": ("video/webm", "audio/webm", "video/matroska", "audio/matroska", "video/x-matroska",
                 "audio/x-matroska"),
    "MPEG": ("video/mpeg", "video/mp2p", "video/mp1s", "video/h264", "video/h265", "video/h266", "video/h263",
             "video/mp4v-es"),
    "MPEG-TS": ("video/mp2t", "video/vnd.dlna.mpeg-tts"),
    "Ogg": ("audio/ogg", "video/ogg", "application/ogg", "audio/opus", "audio/vorbis"),
    "FLAC": ("audio/flac", "audio/x-flac"),
    "ID3": (*_MP3, *_AAC),
    "MPEG audio": _MP3,
    "AAC": _AAC,
    "RIFF": ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "video/x-msvideo", "video/avi",
             "video/vnd.avi", "video/msvideo"),
    "IFF": ("audio/aiff", "audio/x-aiff"),
    "AU": ("audio/basic",),
    "AMR": ("audio/amr", "audio/amr-wb"),
    "FLV": ("video/x-flv",),
    "ASF": ("video/x-ms-wmv", "video/x-ms-asf", "audio/x-ms-wma", "application/vnd.ms-asf"),
    "MXF": ("application/mxf",),
    "RealMedia": ("application/vnd.rn-realmedia", "audio/vnd.rn-realaudio", "video/vnd.rn-realvideo"),
    "PDF": ("application/pdf", "application/x-pdf"),
    "PNG": ("image/png",),
    "JPEG": ("image/jpeg", "image/jpg"),
    "GIF": ("image/gif",),
    "WebP": ("image/webp",),
    "TIFF": ("image/tiff",),
    "HEIF": ("image/heif", "image/heic", "image/avif"),
    "ZIP": ("application/zip", "application/x-zip", "application/x-zip-compressed"),
    "gzip": ("application/gzip", "application/x-gzip"),
    "bzip2": ("application/x-bzip2",),
    "xz": ("application/x-xz",),
    "Zstandard": ("application/zstd",),
    "7z": ("application/x-7z-compressed",),
    "RAR": ("application/vnd.rar", "application/x-rar-compressed"),
    "HTML": ("text/html", "application/xhtml+xml"),
    "XML": ("application/xml", "text/xml"),
    "JSON": ("application/json", "text/json"),
    "a playlist": ("application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl"),
    "captions": ("text/vtt", "application/x-subrip", "text/srt"),
}  # fmt: skip
_KNOWN: Final = frozenset(name for names in _TYPES.values() for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTypes:
    """Types that content can have. `families` are the parts before the slash."""

    types: frozenset[str]
    families: frozenset[str]

    def fits(self, pattern: str) -> bool:
        """Whether the content can have a type of the pattern, such as video/mp4 or video/*.

        A type that is not in the table may be another name for the format, if its family is right.
        """
        family, _, subtype = pattern.partition("/")
        if subtype == "*":
            return family in self.families
        return pattern in self.types or (pattern not in _KNOWN and family in self.families)


def types_of_file(name: str, *, hint: str) -> FoundTypes:
    """Types of media, images and documents. `hint` decides between video and audio, where the format can be both."""
    families = _FAMILIES.get(name, _BOTH)
    types = _TYPES.get(name, ())
    if hint in families and families == _BOTH:
        families = frozenset({hint})
        types = tuple(one for one in types if one.partition("/")[0] not in _BOTH - families)
    return FoundTypes(types=frozenset(types), families=families)


def types_of_text(flavour: str | None, *, stated: str) -> FoundTypes:
    """Types of text: of its flavour, and the one that the source states, which is a type of text or empty."""
    types = set(_TYPES.get(flavour or "", ()))
    if stated and flavour != "HTML":
        types.add(stated)
    if not types:
        types.add("text/plain")
    return FoundTypes(types=frozenset(types), families=frozenset(name.partition("/")[0] for name in types))
