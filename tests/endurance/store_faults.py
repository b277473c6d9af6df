"""The corruptions of a store: each one is added to the store of a scene, and returns a check whether it happened."""

from tests.endurance.scene import Met, Scene
from tests.support.garble import HOWS, JOIN_FAULTS
from tests.support.lying_source import Behaviour
from tests.support.strict_bucket import Attributes
from tests.support.strict_faults import About, ErrorIn200, FalseHead, FalseSuccess, Fault, Garble, Misjoin
from tests.support.transfers import KEY

ABOUT_OBJECTS: tuple[About, ...] = ("size", "sum", "absent", "owner")
ABOUT_PARTS: tuple[About, ...] = ("size", "sum")


def _scripted(scene: Scene, fault: Fault) -> Met:
    scene.fault(fault)
    return lambda: fault.met > 0


def garbled_part(scene: Scene) -> Met:
    draw = scene.draw
    action = Garble(how=draw.choice(HOWS), at=draw.random())
    times = draw.choice((1, 1, 2, 1000))
    return _scripted(scene, Fault(operation="UploadPart", action=action, first=draw.randrange(1, 5), times=times))


def garbled_part_unseen(scene: Scene) -> Met:
    scene.strict.bucket.shows_part_checksums = False
    return garbled_part(scene)


def misjoined(scene: Scene) -> Met:
    action = Misjoin(fault=scene.draw.choice(JOIN_FAULTS))
    return _scripted(
        scene, Fault(operation="CompleteMultipartUpload", action=action, times=scene.draw.choice((1, 2, 1000)))
    )


def garbled_put(scene: Scene) -> Met:
    action = Garble(how=scene.draw.choice(HOWS), at=scene.draw.random())
    return _scripted(scene, Fault(operation="PutObject", action=action, times=scene.draw.choice((1, 2, 1000))))


def false_complete(scene: Scene) -> Met:
    times = scene.draw.choice((1, 2, 5, 1000))
    return _scripted(scene, Fault(operation="CompleteMultipartUpload", action=FalseSuccess(), times=times))


def false_put(scene: Scene) -> Met:
    times = scene.draw.choice((1, 2, 5, 1000))
    return _scripted(scene, Fault(operation="PutObject", action=FalseSuccess(), times=times))


def error_in_200(scene: Scene) -> Met:
    draw = scene.draw
    scene.strict.bucket.after_complete = draw.choice(("OK", "NoSuchUpload", "PreconditionFailed"))
    action = ErrorIn200(done=draw.random() < 0.5, code=draw.choice(("InternalError", "SlowDown")))
    times = draw.choice((1, 2, 6))
    return _scripted(scene, Fault(operation="CompleteMultipartUpload", action=action, times=times))


def anothers_object(scene: Scene) -> Met:
    def answer(*_: object) -> Behaviour:
        if scene.strict.bucket.current(KEY) is None:
            foreign = Attributes(content_type="video/mp4", metadata={}, headers={})
            scene.strict.bucket.put(KEY, scene.body, foreign, if_absent=False)
        return scene.truth()

    scene.lie(answer, first=2, times=1)
    return _scripted(scene, Fault(operation="CompleteMultipartUpload", action=FalseSuccess(), times=1000))


def false_head(scene: Scene) -> Met:
    about = scene.draw.choice(ABOUT_OBJECTS)
    times = scene.draw.choice((1, 2))
    return _scripted(scene, Fault(operation="HeadObject", action=FalseHead(about=about), first=2, times=times))


def false_list(scene: Scene) -> Met:
    scene.leg.source.behave = lambda request: scene.truth() if scene.attempt else scene.interrupted(request)
    about = scene.draw.choice(ABOUT_PARTS)
    return _scripted(scene, Fault(operation="ListParts", action=FalseHead(about=about)))
