"""Reads kubeconfig files without the Kubernetes client, whose import takes longer than most commands.

Only what needs no program: certificates and tokens. `connection.py` leaves users with a plug-in to the client.
Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEEDS_CLIENT: Final = ("exec", "auth-provider", "username", "password")


class KubeconfigError(Exception):
    """The files contain no usable context. The message says why, and quotes no value of a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A cluster, a user or a context. File names in it are relative to `folder`."""

    folder: Path = Path()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str | None:
        """A value that is a text."""
        value = self.values.get(key)
        return str(value) if value else None

    def file(self, key: str) -> Path | None:
        """A value that is the name of a file."""
        name = self.text(key)
        return None if name is None else self.folder / name


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeconfig:
    """Several files as one: the first file that has a name, or a current context, wins."""

    current_context: str | None
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]

    @classmethod
    def read(cls, files: Sequence[Path]) -> Self:
        """Read the files. Of several, those that are missing are left out. Raises KubeconfigError."""
        found = [path for path in files if path.exists()] if len(files) > 1 else list(files)
        contents = [(path.parent, _content(path)) for path in found]
        current = next((str(one["current-context"]) for _, one in contents if one.get("current-context")), None)
        return cls(
            current_context=current,
            clusters=_named(contents, "clusters", "cluster"),
            users=_named(contents, "users", "user"),
            contexts=_named(contents, "contexts", "context"),
        )

    def select(self, context: str | None) -> "SelectedContext":
        """A context by its name, or the current one. Raises KubeconfigError."""
        name = context or self.current_context
        if name is None:
            raise KubeconfigError("it has no current-context. Set --context")
        if name not in self.contexts:
            raise KubeconfigError(f"it has no context {name}. It has {', '.join(sorted(self.contexts)) or 'none'}")
        chosen = self.contexts[name]
        cluster = self.clusters.get(chosen.text("cluster") or "")
        if cluster is None or cluster.text("server") is None:
            raise KubeconfigError(f"context {name} names a cluster without a server")
        user = self.users.get(chosen.text("user") or "", Entry())
        return SelectedContext(name=name, cluster=cluster, user=user, namespace=chosen.text("namespace") or "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedContext:
    """A context with its cluster and user."""

    name: str
    cluster: Entry
    user: Entry
    namespace: str

    @property
    def needs_client(self) -> bool:
        """Whether the user's credentials come from a program, or in a way that only the Kubernetes client knows."""
        return any(key in self.user.values for key in _NEEDS_CLIENT)


def kubeconfig_files(explicit: Path | None) -> tuple[Path, ...]:
    """The files to read: the given one, else those of KUBECONFIG, else ~/.kube/config."""
    if explicit is not None:
        return (explicit,)
    listed = tuple(Path(name).expanduser() for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name)
    return listed or (Path("~/.kube/config").expanduser(),)


def _content(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.load(path.read_bytes(), Loader=_LOADER)  # noqa: S506 - a safe loader, in C where there is one
    except OSError as error:
        raise KubeconfigError(str(error.strerror)) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise KubeconfigError("it is not YAML") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise KubeconfigError("it is not a kubeconfig")
    return content


def _named(contents: Sequence[tuple[Path, Mapping[str, Any]]], plural: str, singular: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for folder, content in contents:
        listed = content.get(plural) or ()
        if not isinstance(listed, list | tuple):
            raise KubeconfigError(f"{plural} is not a list")
        for entry in listed:
            if isinstance(entry, dict) and isinstance(entry.get(singular) or {}, dict):
                name = str(entry.get("name"))
                entries.setdefault(name, Entry(folder=folder, values=entry.get(singular) or {}))
    return entries
