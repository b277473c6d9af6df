"""Wrong bytes, as faulty disks, memory and programs produce them."""

from typing import Literal, get_args

How = Literal["flip", "truncate", "double", "swap", "zero tail", "shift"]
HOWS: tuple[How, ...] = get_args(How)
JoinFault = Literal["swap parts", "leave out a part", "double a part", "stale part"]
JOIN_FAULTS: tuple[JoinFault, ...] = get_args(JoinFault)


def garbled(body: bytes, how: How, at: float) -> bytes:
    """`body` (at least 2 bytes) changed at the fraction `at` of its length; always other bytes."""
    place = min(int(len(body) * at), len(body) - 1)
    match how:
        case "flip":
            changed = flipped(body, place, 1 << (place % 8))
        case "truncate":
            changed = body[:place]
        case "double":
            changed = body + body
        case "swap":
            middle = len(body) // 2
            changed = body[middle:] + body[:middle]
        case "zero tail":
            changed = body[:place] + bytes(len(body) - place)
        case "shift":
            changed = body[1:] + body[:1]
    return changed if changed != body else flipped(body, place, 1)


def flipped(body: bytes, place: int, mask: int) -> bytes:
    """`body` with the bits of `mask` changed in one byte."""
    return body[:place] + bytes([body[place] ^ mask]) + body[place + 1 :]


def misjoined(parts: list[bytes], fault: JoinFault) -> bytes:
    """Two or more parts joined wrongly. The result always differs from the correct join."""
    right = b"".join(parts)
    match fault:
        case "swap parts":
            joined = b"".join([parts[1], parts[0], *parts[2:]])
        case "leave out a part":
            joined = b"".join(parts[:-2] + parts[-1:])
        case "double a part":
            joined = b"".join([parts[0], *parts])
        case "stale part":
            joined = b"".join([parts[0], parts[0][: len(parts[1])], *parts[2:]])
    return joined if joined != right else flipped(right, 0, 1)
