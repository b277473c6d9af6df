"""Signatures of media files, and of other files that a server may send instead.

No library was good enough (docs/decisions/content.md). No text has one of these signatures. They are taken from the
specifications of the formats. tests/transfer/samples/heads.json contains the beginnings of files by real encoders.
"""

import re
from collections.abc import Callable
from typing import Final

_MEDIA: Final = {
    # The first box of ISO base media: its length (below 16 MiB, except for the content itself) and its name.
    "ISO media": rb"\0...(ftyp(?!hei[cxms]|hev[cxms]|mif1|msf1|avif|avis)|styp|moov|moof|sidx|ssix|emsg|prft|wide"
    rb"|free|skip|pnot|uuid|meta|pdin)|....mdat",
    "Matroska": rb"\x1aE\xdf\xa3|\x1fC\xb6u",  # the second one: a live stream that was joined in the middle
    # System and elementary streams, H.264 to H.266 too, begin with a start code; H.263 and H.261 with their own.
    "MPEG": rb"\0\0+\x01|\0\0[\x80-\x83]|\0\x01[\0-\x0f]",
    "AV1": rb"\x12\0\n",
    "Ogg": rb"OggS\0",
    "FLAC": rb"fLaC[\0\x80]",
    # The tag before MP3 and AAC may be longer than the part of the file that is checked.
    "ID3": rb"ID3[\x02-\x04][^\xff].[\0-\x7f]{4}",
    "APE tag": rb"APETAGEX..\0\0",
    "RIFF": rb"(RIFF|RF64|BW64|FFIR)....(WAVE|AVI |AMV |RMID)|RIFX....WAVE",
    "Wave64": rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",
    "IFF": rb"FORM....(AIFF|AIFC|8SVX)|FRM8\0...",
    "CAF": rb"caff\0[\x01\x02]",
    "AU": rb"\.snd\0\0|dns\..\0\0\0",
    "AMR": rb"#!AMR(-WB)?(_MC1\.0)?\n",
    "iLBC": rb"#!iLBC[23]0\n",
    "SILK": rb"\x02?#!SILK_V3",
    "RTP": rb"#!rtpplay1\.0 |MJR0000[12]",
    "FLV": rb"FLV\x01",
    "ASF": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "WTV": rb"\xb7\xd8\x00\x20\x37\x49\xda\x11",
    "AC-3": rb"\x0bw|w\x0b",
    "DTS": rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\0|\xff\x1f\0\xe8|DTSHDHDR",
    "TrueHD": rb"....\xf8\x72\x6f[\xba\xbb]",
    "DV": rb"\x1f\x07\0",
    "IVF": rb"DKIF\0\0",
    "YUV4MPEG": rb"YUV4MPEG2 [WHFIACX0-9]",
    "NUT": rb"nut/multimedia container\0",
    "Dirac": rb"BBCD[\0-\x1f\x80-\xff]",
    "RealMedia": rb"\.RMF\0\0|\.ra\xfd",
    "WavPack": rb"wvpk....[\x02-\x10]\x04",
    "True Audio": rb"TTA1[\x01-\x03]\0",
    "Monkey's Audio": rb"MAC .[\x0d-\x0f]",
    "Musepack": rb"MP\+[\x07\x17\x27\x37]|MPCKSH",
    "DSF": rb"DSD \x1c\0\0\0",
    "VOC": rb"Creative Voice File\x1a",
    "NIST SPHERE": rb"NIST_1[AB]\n +\d+\n",
    "IRCAM": rb"d\xa3[\x01-\x04]\0|\0[\x01-\x04]\xa3d",
    "PAF": rb" paf\0|fap \x01",
    "SoX": rb"\.SoX....\0|XoS\.\0",
    "MIDI": rb"MThd\0\0\0\x06",
    "Motion JPEG": rb"\xff\xd8\xff.*?\xff\xd9\xff\xd8\xff",
}
# Up to 64 KiB of any content may precede the first key of MXF.
_MXF_KEY: Final = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01"
_OTHERS: Final = {
    "PDF": rb"(?!\s*[<{\[]).{0,1019}%PDF-\d",  # readers take it anywhere in the first KiB
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF....WEBP",
    "TIFF": rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]",
    "HEIF": rb"\0...ftyp(hei[cxms]|hev[cxms]|mif1|msf1|avif|avis)",
    "ZIP": rb"PK(\x03\x04|\x05\x06|\x07\x08)",
    "gzip": rb"\x1f\x8b\x08",
    "bzip2": rb"BZh[1-9](1AY&SY|\x17rE8P\x90)",
    "xz": rb"\xfd7zXZ\0",
    "Zstandard": rb"\x28\xb5\x2f\xfd",
    "7z": rb"7z\xbc\xaf\x27\x1c",
    "RAR": rb"Rar!\x1a\x07",
    "OLE": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}
_ARCHIVES: Final = frozenset({"ZIP", "gzip", "bzip2", "xz", "Zstandard", "7z", "RAR"})


def _compiled(signatures: dict[str, bytes]) -> dict[str, re.Pattern[bytes]]:
    return {name: re.compile(pattern, re.DOTALL) for name, pattern in signatures.items()}


_MEDIA_PATTERNS: Final = _compiled(_MEDIA)
_OTHER_PATTERNS: Final = _compiled(_OTHERS)
_TS_PACKETS: Final = (188, 192, 204)
_TS_SYNC: Final = b"G"
_TS_FEWEST, _TS_ENOUGH = 4, 8
_TS_GARBAGE_BYTES: Final = 4096
_FRAMES_ENOUGH: Final = 3
_HEADER_BYTES: Final = 8
_ELEVEN_ONES: Final = 0x7FF
_MPEG_1: Final = 3
_LAYER_I, _LAYER_II = 3, 2
_KBITS: Final = {
    # By MPEG-1 or later, and by the bits of the layer (3 is layer I): ISO 11172-3 and 13818-3.
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def media_by_signature(head: bytes) -> str | None:
    """The format of audio or video, by a signature that no text has; None if there is none."""
    for name, pattern in _MEDIA_PATTERNS.items():
        if pattern.match(head):
            return name
    return "MXF" if _MXF_KEY in head else None


def media_by_frames(head: bytes) -> str | None:
    """The format of a bare stream, by repeated frame headers, which text may have by chance; None if unknown."""
    if _is_transport_stream(head):
        return "MPEG-TS"
    frames = head.lstrip(b"\0")
    return next((name for name, length_of in _FRAMES.items() if _is_chain(frames, length_of)), None)


def other_format(head: bytes) -> str | None:
    """The format of another file that has a signature, or None."""
    return next((name for name, pattern in _OTHER_PATTERNS.items() if pattern.match(head)), None)


def is_archive(name: str) -> bool:
    """Whether a format is an archive or a compression format."""
    return name in _ARCHIVES


def _is_transport_stream(head: bytes) -> bool:
    """Whether packets of one length all begin with the sync byte. The first packet may be truncated."""
    at = head.find(_TS_SYNC, 0, _TS_GARBAGE_BYTES)
    while at >= 0:
        for length in _TS_PACKETS:
            marks = head[at : at + length * _TS_ENOUGH : length]
            if len(marks) >= _TS_FEWEST and marks == _TS_SYNC * len(marks):
                return True
        at = head.find(_TS_SYNC, at + 1, _TS_GARBAGE_BYTES)
    return False


def _is_chain(head: bytes, length_of: Callable[[bytes], int | None]) -> bool:
    """Whether each frame ends where the next one begins. The last frame may be truncated."""
    at = frames = 0
    while frames < _FRAMES_ENOUGH and at + _HEADER_BYTES <= len(head):
        length = length_of(head[at : at + _HEADER_BYTES])
        if length is None:
            return False
        at, frames = at + length, frames + 1
    return frames > 0


def _mpeg_audio(header: bytes) -> int | None:
    """The length of an MPEG audio frame (layer I to III); None if the header is invalid."""
    bits = int.from_bytes(header[:4], "big")
    sync, version, layer = bits >> 21, bits >> 19 & 3, bits >> 17 & 3
    rate, sampling, padding = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if sync != _ELEVEN_ONES or version not in _RATES_HZ or layer == 0 or not 0 < rate < 15 or sampling == 3:  # noqa: PLR2004 - bits of the format
        return None
    bits_per_s = _KBITS[version == _MPEG_1, layer][rate - 1] * 1000
    hz = _RATES_HZ[version][sampling]
    if layer == _LAYER_I:
        return (12 * bits_per_s // hz + padding) * 4
    return (144 if layer == _LAYER_II or version == _MPEG_1 else 72) * bits_per_s // hz + padding


def _adts(header: bytes) -> int | None:
    """The length of an AAC frame; None if the header is invalid."""
    bits = int.from_bytes(header, "big")
    twelve_ones, layer, sampling, length = bits >> 52, bits >> 49 & 3, bits >> 42 & 15, bits >> 21 & 0x1FFF
    valid = twelve_ones == 0xFFF and layer == 0 and sampling <= 12 and length > 7  # noqa: PLR2004 - bits of the format
    return length if valid else None


def _loas(header: bytes) -> int | None:
    """The length of a LATM frame; None if the header is invalid."""
    bits = int.from_bytes(header[:3], "big")
    return (bits & 0x1FFF) + 3 if bits >> 13 == 0x2B7 else None  # noqa: PLR2004 - bits of the format


_FRAMES: Final[dict[str, Callable[[bytes], int | None]]] = {
    "MPEG audio": _mpeg_audio,
    "AAC": _adts,
    "LATM": _loas,
}
