"""Edits by users during a simulation."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from recording_operator.api.meta import DeletionPolicy
from recording_operator.api.recording import ArtifactSpec, Phase, Recording, SourceRef
from tests.engine.builders import a_recording, an_artifact
from tests.engine.simulation.sources import draw_fate

if TYPE_CHECKING:
    from tests.engine.simulation.world import World

TTL = timedelta(hours=1)


class People:
    """They create, edit and delete, all at random."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._rng = world.rng
        self._urls = 0
        self._names = 0
        self.edits: list[Callable[[str], None]] = [
            self._fresh_url,
            self._fresh_url,
            self._suspend,
            self._suspend,
            self._cancel,
            self._retry,
            self._retry,
            self._priority,
            self._append,
            self._policy,
            self._delete,
            self._delete_and_create,
            self._world.api.annotate,
            self._title,
            self._label,
            self._strip_finalizers,
            self.move,
        ]

    def create(self) -> None:
        """One more Recording."""
        self._names += 1
        self._create(f"rec-{self._names}")

    def edit(self) -> None:
        """Do something to one of the Recordings."""
        uids = list(self._world.api.recordings)
        if uids:
            self._rng.choice(self.edits)(self._rng.choice(uids))

    def change_mind(self, uid: str) -> None:
        """Cancel or suspend, or leave it."""
        if uid in self._world.api.recordings:
            edits = (self._cancel, self._suspend, self._fresh_url, self._retry, self.move)
            self._rng.choice(edits)(uid)

    def move_one(self) -> str | None:
        """Move one of the Recordings that are Complete. Returns its uid."""
        uids = [uid for uid, one in self._world.api.recordings.items() if one.status.phase is Phase.COMPLETE]
        if not uids:
            return None
        uid = self._rng.choice(uids)
        self.move(uid)
        return uid

    def move(self, uid: str) -> None:
        """Name another location, or none. The API server permits that only while the Recording is Complete."""
        recording = self._world.api.recordings.get(uid)
        if recording is not None and recording.status.phase is Phase.COMPLETE:
            nowhere = (None,) if recording.spec.identity is None else ()
            self._edit(uid, storage_location=self._rng.choice(("archive", "vault", "egress", *nowhere)))

    def rotate_secret(self) -> None:
        """A Secret comes, goes or gets a fresh URL."""
        place = (self._rng.choice(("team-a", "team-b")), "source")
        self._world.trace("people", f"Secret of {place[0]}")
        if place in self._world.secrets and self._rng.random() < 0.4:
            del self._world.secrets[place]
        else:
            self.fill_secret(place[0])

    def fill_secret(self, namespace: str) -> None:
        """A Secret with a fresh URL."""
        self._world.secrets[namespace, "source"] = self._url()

    def _create(self, name: str) -> None:
        rng = self._rng
        namespace = rng.choice(("team-a", "team-b"))
        artifacts = [self._artifact(f"a{number}", namespace) for number in range(rng.choice((1, 1, 2, 3)))]
        recording = a_recording(
            *artifacts,
            name=name,
            namespace=namespace,
            location=rng.choice(("archive", "archive", "vault", None, None)),
            created=self._world.schedule.true_now,
            priority=rng.choice((0, 0, 0, 5, 100)),
            suspend=rng.random() < 0.05,
            deletion_policy=rng.choice((DeletionPolicy.RETAIN, DeletionPolicy.RETAIN, DeletionPolicy.DELETE)),
            ttl=rng.choice((None, None, TTL)),
        )
        meta = recording.metadata
        if all(
            (one.metadata.namespace, one.metadata.name) != (meta.namespace, meta.name)
            for one in self._world.api.recordings.values()
        ):
            stored = self._world.api.create(recording)
            self._world.trace("people", f"create {name} as {stored.metadata.uid[:8]}: {artifacts}")

    def _artifact(self, name: str, namespace: str) -> ArtifactSpec:
        kind, optional = self._rng.random(), self._rng.random() < 0.2
        if kind < 0.1:
            return an_artifact(name, inline="text", optional=optional)
        if kind < 0.15:
            return an_artifact(name, content="source", optional=optional)
        if kind < 0.25:
            return an_artifact(name, secret="source", optional=optional)
        if kind < 0.5 and "uploads" in self._world.faults:
            return an_artifact(name, upload=self._world.clients.upload(), optional=optional)
        if kind < 0.45 and "providers" in self._world.faults:
            return self._of_provider(name, optional=optional)
        if kind < 0.4:
            # Sometimes a key of another namespace.
            return an_artifact(
                name, key=self._key(self._rng.choice((namespace, namespace, "team-a"))), optional=optional
            )
        return an_artifact(name, url=self._url(), optional=optional)

    def _of_provider(self, name: str, *, optional: bool) -> ArtifactSpec:
        """A source that names a provider, alone or beside a URL, perhaps one that has no recording."""
        kind = self._rng.random()
        url = self._url() if kind < 0.5 else None
        fate = self._world.fates[url] if url is not None else None
        provider = self._world.provider.keep(f"bot-{self._rng.randrange(3)}", f"file-{self._urls}", fate=fate)
        if kind > 0.9:
            provider = provider.model_copy(update={"failure": "the bot was not admitted"})
        return an_artifact(name, url=url, provider=provider, optional=optional)

    def _key(self, namespace: str) -> str:
        self._urls += 1
        key = f"in/{namespace}/{self._urls}"
        self._world.fates[key] = draw_fate(self._rng, faulty="sources" in self._world.faults)
        return key

    def _url(self) -> str:
        self._urls += 1
        url = f"https://media.example.com/{self._urls}"
        self._world.fates[url] = draw_fate(self._rng, faulty="sources" in self._world.faults)
        return url

    # Edits

    def _edit(self, uid: str, **spec: object) -> None:
        self._world.trace("people", f"{uid[:8]} {spec}")
        self._world.api.edit(uid, **spec)

    def _spec(self, uid: str) -> Recording:
        return self._world.api.recordings[uid]

    def _fresh_url(self, uid: str) -> None:
        namespace = self._spec(uid).metadata.namespace

        def fresh(artifact: ArtifactSpec) -> ArtifactSpec:
            if artifact.source is not None and artifact.source.object is not None:
                named = artifact.source.object.model_copy(update={"key": self._key(namespace)})
                return artifact.model_copy(update={"source": SourceRef(object=named)})
            if artifact.source is None or artifact.source.url is None:
                return artifact
            return artifact.model_copy(update={"source": SourceRef(url=self._url(), provider=artifact.source.provider)})

        self._edit(uid, artifacts=tuple(fresh(one) for one in self._spec(uid).spec.artifacts))

    def _suspend(self, uid: str) -> None:
        self._edit(uid, suspend=not self._spec(uid).spec.suspend)

    def _cancel(self, uid: str) -> None:
        self._edit(uid, cancel=not self._spec(uid).spec.cancel)

    def _retry(self, uid: str) -> None:
        self._edit(uid, retry_token=f"{self._rng.random():.6f}")

    def _priority(self, uid: str) -> None:
        self._edit(uid, priority=self._rng.choice((-5, -1, 0, 4, 100)))

    def _title(self, uid: str) -> None:
        self._edit(uid, title=self._rng.choice(("", "Weekly sync", "Retrospective")))

    def _label(self, uid: str) -> None:
        labels = self._rng.choice(({}, {"team": "red"}, {"team": "blue"}))
        self._world.trace("people", f"{uid[:8]} {labels}")
        self._world.api.label(uid, dict(labels))

    def _append(self, uid: str) -> None:
        artifacts = self._spec(uid).spec.artifacts
        self._edit(
            uid, artifacts=(*artifacts, self._artifact(f"a{len(artifacts)}", self._spec(uid).metadata.namespace))
        )

    def _policy(self, uid: str) -> None:
        old = self._spec(uid).spec.deletion_policy
        new = DeletionPolicy.RETAIN if old is DeletionPolicy.DELETE else DeletionPolicy.DELETE
        self._edit(uid, deletion_policy=new)

    def _delete(self, uid: str) -> None:
        self._world.trace("people", f"delete {uid[:8]}")
        self._world.api.delete(uid)

    def _delete_and_create(self, uid: str) -> None:
        name = self._spec(uid).metadata.name
        self._delete(uid)
        self._create(name)

    def _strip_finalizers(self, uid: str) -> None:
        if self._spec(uid).metadata.deletion_timestamp is not None:
            self._world.trace("people", f"strip finalizers of {uid[:8]}")
            self._world.checker.objects_to_delete.discard(uid)
            self._world.api.strip_finalizers(uid)
