"""Helm, built from its pinned module, and the manifests that it renders."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from localcluster.builds import ensure_tools
from localcluster.extratools import HELM3, HELM4
from localcluster.install import PROJECT

CHART: Final = PROJECT / "charts" / "recording-operator"
RELEASE: Final = "recording-operator"
MONITORING_APIS: Final = tuple(
    f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")
)
_TIMEOUT_S: Final = 320
_TAKE_VALUES: Final = ("install", "upgrade", "template", "lint")
Object = dict[str, Any]


class HelmError(RuntimeError):
    """Helm failed. The message is its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """One version of Helm; with `kubeconfig`, against a cluster."""

    program: Path
    home: Path
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """Return what it printed. Raises HelmError."""
        given = ["--values=-"] if arguments[0] in _TAKE_VALUES else []
        done = subprocess.run(
            [str(self.program), *arguments, *given],
            input=yaml.safe_dump(_with_image(values or {})),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise HelmError(done.stderr.strip())
        return done.stdout

    def render(
        self, values: Mapping[str, Any] | None = None, *, apis: Sequence[str] = (), namespace: str = "recordings"
    ) -> str:
        """Return the manifests as text. Raises HelmError."""
        options = [f"--namespace={namespace}", *(f"--api-versions={api}" for api in apis)]
        return self("template", RELEASE, str(CHART), *options, values=values or {})

    def objects(self, values: Mapping[str, Any] | None = None, *, apis: Sequence[str] = ()) -> list[Object]:
        """Return the manifests. Raises HelmError."""
        return parsed(self.render(values, apis=apis))

    def _environment(self) -> dict[str, str]:
        folders = {f"HELM_{name}_HOME": str(self.home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        cluster = {"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {"KUBECONFIG": os.devnull}
        return {**os.environ, **folders, **cluster}


def _with_image(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and the image that nothing can be installed without."""
    return {**values, "image": {"repository": "registry.test/recording-operator", **values.get("image", {})}}


def parsed(manifests: str) -> list[Object]:
    """Return the objects in a text of several documents."""
    # The parser in C: the one in Python takes half a second for a chart.
    return [document for document in yaml.load_all(manifests, Loader=yaml.CSafeLoader) if document]


def one(objects: Sequence[Object], kind: str, *, name: str | None = None) -> Object:
    """Return the only object of a kind (and name)."""
    found = [item for item in objects if item["kind"] == kind and name in (None, item["metadata"]["name"])]
    assert len(found) == 1, [item["metadata"]["name"] for item in found]
    return found[0]


def programs() -> dict[str, Path]:
    """Return the path of each version of Helm, built where missing."""
    return dict(ensure_tools((HELM3, HELM4)))
