"""The corruptions, by class. Each differs from a strong fact: what the source states about its bytes (length, range,
validator), what the spec says (size, checksum), what the store was sent, or what TLS protects.

A source whose statements are all wrong in the same way, and a store whose bytes do not match the checksum that it
returns, cannot be detected, so there are no classes for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from tests.endurance.scene import PART, Met, Scene
from tests.endurance.store_faults import (
    anothers_object,
    error_in_200,
    false_complete,
    false_head,
    false_list,
    false_put,
    garbled_part,
    garbled_part_unseen,
    garbled_put,
    misjoined,
)
from tests.support.desync import HINTS, STRANGER, Desync
from tests.support.flipping_proxy import CHANGES, Direction, FlippingProxy
from tests.support.garble import HOWS, How, garbled
from tests.support.lying_source import Behaviour, Content, Framing, SourceRequest
from tests.support.transfers import pattern, sum_of

Where = Literal["source", "wire", "store"]
Size = Literal["small", "parts"]
ALGORITHMS = ("sha256", "md5", "crc32", "crc64nvme")
REORDERED: tuple[How, ...] = ("flip", "swap", "shift", "zero tail")
RESIZED: tuple[How, ...] = ("truncate", "double")
FRAMINGS: tuple[Framing, ...] = ("length", "chunked", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """A class of corruption. `set_up` prepares a scene and returns a function that tests whether the fault occurred."""

    name: str
    where: Where
    set_up: Callable[[Scene], Met]
    tls: bool = False
    size: Size = "parts"
    dialect: str = "aws"


def corruptions() -> tuple[Corruption, ...]:
    """Every class."""
    return (*_of_the_source(), *_of_the_wire(), *_of_the_store())


def _of_the_source() -> list[Corruption]:
    found = {
        "bits, length or order changed; checksum in the spec": _changed_bytes,
        "bytes of another place under the right Content-Range; checksum in the spec": _other_place,
        "cut before its Content-Length": _cut,
        "twice as long as the range that it states": _doubled,
        "shorter than the range that it states": _short,
        "another version, with its own ETag": _stale_etag,
        "another version, with its own weak ETag": _stale_weak_etag,
        "another version, with its own Last-Modified": _stale_date,
        "another range than asked for, in a 206": _other_range,
        "a Content-Range that is missing, broken or of another total": _broken_range,
        "the whole with 200 in place of a range": _whole,
        "an error page with 200 in place of a range": _page,
        "of another size than in the spec": _other_size,
        "always the same wrong bytes; checksum in the spec": _always_wrong,
        "chunked, without its end": _chunked_cut,
        "ended by closing, too early; size in the spec": _closed_cut,
        "compressed in mid-transfer": _compressed,
        "changed while nobody looked, no validator": _changed_unseen,
    }
    return [Corruption(name=name, where="source", set_up=set_up) for name, set_up in found.items()]


def _of_the_wire() -> list[Corruption]:
    return [
        Corruption(name="source to operator, TLS", where="wire", set_up=_on_the_way_from_source, tls=True),
        Corruption(name="source to operator, plain; checksum in the spec", where="wire", set_up=_plain_from_source),
        Corruption(name="operator to store, TLS", where="wire", set_up=_on_the_way_to_store, tls=True),
        Corruption(name="store to operator, TLS", where="wire", set_up=_on_the_way_from_store, tls=True),
        Corruption(name="operator to store, plain", where="wire", set_up=_on_the_way_to_store),
        Corruption(name="responses of the source out of step", where="wire", set_up=_source_out_of_step),
        Corruption(name="responses of the store out of step", where="wire", set_up=_store_out_of_step),
        Corruption(name="the same, small object", where="wire", set_up=_store_out_of_step, size="small"),
    ]


def _of_the_store() -> list[Corruption]:
    return [
        Corruption(name="a part is kept otherwise", where="store", set_up=garbled_part),
        Corruption(name="a part is kept otherwise, its sum not shown", where="store", set_up=garbled_part_unseen),
        Corruption(name="parts joined wrongly (swapped, twice, left out, stale)", where="store", set_up=misjoined),
        Corruption(name="a part is kept otherwise; no sums", where="store", set_up=garbled_part, dialect="no-sums"),
        Corruption(name="parts joined wrongly; no sums", where="store", set_up=misjoined, dialect="no-sums"),
        Corruption(
            name="a part is kept otherwise; no sums, no MD5 as ETag",
            where="store",
            set_up=garbled_part,
            dialect="nothing",
        ),
        Corruption(name="a small object is kept otherwise", where="store", set_up=garbled_put, size="small"),
        Corruption(name="200 to Complete, and no object", where="store", set_up=false_complete),
        Corruption(name="200 to Put, and no object", where="store", set_up=false_put, size="small"),
        Corruption(name="200 to Complete with an error in it", where="store", set_up=error_in_200),
        Corruption(name="200 to Complete, another's object is there", where="store", set_up=anothers_object),
        Corruption(name="HEAD tells of another object", where="store", set_up=false_head),
        Corruption(name="ListParts tells of another part", where="store", set_up=false_list),
    ]


# The source


def _was_served(scene: Scene) -> Met:
    return lambda: scene.hits > 0


def _ranged(scene: Scene, answer: Callable[[SourceRequest, bytes], Behaviour]) -> Met:
    scene.lie(answer)
    return _was_served(scene)


def _sometimes_no_ranges(scene: Scene) -> None:
    scene.ranges = scene.draw.random() < 0.7


def _with_checksum(scene: Scene) -> None:
    scene.checksum = sum_of(scene.draw.choice(ALGORITHMS), scene.body)


def _changed_bytes(scene: Scene) -> Met:
    _sometimes_no_ranges(scene)
    _with_checksum(scene)
    how = scene.draw.choice(REORDERED)
    at = scene.draw.random()
    scene.lie(lambda _, right: replace(scene.truth(), body=garbled(right, how, at)), first=2)
    return _was_served(scene)


def _other_place(scene: Scene) -> Met:
    _with_checksum(scene)
    by = scene.draw.randrange(1, len(scene.body))

    def answer(request: SourceRequest, right: bytes) -> Behaviour:
        begin = ((request.first_byte or 0) + by) % len(scene.body)
        return Behaviour(body=(scene.body + scene.body)[begin : begin + len(right)])

    scene.lie(answer, first=2)
    return _was_served(scene)


def _cut(scene: Scene) -> Met:
    _sometimes_no_ranges(scene)
    share, reset = scene.draw.random(), scene.draw.random() < 0.5
    return _ranged(scene, lambda _, right: replace(scene.truth(), cut_after=int(len(right) * share), reset=reset))


def _doubled(scene: Scene) -> Met:
    chunked = scene.draw.random() < 0.5
    return _ranged(scene, lambda _, right: Behaviour(body=right + right, framing="chunked" if chunked else "length"))


def _short(scene: Scene) -> Met:
    chunked, share = scene.draw.random() < 0.5, scene.draw.random()
    return _ranged(
        scene,
        lambda _, right: Behaviour(body=right[: int(len(right) * share)], framing="chunked" if chunked else "length"),
    )


def _stale(scene: Scene, old: Content) -> Met:
    _sometimes_no_ranges(scene)
    return _ranged(scene, lambda *_: replace(scene.truth(), content=old, conditions=False))


def _older(scene: Scene) -> bytes:
    other = pattern(len(scene.body), seed=scene.draw.randrange(2**30))
    scene.truths.append(other)
    return other


def _stale_etag(scene: Scene) -> Met:
    return _stale(scene, Content(body=_older(scene), etag='"v0"'))


def _stale_weak_etag(scene: Scene) -> Met:
    scene.leg.source.content = Content(body=scene.body, etag='W/"v1"')
    return _stale(scene, Content(body=_older(scene), etag='W/"v0"'))


def _stale_date(scene: Scene) -> Met:
    date = "Mon, 02 Nov 2026 10:00:00 GMT"
    scene.leg.source.content = Content(body=scene.body, etag=None, last_modified=date)
    return _stale(scene, Content(body=_older(scene), etag=None, last_modified="Sun, 01 Nov 2026 10:00:00 GMT"))


def _other_range(scene: Scene) -> Met:
    by = scene.draw.choice((1, PART, -1, 7))

    def answer(request: SourceRequest, right: bytes) -> Behaviour:
        size = len(scene.body)
        begin = max(0, (request.first_byte or 0) + by) % size
        body = scene.body[begin : begin + len(right)]
        if body == right:
            begin, body = begin + 1, body[1:]
        return Behaviour(body=body, headers={"Content-Range": f"bytes {begin}-{begin + len(body) - 1}/{size}"})

    return _ranged(scene, answer)


def _broken_range(scene: Scene) -> Met:
    size = len(scene.body)
    value = scene.draw.choice((None, "", "bytes", "bytes 0-9", f"bytes 0-0/{size}", "bytes */5", "items 0-9/10"))
    other_total = scene.draw.random() < 0.4

    def answer(request: SourceRequest, right: bytes) -> Behaviour:
        if other_total:
            begin = request.first_byte or 0
            return Behaviour(headers={"Content-Range": f"bytes {begin}-{begin + len(right) - 1}/{size + 1}"})
        return Behaviour(headers={"Content-Range": value})

    return _ranged(scene, answer)


def _whole(scene: Scene) -> Met:
    return _ranged(scene, lambda *_: Behaviour(ranges=False))


def _page(scene: Scene) -> Met:
    page = b"<!doctype html><title>Sign in</title>" + b" " * scene.draw.randrange(2 * PART)
    framing = scene.draw.choice(FRAMINGS)
    bare = {"ETag": None} if scene.draw.random() < 0.7 else {}
    return _ranged(
        scene,
        lambda *_: Behaviour(ranges=False, body=page, framing=framing, headers={"Content-Type": "text/html", **bare}),
    )


def _other_size(scene: Scene) -> Met:
    scene.ranges = scene.draw.random() < 0.5
    scene.size = len(scene.body)
    how = scene.draw.choice(RESIZED)
    return _another_content(scene, garbled(scene.body, how, max(0.01, scene.draw.random())))


def _always_wrong(scene: Scene) -> Met:
    _sometimes_no_ranges(scene)
    _with_checksum(scene)
    how = scene.draw.choice(HOWS)
    return _another_content(scene, garbled(scene.body, how, max(0.01, scene.draw.random())))


def _another_content(scene: Scene, body: bytes) -> Met:
    scene.leg.source.content = Content(body=body)
    scene.lie(lambda *_: scene.truth(), first=1, times=1000)
    return _was_served(scene)


def _chunked_cut(scene: Scene) -> Met:
    scene.ranges = False
    share = scene.draw.random()

    def answer(_: SourceRequest, right: bytes) -> Behaviour:
        return Behaviour(ranges=False, framing="chunked without end", body=right[: int(len(right) * share)])

    return _ranged(scene, answer)


def _closed_cut(scene: Scene) -> Met:
    scene.ranges, scene.size = False, len(scene.body)
    share = max(0.2, scene.draw.random() * 0.99)

    def answer(_: SourceRequest, right: bytes) -> Behaviour:
        return Behaviour(ranges=False, framing="close", body=right[: int(len(right) * share)])

    return _ranged(scene, answer)


def _compressed(scene: Scene) -> Met:
    _sometimes_no_ranges(scene)
    coding = scene.draw.choice(("gzip", "br", "x-unknown"))
    return _ranged(
        scene,
        lambda _, right: replace(scene.truth(), headers={"Content-Encoding": coding}, body=garbled(right, "shift", 0)),
    )


def _changed_unseen(scene: Scene) -> Met:
    _sometimes_no_ranges(scene)
    scene.leg.source.content = Content(body=scene.body, etag=None)
    new = Content(body=_older(scene), etag=None)

    def behave(request: SourceRequest) -> Behaviour:
        scene.hits += scene.attempt > 0
        return replace(scene.truth(), content=new) if scene.attempt else scene.interrupted(request)

    scene.leg.source.behave = behave
    return _was_served(scene)


# The wire


def _altered(scene: Scene, proxy: FlippingProxy, direction: Direction) -> Met:
    # TLS begins with some kilobytes of handshake; the body is what comes after.
    proxy.change(
        scene.draw.choice(CHANGES), direction=direction, after_bytes=scene.draw.randrange(len(scene.body) * 9 // 10)
    )
    return lambda: proxy.changed


def _on_the_way_from_source(scene: Scene) -> Met:
    return _altered(scene, scene.leg.to_source, "to client")


def _plain_from_source(scene: Scene) -> Met:
    _with_checksum(scene)
    return _altered(scene, scene.leg.to_source, "to client")


def _on_the_way_to_store(scene: Scene) -> Met:
    return _altered(scene, scene.leg.to_store, "to server")


def _on_the_way_from_store(scene: Scene) -> Met:
    proxy = scene.leg.to_store
    proxy.change(scene.draw.choice(CHANGES), direction="to client", after_bytes=scene.draw.randrange(4000))
    return lambda: proxy.changed


def _out_of_step(scene: Scene) -> list[Desync]:
    draw = scene.draw
    return [
        Desync(
            early=draw.choice((b"", b"", b"", HINTS)),
            interim=draw.choice(((), (100,), (103,), (103, 103), (102, 100))),
            pause_s=draw.choice((0.0, 0.0, 0.05)),
            extra=draw.choice((b"", STRANGER, b"\r\n")),
            late=draw.choice((b"", b"", HINTS, STRANGER)),
            doubled=draw.random() < 0.3,
            pieces=draw.choice((0, 0, 3)),
            body_anyway=draw.choice((b"", b"", STRANGER)),
            close=draw.random() < 0.2,
        )
        for _ in range(draw.randrange(1, 12))
    ]


def _source_out_of_step(scene: Scene) -> Met:
    proxy = scene.leg.desync_source
    proxy.play(_out_of_step(scene))
    scene.leg.to_source.lead_to(proxy.port)
    return lambda: proxy.misbehaved > 0


def _store_out_of_step(scene: Scene) -> Met:
    proxy = scene.leg.desync_store
    proxy.play(_out_of_step(scene))
    scene.leg.to_store.lead_to(proxy.port)
    return lambda: proxy.misbehaved > 0
